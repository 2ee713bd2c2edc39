"""Seals an image: the same content gets the same bytes, whenever and wherever it was written, and nothing else remains.

The kernel and libguestfs write times, random inode generations, journal transactions and counters; removed files stay
in free blocks. All of it is removed here, on the host, straight in the image; the file systems' features and geometry
stay as they were.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.image.containers import sparse
from pipeline.image.ext4 import canonical
from pipeline.image.ext4.ext4 import (
    CSUM_SEED,
    ORPHAN_FILE,
    SUPERBLOCK_OFFSET,
    SUPERBLOCK_SIZE,
    Ext4,
    Ext4Error,
    Superblock,
)
from pipeline.image.ext4.tools import EXT, repair, require_clean, set_times, tune
from pipeline.image.fat import fat
from pipeline.model.disk import Disk, Partition

Say = Callable[[str], None]

_LATEST = (1 << 31) - 1  # the largest time every ext file system can hold


def seal(raw: Path, disk: Disk, *, epoch: int, say: Say = lambda _: None) -> None:
    """Bring every mounted ext and FAT partition of an image into canonical form, in place.

    Other file systems are left as they are: their images are right, but their bytes do not repeat.

    Args:
        raw: a private copy; it must not be in use.
        epoch: seconds since 1970; no time in the image is later.

    Raises:
        PipelineError: a file system needs recovery, is damaged, or is of a kind that is not supported.
    """
    if not 0 < epoch <= _LATEST:
        raise PipelineError(f"epoch {epoch} cannot be a file's time", "use a time between 1970 and 2038")
    for partition in disk.partitions:
        if partition.mountpoint is None:
            continue
        if partition.filesystem in EXT:
            say(f"sealing {partition.mountpoint} ({partition.filesystem})")
            _seal_ext(raw, partition, epoch)
        elif partition.filesystem == "vfat":
            fat.seal_fat(raw, partition, epoch=epoch)
    with raw.open("r+b") as stream:
        sparse.give_back(stream.fileno())
        os.fsync(stream.fileno())


def _seal_ext(raw: Path, partition: Partition, epoch: int) -> None:
    before = open_superblock(raw, partition)
    if before.needs_recovery:
        raise PipelineError(
            f"partition {partition.number}: its journal holds unfinished changes",
            "the image was not unmounted cleanly; make it again",
        )
    if before.has_journal and (before.journal_device or not before.journal_inode):
        raise PipelineError(
            f"partition {partition.number}: its journal lies on another device", "use an image with an internal journal"
        )
    repair(raw, partition)
    journal = _journal_size(raw, partition) if before.has_journal else 0
    if before.has_journal:
        removed = "^has_journal,^orphan_file" if before.features[0] & ORPHAN_FILE else "^has_journal"
        tune(raw, partition, "-O", removed, epoch=epoch)
    if before.has_metadata_csum:
        tune(raw, partition, "-O", "^metadata_csum", epoch=epoch)
    _rewrite(raw, partition, epoch)
    if before.has_metadata_csum and not tune(raw, partition, "-O", "metadata_csum", epoch=epoch):
        # Directories that fill their block to the last byte before the checksum are passed over; e2fsck adds it.
        repair(raw, partition, pack=False)
        set_times(raw, partition, epoch=epoch)
    if before.features[1] & CSUM_SEED:
        # It goes away with the checksums, and given together with them the seed would become 0.
        tune(raw, partition, "-O", "metadata_csum_seed", epoch=epoch)
    if before.has_journal:
        tune(raw, partition, "-O", "has_journal", "-J", f"size={journal >> 20}", epoch=epoch)
    if before.features[0] & ORPHAN_FILE:
        tune(raw, partition, "-O", "orphan_file", epoch=epoch)
    if before.keeps_accounts:
        # e2fsck -D packs directories after it has counted the blocks for the quotas.
        repair(raw, partition, pack=False)
        set_times(raw, partition, epoch=epoch)
    _require_sealed(raw, partition, before, epoch)


def open_superblock(raw: Path, partition: Partition) -> Superblock:
    """The superblock of a partition; `PipelineError` when it has none that is supported."""
    with raw.open("rb") as stream:
        return open_ext4(stream.fileno(), partition).superblock


def open_ext4(handle: int, partition: Partition) -> Ext4:
    """The file system of a partition; `PipelineError` when it is none that is supported."""
    try:
        return Ext4(handle, partition.start, partition.size)
    except Ext4Error as error:
        raise PipelineError(
            f"partition {partition.number}: {error}", "use a vanilla image with an ordinary ext4 file system"
        ) from None


def _journal_size(raw: Path, partition: Partition) -> int:
    """Bytes of the internal journal, which is an inode's content."""
    with raw.open("rb") as stream:
        filesystem = open_ext4(stream.fileno(), partition)
        sb = filesystem.superblock
        group, index = divmod(sb.journal_inode - 1, sb.inodes_per_group)
        table, _ = filesystem.inode_table(group)
        inode = os.pread(stream.fileno(), 128, table + index * sb.inode_size)
    low: int = struct.unpack_from("<I", inode, 4)[0]
    high: int = struct.unpack_from("<I", inode, 108)[0]
    return low | high << 32


def _rewrite(raw: Path, partition: Partition, epoch: int) -> None:
    """Everything that is written straight into the image, while no checksum covers it."""
    with raw.open("r+b") as stream:
        handle = stream.fileno()
        filesystem = open_ext4(handle, partition)
        sb = filesystem.superblock
        for number in range(sb.groups):
            place, length = filesystem.inode_table(number)
            table = os.pread(handle, length, place)
            changed = canonical.inode_table(
                table, filesystem.used_inodes(number), sb.inode_size, sb.inodes_per_group, epoch
            )
            if changed != table:
                os.pwrite(handle, changed, place)
        try:
            free = filesystem.free_blocks()
        except Ext4Error as error:
            raise PipelineError(f"partition {partition.number}: {error}", "report it: e2fsck found no fault") from None
        for begin, end in free:
            sparse.zero(handle, filesystem.offset(begin), filesystem.offset(end))
        for block in filesystem.superblock_copies():
            # The first lies behind the boot block, the others begin their block.
            place = partition.start + SUPERBLOCK_OFFSET if block == sb.first_block else filesystem.offset(block)
            copy = os.pread(handle, SUPERBLOCK_SIZE, place)
            os.pwrite(handle, canonical.superblock(copy, epoch), place)


def _require_sealed(raw: Path, partition: Partition, before: Superblock, epoch: int) -> None:
    """The result is sound, has the features it had, and says nothing of the clock."""
    require_clean(raw, partition, epoch=epoch, after="sealing")
    after = open_superblock(raw, partition)
    with raw.open("rb") as stream:
        data = os.pread(stream.fileno(), SUPERBLOCK_SIZE, partition.start + SUPERBLOCK_OFFSET)
    times = struct.unpack_from("<II", data, 44) + struct.unpack_from("<I", data, 64)
    if after.features != before.features or set(times) != {epoch}:
        lost = [f"{old:x} to {new:x}" for old, new in zip(before.features, after.features, strict=True) if old != new]
        raise PipelineError(
            f"partition {partition.number}: sealing changed the file system's "
            + (f"features {', '.join(lost)}" if lost else "times"),
            "this version of e2fsprogs behaves differently; use the one in the manifest of an earlier build",
        )
