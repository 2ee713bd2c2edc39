"""ext2, ext3 and ext4 as they lie in an image: superblock, group descriptors, bitmaps, inode tables, read straight.

Only what sealing and stamping need; e2fsprogs does everything that changes structure. Layout as in the kernel's
Documentation/filesystems/ext4.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

SUPERBLOCK_OFFSET = 1024
SUPERBLOCK_SIZE = 1024
_MAGIC = 0xEF53

# Feature words: (compatible, incompatible, read-only compatible).
HAS_JOURNAL, _SPARSE_SUPER2, ORPHAN_FILE = 1 << 2, 1 << 9, 1 << 12  # compatible
_RECOVER, _META_BG, _64BIT, _EA_INODE, CSUM_SEED = 1 << 2, 1 << 4, 1 << 7, 1 << 10, 1 << 13  # incompatible
_SPARSE_SUPER, _GDT_CSUM, _QUOTA, _BIGALLOC, _METADATA_CSUM = 1, 1 << 4, 1 << 8, 1 << 9, 1 << 10  # read-only compatible
_ORPHAN_PRESENT = 1 << 16  # read-only compatible: the kernel's needs_recovery of the orphan file

_INODE_UNINIT, _BLOCK_UNINIT = 1, 2  # group descriptor flags


class Ext4Error(ValueError):
    """The file system is not what it must be; the text says how."""


@dataclass(frozen=True)
class Superblock:
    """What its fields say (ext4/super.rst). Sizes in bytes unless they are counts.

    Attributes:
        features: the three feature words.
        valid: unmounted cleanly and without errors.
        journal_inode: 0 when there is no journal inside.
    """

    blocks: int
    inodes: int
    block_size: int
    first_block: int
    blocks_per_group: int
    inodes_per_group: int
    inode_size: int
    first_inode: int
    descriptor_size: int
    reserved_descriptors: int
    features: tuple[int, int, int]
    valid: bool
    journal_inode: int
    journal_device: int
    backup_groups: tuple[int, int]

    @property
    def groups(self) -> int:
        """How many block groups there are."""
        return -(-(self.blocks - self.first_block) // self.blocks_per_group)

    @property
    def has_journal(self) -> bool:
        """Whether changes go through a journal."""
        return bool(self.features[0] & HAS_JOURNAL)

    @property
    def needs_recovery(self) -> bool:
        """Whether the journal or the orphan file holds changes not yet made."""
        return bool(self.features[1] & _RECOVER or self.features[2] & _ORPHAN_PRESENT)

    @property
    def has_metadata_csum(self) -> bool:
        """Whether all metadata carries checksums."""
        return bool(self.features[2] & _METADATA_CSUM)

    @property
    def keeps_accounts(self) -> bool:
        """Whether quotas or large extended attributes are counted in inodes of their own."""
        return bool(self.features[1] & _EA_INODE or self.features[2] & _QUOTA)

    @property
    def has_group_checksums(self) -> bool:
        """Whether groups can be marked as never used."""
        return bool(self.features[2] & (_GDT_CSUM | _METADATA_CSUM))


@dataclass(frozen=True)
class Group:
    """One block group: where its tables lie (block numbers) and how much of it is free."""

    block_bitmap: int
    inode_bitmap: int
    inode_table: int
    free_blocks: int
    free_inodes: int
    flags: int
    unused_inodes: int


def parse_superblock(data: bytes) -> Superblock:
    """The superblock of an ext file system; `Ext4Error` when it is none, or of a kind nothing here is made for."""
    if len(data) < SUPERBLOCK_SIZE or struct.unpack_from("<H", data, 56)[0] != _MAGIC:
        raise Ext4Error("no ext2, ext3 or ext4 file system is here")
    inodes, blocks_low = struct.unpack_from("<II", data, 0)
    first_block, log_block_size, _, per_group, _, inodes_per_group = struct.unpack_from("<6I", data, 20)
    (state,) = struct.unpack_from("<H", data, 58)
    (revision,) = struct.unpack_from("<I", data, 76)
    first_inode, inode_size = struct.unpack_from("<IH", data, 84) if revision else (11, 128)
    features = struct.unpack_from("<III", data, 92)
    (reserved,) = struct.unpack_from("<H", data, 206)
    journal_inode, journal_device = struct.unpack_from("<II", data, 224)
    (descriptor_size,) = struct.unpack_from("<H", data, 254)
    (blocks_high,) = struct.unpack_from("<I", data, 336)
    wide = bool(features[1] & _64BIT)
    if log_block_size > 6 or inode_size < 128 or inode_size & inode_size - 1 or first_block > 1:
        raise Ext4Error("the superblock is damaged")
    if features[1] & _META_BG:
        raise Ext4Error("block group descriptors are scattered (meta_bg), which is not supported")
    if features[2] & _BIGALLOC:
        raise Ext4Error("blocks are allocated in clusters (bigalloc), which is not supported")
    # A bitmap is one block, so a group has no more of either than that has bits.
    if not all(1 <= count <= 8192 << log_block_size for count in (per_group, inodes_per_group)):
        raise Ext4Error("the superblock is damaged")
    return Superblock(
        blocks=blocks_low | (blocks_high << 32 if wide else 0),
        inodes=inodes,
        block_size=1024 << log_block_size,
        first_block=first_block,
        blocks_per_group=per_group,
        inodes_per_group=inodes_per_group,
        inode_size=inode_size,
        first_inode=first_inode,
        descriptor_size=max(descriptor_size, 32) if wide else 32,
        reserved_descriptors=reserved,
        features=(features[0], features[1], features[2]),
        valid=bool(state & 1) and not state & 2,
        journal_inode=journal_inode,
        journal_device=journal_device,
        backup_groups=struct.unpack_from("<II", data, 588),
    )


class Ext4:
    """A file system inside an open image."""

    def __init__(self, handle: int, start: int, size: int) -> None:
        """Read its superblock and group descriptors.

        Raises:
            Ext4Error: there is none, it is larger than its partition, or of a kind that is not supported.
        """
        self._handle = handle
        self.start = start
        self.superblock = parse_superblock(self._read(SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE))
        sb = self.superblock
        if sb.blocks * sb.block_size > size:
            raise Ext4Error(f"the file system has {sb.blocks * sb.block_size} bytes, its partition {size}")
        self.groups = tuple(self._descriptors())

    def offset(self, block: int) -> int:
        """Where a block lies in the image."""
        return self.start + block * self.superblock.block_size

    def used_inodes(self, number: int) -> bytes | None:
        """The inode bitmap of a group; None when none of its inodes was ever used."""
        if self.superblock.has_group_checksums and self.groups[number].flags & _INODE_UNINIT:
            return None
        sb = self.superblock
        return self._read(self.groups[number].inode_bitmap * sb.block_size, (sb.inodes_per_group + 7) // 8)

    def inode_table(self, number: int) -> tuple[int, int]:
        """Where the inode table of a group lies in the image: offset and length."""
        sb = self.superblock
        return self.offset(self.groups[number].inode_table), sb.inodes_per_group * sb.inode_size

    def free_blocks(self) -> list[tuple[int, int]]:
        """The free blocks as half-open ranges of block numbers, in order.

        Raises:
            Ext4Error: a bitmap does not agree with its group's count: the file system has to be checked first.
        """
        ranges: list[tuple[int, int]] = []
        metadata = self._metadata()
        for number, group in enumerate(self.groups):
            first, count = self._extent(number)
            found = list(_clear_runs(self._used_blocks(number, metadata), first, count))
            if sum(end - begin for begin, end in found) != group.free_blocks:
                raise Ext4Error(f"block group {number}: its bitmap and its count of free blocks differ")
            for begin, end in found:
                if ranges and ranges[-1][1] == begin:
                    begin = ranges.pop()[0]
                ranges.append((begin, end))
        return ranges

    def superblock_copies(self) -> list[int]:
        """The blocks that hold a superblock, the first one too."""
        return [self._extent(number)[0] for number in range(self.superblock.groups) if self._has_backup(number)]

    def _extent(self, group: int) -> tuple[int, int]:
        """First block of a group and how many it has."""
        sb = self.superblock
        first = sb.first_block + group * sb.blocks_per_group
        return first, min(sb.blocks_per_group, sb.blocks - first)

    def _used_blocks(self, number: int, metadata: set[int]) -> bytes:
        """The block bitmap of a group; one never used has none on disk, only its own metadata is used then."""
        sb = self.superblock
        first, count = self._extent(number)
        if not (sb.has_group_checksums and self.groups[number].flags & _BLOCK_UNINIT):
            return self._read(self.groups[number].block_bitmap * sb.block_size, (count + 7) // 8)
        bitmap = bytearray((count + 7) // 8)
        for block in metadata:
            if first <= block < first + count:
                bitmap[(block - first) // 8] |= 1 << (block - first) % 8
        return bytes(bitmap)

    def _metadata(self) -> set[int]:
        """Blocks that hold superblocks, group descriptors, bitmaps and inode tables."""
        sb = self.superblock
        table_blocks = -(-sb.inodes_per_group * sb.inode_size // sb.block_size)
        descriptor_blocks = -(-sb.groups * sb.descriptor_size // sb.block_size) + sb.reserved_descriptors
        blocks: set[int] = set()
        for number, group in enumerate(self.groups):
            blocks.update((group.block_bitmap, group.inode_bitmap))
            blocks.update(range(group.inode_table, group.inode_table + table_blocks))
            if self._has_backup(number):
                first, _ = self._extent(number)
                blocks.update(range(first, first + 1 + descriptor_blocks))
        return blocks

    def _has_backup(self, group: int) -> bool:
        """Whether a group begins with a copy of the superblock and the group descriptors."""
        sb = self.superblock
        if group == 0:
            return True
        if sb.features[0] & _SPARSE_SUPER2:
            return group in sb.backup_groups
        if group == 1 or not sb.features[2] & _SPARSE_SUPER:
            return True
        return any(_is_power(group, base) for base in (3, 5, 7))

    def _descriptors(self) -> Iterator[Group]:
        sb = self.superblock
        place = (sb.first_block + 1) * sb.block_size
        data = self._read(place, sb.groups * sb.descriptor_size)
        for number in range(sb.groups):
            at = number * sb.descriptor_size
            low = struct.unpack_from("<IIIHHHH8xHH", data, at)
            high = struct.unpack_from("<IIIHHHH", data, at + 32) if sb.descriptor_size >= 64 else (0,) * 7
            yield Group(
                block_bitmap=low[0] | high[0] << 32,
                inode_bitmap=low[1] | high[1] << 32,
                inode_table=low[2] | high[2] << 32,
                free_blocks=low[3] | high[3] << 16,
                free_inodes=low[4] | high[4] << 16,
                flags=low[6],
                unused_inodes=low[7] | high[6] << 16,
            )

    def _read(self, place: int, length: int) -> bytes:
        data = os.pread(self._handle, length, self.start + place)
        if len(data) != length:
            raise Ext4Error("the image ends inside the file system")
        return data


def _is_power(number: int, base: int) -> bool:
    while number > 1 and number % base == 0:
        number //= base
    return number == 1


def _clear_runs(bitmap: bytes, first: int, count: int) -> Iterator[tuple[int, int]]:
    """Runs of clear bits as ranges of block numbers."""
    bits = int.from_bytes(bitmap, "little") | (-1 << count)  # everything beyond the end counts as set
    place = 0
    while place < count:
        rest = bits >> place
        ones = (~rest & -~rest).bit_length() - 1  # trailing ones
        if ones < 0:
            return
        place += ones
        if place >= count:
            return
        rest = bits >> place
        zeros = (rest & -rest).bit_length() - 1
        yield first + place, first + place + zeros
        place += zeros
