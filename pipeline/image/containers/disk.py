"""How a disk image is divided: MBR (with logical partitions), GPT, or a bare file system. Pure functions on bytes.

Nothing of the kernel or of libguestfs is asked, so that a damaged table gets an error that says what is wrong with it.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise

from pipeline.model.disk import Disk, Partition

Read = Callable[[int, int], bytes]
"""Bytes of the image: offset and length to what is there, shorter at its end."""

_EXTENDED = frozenset({0x05, 0x0F, 0x85})
_MOST_PARTITIONS = 128
_SECTOR = 512
_KNOWN_BOOT_SECTORS = (b"FAT12   ", b"FAT16   ", b"FAT     ")


class DiskError(ValueError):
    """A partition table that cannot be right; the text says why, the remedy what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy


_TRUNCATED = "get the image again and compare its size and digest with the vendor's: the file is probably cut off"
_DAMAGED = "get the image again: its partition table is damaged"


def parse_disk(read: Read, size: int) -> Disk:
    """The partitions of an image in the order of their numbers; file systems are named by their marks.

    An image without partition table is one file system and has a single partition with number 0.

    Args:
        size: of the image in bytes.

    Raises:
        DiskError: the table is damaged, or describes more than the file has.
    """
    first = read(0, 512)
    if read(_SECTOR, 8) == b"EFI PART" and not _is_older_gpt(read, size, first):
        return Disk(size, "gpt", tuple(_gpt(read, size)))
    if read(4096, 8) == b"EFI PART":
        raise DiskError(
            "the disk has sectors of 4096 bytes",
            "only images for disks with 512-byte sectors are supported: ask the vendor for one, or copy the partitions "
            "into a disk made with sfdisk",
        )
    whole = filesystem_at(read, 0)
    if first[510:512] == b"\x55\xaa" and (whole == "unknown" or _divides(read, size, first)):
        partitions = tuple(_mbr(read, size, first))
        if partitions:
            return Disk(size, "mbr", partitions)
        raise DiskError("the partition table is empty", "use an image that has partitions or a file system")
    return Disk(size, "none", (Partition(0, 0, size, whole),))


def _divides(read: Read, size: int, sector: bytes) -> bool:
    """Whether the boot sector is a sound partition table with file systems behind it.

    Then it counts, and the mark of a file system in front of it is a remnant: the whole medium was formatted once and
    partitioned later, which leaves an old superblock at byte 1080 (mke2fs wipes old tables, sfdisk no superblocks).
    The boot code of a FAT file system without partitions is no sound table.
    """
    try:
        partitions = sorted(_mbr(read, size, sector), key=lambda partition: partition.start)
    except DiskError:
        return False
    apart = all(one.start + one.size <= other.start for one, other in pairwise(partitions))
    first = min((partition.start for partition in partitions), default=0)
    return apart and first >= _SECTOR and any(partition.filesystem != "unknown" for partition in partitions)


def _is_older_gpt(read: Read, size: int, sector: bytes) -> bool:
    """Whether a GPT is the remnant of an older division: nothing in the boot sector protects it, and that one divides.

    The kernel looks at a GPT only behind a protective entry (type EE; block/partitions/efi.c).
    """
    protected = any(sector[446 + 16 * number + 4] == 0xEE for number in range(4) if len(sector) == _SECTOR)
    return sector[510:512] == b"\x55\xaa" and not protected and _divides(read, size, sector)


def filesystem_at(read: Read, start: int) -> str:
    """The file system that begins at an offset, as libguestfs names it; ``unknown`` when there is no mark of one."""
    head = read(start, 512)
    if head[510:512] == b"\x55\xaa" and (head[54:62] in _KNOWN_BOOT_SECTORS or head[82:90] == b"FAT32   "):
        return "vfat"
    if head.startswith(b"XFSB"):
        return "xfs"
    if head.startswith(b"LUKS\xba\xbe"):
        return "crypto_LUKS"
    if head.startswith((b"hsqs", b"sqsh")):
        return "squashfs"
    superblock = read(start + 1024, 1024)
    if superblock[56:58] == b"\x53\xef":
        return _ext(superblock)
    if superblock.startswith(b"\x10\x20\xf5\xf2"):
        return "f2fs"
    if read(start + 0x10040, 8) == b"_BHRfS_M":
        return "btrfs"
    if read(start + 4086, 10) == b"SWAPSPACE2":
        return "swap"
    return "unknown"


