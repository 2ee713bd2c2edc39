"""Which blocks of an image have a meaning, zeros or not: what a medium must hold after it was flashed.

A block map without the zeros that are in use leaves an older card's bytes in their place: old entries of an allocation
table, a raw environment that is longer than the new one, the middle of a file. So everything counts as in use that is
not known to be free: only a sealed ext or FAT file system is asked, because its free blocks are zeros in the image.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.image.ext4.ext4 import Ext4, Ext4Error
from pipeline.image.ext4.tools import EXT
from pipeline.image.fat.fat import FatError, free_areas
from pipeline.image.fat.owner import FAT
from pipeline.model.disk import Disk, Partition

BLOCK = 4096  # bytes of one block of a block map

Span = tuple[int, int]
"""Bytes from the first to the one behind the last, in the image."""


def in_use(handle: int, disk: Disk) -> tuple[Span, ...]:
    """The stretches of an image that have a meaning, in order, in whole blocks; the last one may be shorter.

    In use are: everything outside of the partitions (both partition tables, boot loaders, raw environments, gaps),
    partitions that are not mounted or hold a file system whose allocation is not read here (btrfs, f2fs, xfs, swap,
    unknown), the metadata and content of ext and FAT file systems. Anything unclear is in use.

    Args:
        handle: the image, or a medium that is at least as long.
    """
    return tuple(_between(free_blocks(handle, disk), disk.size))


def free_blocks(handle: int, disk: Disk) -> tuple[Span, ...]:
    """The stretches that are free, in whole blocks and in order: the rest of `in_use`, zeros in the image."""
    return tuple(_whole_blocks(span for part in disk.partitions for span in _free_in(handle, part)))


def _free_in(handle: int, part: Partition) -> list[Span]:
    """The bytes of a partition that its file system says are free; none where it is not asked."""
    if part.mountpoint is None:
        return []
    try:
        if part.filesystem in EXT:
            return _free_in_ext(handle, part)
        if part.filesystem in FAT:
            return [(part.start + first, part.start + end) for first, end in free_areas(handle, part)]
    except (Ext4Error, FatError):
        return []  # not what the manifest says it is: then all of it is compared
    return []


def _free_in_ext(handle: int, part: Partition) -> list[Span]:
    filesystem = Ext4(handle, part.start, part.size)
    superblock = filesystem.superblock
    if superblock.needs_recovery or not superblock.valid:
        return []  # its bitmaps are not the last word
    return [(filesystem.offset(first), filesystem.offset(end)) for first, end in filesystem.free_blocks()]


def _whole_blocks(spans: Iterable[Span]) -> Iterator[Span]:
    """The blocks of the map that lie in a stretch from end to end; what shares a block with something used is used."""
    for first, end in sorted(spans):
        first, end = -(-first // BLOCK) * BLOCK, end // BLOCK * BLOCK
        if first < end:
            yield first, end


def _between(spans: Iterable[Span], size: int) -> Iterator[Span]:
    """What lies before, between and behind stretches in order."""
    place = 0
    for first, end in spans:
        if place < first:
            yield place, first
        place = max(place, end)
    if place < size:
        yield place, size
