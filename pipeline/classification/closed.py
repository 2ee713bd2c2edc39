"""Containers and bytes that the pipeline cannot read: they are reported, so that a person decides about them.

What is in them cannot be searched. A file that is passed over without a word would be one that holds no secret.
"""

from __future__ import annotations

import math
import re
from collections import Counter

# By first bytes: archives, compressed data, file systems, data bases and documents with packed streams, and everything
# that is encrypted.
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"7z\xbc\xaf\x27\x1c", "7z archive"),
    (b"Rar!\x1a\x07", "RAR archive"),
    (b"MSCF\0\0\0\0", "CAB archive"),
    (b"xar!", "XAR archive"),
    (b"\x60\xea", "ARJ archive"),
    (b"!<arch>\n", "ar archive"),
    (b"\xed\xab\xee\xdb", "RPM package"),
    (b"070701", "cpio archive"),
    (b"070702", "cpio archive"),
    (b"070707", "cpio archive"),
    (b"\xc7\x71", "cpio archive"),
    (b"JM\x01\0PK", "Java module"),
    (b"\xca\xfe\xd0\x0d", "Pack200 archive"),
    (b"\x04\x22\x4d\x18", "LZ4 data"),
    (b"\x02\x21\x4c\x18", "LZ4 data"),
    (b"LZIP\x01", "lzip data"),
    (b"\x89LZO\0", "LZO data"),
    (b"\xff\x06\0\0sNaPpY", "Snappy data"),
    (b"\x1f\x9d", "compress data"),
    (b"\x1f\xa0", "compress data"),
    (b"hsqs", "SquashFS file system"),
    (b"sqsh", "SquashFS file system"),
    (b"\x45\x3d\xcd\x28", "cramfs file system"),
    (b"LUKS\xba\xbe", "LUKS volume"),
    (b"SQLite format 3\0", "SQLite data base"),
    (b"H:2,block", "H2 data base"),
    (b"-- H2 0.5/B --", "H2 data base"),
    (b"%PDF-", "PDF document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "OLE document"),
    (b"Salted__", "OpenSSL's encrypted data"),
    (b"age-encryption.org/", "age's encrypted data"),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", "age's encrypted data"),
    (b"-----BEGIN PGP MESSAGE-----", "OpenPGP's encrypted data"),
    (b"\x85\x01\x0c\x03", "OpenPGP's encrypted data"),
    (b"\x8c\x0d\x04", "OpenPGP's encrypted data"),
)
_LATER: tuple[tuple[int, bytes, str], ...] = (
    (2, b"-lh0-", "LHA archive"),
    (2, b"-lh1-", "LHA archive"),
    (2, b"-lh5-", "LHA archive"),
    (2, b"-lh6-", "LHA archive"),
    (2, b"-lh7-", "LHA archive"),
    (32769, b"CD001", "ISO 9660 file system"),
    (1080, b"\x53\xef", "ext file system"),
    (510, b"\x55\xaa", "disk image"),
)
# What is packed by its nature and holds pictures, sound or letters: Java archives are full of them.
_MEDIA = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF....(?:WEBP|WAVE|AVI )|wOF[F2]|OggS|ID3|\xff[\xfa\xfb]|fLaC"
    rb"|\x00\x00\x00.ftyp|\x00\x00\x01\x00|II\*\x00|MM\x00\*|\x00\x01\x00\x00|OTTO|ttcf",
    re.DOTALL,
)
_SMALLEST = 512  # of fewer bytes nothing can be told by how they are spread
_LARGEST = 1 << 20


def closed(content: bytes) -> str:
    """Of which kind that is not opened here a file is; empty for every other file."""
    for magic, kind in _STARTS:
        if content.startswith(magic):
            return kind
    for place, magic, kind in _LATER:
        if content.startswith(magic, place):
            return kind
    return ""


def is_opaque(content: bytes) -> bool:
    """Whether bytes are spread so evenly that they are packed or encrypted, and by no program that is known here."""
    sample = content[:_LARGEST]
    if len(sample) < _SMALLEST or _MEDIA.match(sample) or _is_text(sample):
        return False
    entropy = -sum(count / len(sample) * math.log2(count / len(sample)) for count in Counter(sample).values())
    # Random bytes come that close to eight bits each, the fewer there are the less (Miller and Madow's correction).
    return entropy > 8 - 255 / (2 * len(sample) * math.log(2)) - 0.12


def _is_text(content: bytes) -> bool:
    if b"\0" in content:
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(content) - 3  # a letter that was cut in two
    return True
