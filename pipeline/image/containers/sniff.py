"""What a file of the build machine really is, told by its first bytes before anything else opens it.

libguestfs and qemu guess formats, and a file that calls itself raw can be a qcow2 that names any file of the build
machine as its backing file. So foreign bytes are looked at here first, by constants only.
"""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pipeline.errors import PipelineError

# Enough for everything looked at: ISO 9660 has its mark at 32 769, btrfs at 65 600.
HEAD = 66 << 10


class Container(StrEnum):
    """What a file is; the value is how a person calls it."""

    DISK = "disk image"
    EMPTY = "empty file"
    UNKNOWN = "unknown"
    GZIP = "gzip"
    XZ = "xz"
    ZSTD = "zstd"
    BZIP2 = "bzip2"
    LZ4 = "lz4"
    ZIP = "zip"
    SEVEN_ZIP = "7z"
    TAR = "tar"
    QCOW2 = "qcow2"
    QCOW1 = "qcow (version 1)"
    QED = "QED"
    VMDK = "VMDK"
    VHD = "VHD"
    VHDX = "VHDX"
    VDI = "VirtualBox VDI"
    PARALLELS = "Parallels disk"
    ANDROID_SPARSE = "Android sparse image"
    LUKS = "LUKS"
    SQUASHFS = "squashfs"
    ISO9660 = "ISO 9660"
    UBI = "UBI or UBIFS"
    JFFS2 = "JFFS2"


# Offset, bytes, meaning; the first match counts. Containers come before what may lie inside a disk image.
_MAGIC: tuple[tuple[int, bytes, Container], ...] = (
    (0, b"\x1f\x8b", Container.GZIP),
    (0, b"\xfd7zXZ\0", Container.XZ),
    (0, b"\x28\xb5\x2f\xfd", Container.ZSTD),
    (0, b"BZh", Container.BZIP2),
    (0, b"\x04\x22\x4d\x18", Container.LZ4),
    (0, b"PK\x03\x04", Container.ZIP),
    (0, b"7z\xbc\xaf\x27\x1c", Container.SEVEN_ZIP),
    (0, b"QFI\xfb\0\0\0\x01", Container.QCOW1),
    (0, b"QFI\xfb", Container.QCOW2),
    (0, b"QED\0", Container.QED),
    (0, b"KDMV", Container.VMDK),
    (0, b"COWD", Container.VMDK),
    (0, b"# Disk DescriptorFile", Container.VMDK),
    (0, b"conectix", Container.VHD),
    (0, b"vhdxfile", Container.VHDX),
    (0x40, b"\x7f\x10\xda\xbe", Container.VDI),
    (0, b"WithoutFreeSpace", Container.PARALLELS),
    (0, b"WithouFreSpacExt", Container.PARALLELS),
    (0, b"\x3a\xff\x26\xed", Container.ANDROID_SPARSE),
    (0, b"LUKS\xba\xbe", Container.LUKS),
    (0, b"hsqs", Container.SQUASHFS),
    (0, b"sqsh", Container.SQUASHFS),
    (0, b"UBI#", Container.UBI),
    (0, b"\x31\x18\x10\x06", Container.UBI),
    (0, b"\x85\x19", Container.JFFS2),
    (257, b"ustar", Container.TAR),
)
# What a partition table or a file system without one looks like.
_DISK: tuple[tuple[int, bytes], ...] = (
    (510, b"\x55\xaa"),
    (512, b"EFI PART"),
    (4096, b"EFI PART"),
    (1080, b"\x53\xef"),
    (0, b"XFSB"),
    (0x10040, b"_BHRfS_M"),
    (1024, b"\x10\x20\xf5\xf2"),
)


@dataclass(frozen=True)
class Qcow2:
    """What a qcow2 header says that decides whether the file stands alone.

    Attributes:
        features: names of things that make it depend on other files, on a key, or on our choosing a state.
    """

    version: int
    size: int
    features: tuple[str, ...]


def sniff(path: Path) -> Container:
    """What a regular file is.

    Raises:
        PipelineError: it is not there, is no regular file, or cannot be read.
    """
    return what_is(head_of(path))


def head_of(path: Path) -> bytes:
    """The first bytes of a regular file; `PipelineError` for anything else."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            kind = "a directory" if stat.S_ISDIR(about.st_mode) else "not a regular file"
            raise PipelineError(f"{path}: is {kind}", "give the path of an image file")
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as stream:
            return stream.read(HEAD)
    except FileNotFoundError:
        raise PipelineError(f"{path}: no such image", "check the path; there is nothing") from None
    except OSError as error:
        raise PipelineError(f"{path}: cannot be read: {error.strerror}", "check its permissions") from None


def what_is(head: bytes) -> Container:
    """What a file with these first bytes is."""
    if not head:
        return Container.EMPTY
    for offset, magic, container in _MAGIC:
        if head.startswith(magic, offset):
            return container
    # A hybrid ISO carries a partition table too, but its file system cannot be edited.
    if head.startswith(b"CD001", 0x8001):
        return Container.ISO9660
    if any(head.startswith(magic, offset) for offset, magic in _DISK):
        return Container.DISK
    return Container.UNKNOWN


def read_qcow2_header(head: bytes) -> Qcow2:
    """The header of a qcow2 file (qemu's docs/interop/qcow2.txt); `ValueError` when it is malformed."""
    if len(head) < 72 or not head.startswith(b"QFI\xfb"):
        raise ValueError("no qcow2 header")
    (version, backing_offset, backing_size, _, size, encryption, _, _, _, _, snapshots, _) = struct.unpack_from(
        ">IQIIQIIQQIIQ", head, 4
    )
    if version not in (2, 3):
        raise ValueError(f"qcow2 version {version} is not known")
    features: list[str] = []
    if backing_offset or backing_size:
        features.append("a backing file")
    if encryption:
        features.append("encryption")
    if snapshots:
        features.append("internal snapshots")
    header_length = 72
    if version == 3:
        if len(head) < 104:
            raise ValueError("qcow2 header is cut off")
        (incompatible,) = struct.unpack_from(">Q", head, 72)
        (header_length,) = struct.unpack_from(">I", head, 100)
        # Bit 0 dirty, 1 corrupt, 2 external data file, 3 compression type, 4 extended L2 entries.
        if incompatible & 1 << 1:
            features.append("a mark that it is corrupt")
        if incompatible & 1 << 2:
            features.append("an external data file")
        if incompatible & ~0b11111:
            features.append("unknown features")
    if _has_data_file_extension(head, header_length) and "an external data file" not in features:
        features.append("an external data file")
    return Qcow2(version, size, tuple(features))


def _has_data_file_extension(head: bytes, offset: int) -> bool:
    """Whether a header extension names an external data file, whatever the feature bits say."""
    while offset + 8 <= len(head):
        kind, length = struct.unpack_from(">II", head, offset)
        if kind == 0:
            return False
        if kind == 0x44415441:
            return True
        offset += 8 + (length + 7) // 8 * 8
    return False
