"""Features of ext file systems that keep an image from being sealed, by the names mke2fs(8) and ext4(5) give them.

Looked at when the vanilla image is inspected, so that nobody builds a base first to learn it.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import Problem
from pipeline.image.ext4.ext4 import SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE, Ext4Error, parse_superblock
from pipeline.image.ext4.tools import EXT
from pipeline.model.disk import Disk

_COPY = "give a copy of the image after: {command} 'COPY?offset={start}'"
_ANEW = "ask the vendor for an image made without it; or make the file system anew from a mounted copy: mke2fs -d"

# (feature word, bit): name, what it means here, what to do. Words: 1 incompatible, 2 read-only compatible (ext4(5)).
_REFUSED = {
    (1, 0x1): ("compression", "e2fsprogs do not know it", _ANEW),
    (1, 0x8): ("journal_dev", "it is a journal, not a file system", "give an image with the journal inside"),
    (1, 0x10): ("meta_bg", "its block group descriptors are scattered", _ANEW),
    (1, 0x100): (
        "mmp",
        "it notes which host has it open, and when",
        _COPY.replace("{command}", "tune2fs -O ^mmp") + "; a gateway shares its disk with nobody, so nothing is lost",
    ),
    (1, 0x1000): ("dirdata", "e2fsprogs cannot write it", _ANEW),
    (2, 0x80): ("has_snapshot", "e2fsprogs do not know it", _ANEW),
    (2, 0x200): ("bigalloc", "its blocks are allocated in clusters", _ANEW),
    (2, 0x800): ("replica", "e2fsprogs do not know it", _ANEW),
    (2, 0x1000): ("read-only", "it may not be written to", _COPY.replace("{command}", "tune2fs -O ^read-only")),
    (2, 0x4000): ("shared_blocks", "files share blocks", _COPY.replace("{command}", "e2fsck -E unshare_blocks")),
}
_KNOWN = (0x1F7DF | 0x20000, 0x1FFFF)
_UNKNOWN = "install a newer e2fsprogs and a newer pipeline, or ask the vendor for an image without it"
_JOURNAL = _COPY.replace("{command}", "e2fsck -fy, tune2fs -f -O ^has_journal, tune2fs -O has_journal; each with")


def reasons_against(raw: Path, disk: Disk) -> tuple[Problem, ...]:
    """What keeps the mounted ext file systems of an image from being sealed; all of it, with remedies."""
    with raw.open("rb") as stream:
        return tuple(
            Problem(
                f"partition {part.number} ({part.mountpoint}): {problem.what}",
                problem.remedy.replace("{start}", str(part.start)),
            )
            for part in disk.partitions
            if part.mountpoint is not None and part.filesystem in EXT
            for problem in _reasons(os.pread(stream.fileno(), SUPERBLOCK_SIZE, part.start + SUPERBLOCK_OFFSET))
        )


def _reasons(superblock: bytes) -> Iterator[Problem]:
    features = struct.unpack_from("<III", superblock, 92)
    found = [known for (word, bit), known in _REFUSED.items() if features[word] & bit]
    for name, meaning, remedy in found:
        yield Problem(f"its ext4 feature {name} keeps it from being sealed: {meaning}", remedy)
    for word, kind in ((1, "incompatible"), (2, "read-only compatible")):
        if strange := features[word] & ~_KNOWN[word - 1]:
            yield Problem(f"its {kind} ext4 features {strange:#x} are not known here", _UNKNOWN)
    if found:
        return
    try:
        parsed = parse_superblock(superblock)
    except Ext4Error as error:
        yield Problem(str(error), "run e2fsck on a copy of the image; if it finds nothing, report it")
        return
    if parsed.has_journal and (parsed.journal_device or not parsed.journal_inode):
        yield Problem("its journal lies on another device", _JOURNAL)