def _ext(superblock: bytes) -> str:
    """ext2, ext3 or ext4 by the features blkid decides by."""
    compatible, incompatible, read_only = struct.unpack_from("<III", superblock, 92)
    # Incompatible: extents, 64bit, mmp, flex_bg and later; read-only: huge_file, gdt_csum, dir_nlink and later.
    if incompatible & ~0x1F or read_only & ~0x7:
        return "ext4"
    return "ext3" if compatible & 0x4 else "ext2"


def _mbr(read: Read, size: int, sector: bytes) -> Iterator[Partition]:
    extended: list[tuple[int, int]] = []
    for number in range(1, 5):
        status, kind, first, count = struct.unpack_from("<B3xB3xII", sector, 446 + 16 * (number - 1))
        if status & 0x7F:
            raise DiskError(f"partition {number}: its entry in the partition table is not one", _DAMAGED)
        if kind == 0 or count == 0:
            continue
        if kind in _EXTENDED:
            extended.append((first, count))
            continue
        yield _partition(read, size, number, first * 512, count * 512)
    if len(extended) > 1:
        raise DiskError("two extended partitions", _DAMAGED)
    for first, _ in extended:
        yield from _logical(read, size, first)


def _logical(read: Read, size: int, base: int) -> Iterator[Partition]:
    """The chain of logical partitions: each sector holds a partition, or none, and where the next sector is.

    Numbers are counted as the kernel counts them (block/partitions/msdos.c, parse_extended): by partition found, so a
    sector of the chain without one, as a removed first logical partition leaves it, takes no number.
    """
    place, seen, number = base, set[int](), 5
    for _ in range(_MOST_PARTITIONS):
        if place in seen:
            raise DiskError("the logical partitions form a ring", _DAMAGED)
        seen.add(place)
        sector = read(place * 512, 512)
        if len(sector) < 512:
            raise DiskError(f"the table of partition {number} lies beyond the end of the image", _TRUNCATED)
        if sector[510:] != b"\x55\xaa":
            raise DiskError(f"the table of partition {number} is missing", _DAMAGED)
        entries = [struct.unpack_from("<4xB3xII", sector, 446 + 16 * slot) for slot in range(4)]
        for kind, first, count in entries[:2]:
            if kind and count and kind not in _EXTENDED:
                yield _partition(read, size, number, (place + first) * 512, count * 512)
                number += 1
        onward = [first for kind, first, count in entries if kind in _EXTENDED and count]
        if not onward:
            return
        place = base + onward[0]
    raise DiskError("too many logical partitions", _DAMAGED)


def _gpt(read: Read, size: int) -> Iterator[Partition]:
    sector = _SECTOR
    header = read(sector, sector)
    length, checksum = struct.unpack_from("<II", header, 12)
    if not 92 <= length <= sector or zlib.crc32(header[:16] + bytes(4) + header[20:length]) != checksum:
        raise DiskError("the GPT header's checksum is wrong", _DAMAGED)
    backup, _, last = struct.unpack_from("<QQQ", header, 32)
    entries, count, width, table_checksum = struct.unpack_from("<QIII", header, 72)
    if (max(backup, last) + 1) * sector > size:
        raise DiskError(
            f"the GPT describes a disk of {(max(backup, last) + 1) * sector} bytes, the file has {size}", _TRUNCATED
        )
    if width < 128 or width > 4096 or count > 4096:
        raise DiskError("the GPT header describes a table that cannot be", _DAMAGED)
    table = read(entries * sector, count * width)
    if len(table) != count * width or zlib.crc32(table) != table_checksum:
        raise DiskError("the GPT table's checksum is wrong", _DAMAGED)
    for number in range(1, count + 1):
        entry = table[(number - 1) * width : number * width]
        if not any(entry[:16]):
            continue
        first, final = struct.unpack_from("<QQ", entry, 32)
        if final < first:
            raise DiskError(f"partition {number} ends before it begins", _DAMAGED)
        label = entry[56:128].decode("utf-16-le", "replace").split("\0", 1)[0]
        identity = str(uuid.UUID(bytes_le=entry[16:32]))
        yield _partition(read, size, number, first * sector, (final - first + 1) * sector, label, identity)


def _partition(
    read: Read, size: int, number: int, start: int, length: int, label: str = "", identity: str = ""
) -> Partition:
    if start + length > size:
        raise DiskError(f"partition {number} ends at {start + length}, but the file has {size} bytes", _TRUNCATED)
    return Partition(number, start, length, filesystem_at(read, start), label, identity)
