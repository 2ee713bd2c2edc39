"""Stamps a device layer without copying the image: on its metadata alone, and then says which blocks became others.

debugfs and e2fsck never read the content of files, so the script that is run on a copy of the image changes the same
blocks of a copy that holds nothing but superblocks, bitmaps, inode tables, directories and the like (``e2image -r``).
What comes out is compared with the real base: a hole of the copy says nothing of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.host import tools
from pipeline.host.scratch import scratch_directory
from pipeline.image.containers import prepare, sparse
from pipeline.image.ext4.seal import open_superblock
from pipeline.image.ext4.tools import EXT
from pipeline.image.write.placing import place
from pipeline.image.write.stamp import Allocation, stamp
from pipeline.model.disk import Disk, Partition
from pipeline.model.layer import Layer
from pipeline.model.tree import Tree

BLOCK = 4096
_PIECE = 256 * BLOCK
_ZERO = bytes(BLOCK)


def make_template(base: Path, disk: Disk, target: Path) -> None:
    """A sparse disk of the base's size with the metadata of its ext partitions, each where it lies in the base."""
    target.unlink(missing_ok=True)
    sparse.open_private(target).close()
    for partition in disk.partitions:
        if partition.mountpoint is not None and _by_metadata(base, partition):
            tools.run(
                "e2image",
                *("-r", "-o", str(partition.start), "-O", str(partition.start), base, target),
                reason=f"copy the metadata of partition {partition.number}",
                env={"MKE2FS_CONFIG": "/nonexistent"},
            )
    os.truncate(target, base.stat().st_size)


def stamp_delta(
    base: Path, template: Path, disk: Disk, tree: Tree, layer: Layer, *, epoch: int, state_dir: Path
) -> dict[int, bytes]:
    """The blocks a stamped image has and the base has not, by number; and those that are in use only there.

    Blocks that were free and are in use belong to it even if they are as before, zeros: a medium that the base was
    written to has anything there.

    Raises:
        PipelineError: as `pipeline.image.write.stamp.stamp`.
    """
    touched = place(disk, tree, layer)
    by_metadata = all(_by_metadata(base, partition) for partition in touched)
    with scratch_directory("stamp-", state_dir) as scratch:
        work = scratch / "work.img"
        prepare.copy_sparse(template if by_metadata else base, work)
        allocation = stamp(work, disk, tree, layer, epoch=epoch, state_dir=scratch, lasting=False)
        with base.open("rb") as origin, template.open("rb") as known, work.open("rb") as stamped:
            handles = origin.fileno(), known.fileno() if by_metadata else origin.fileno(), stamped.fileno()
            return dict(_changed(*handles, allocation))


def _by_metadata(base: Path, partition: Partition) -> bool:
    """Whether whole blocks of the image are whole blocks of the file system, so that a hole of a copy tells apart."""
    return (
        partition.filesystem in EXT
        and partition.start % BLOCK == 0
        and open_superblock(base, partition).block_size % BLOCK == 0
    )


def _changed(base: int, known: int, stamped: int, allocation: Allocation) -> Iterator[tuple[int, bytes]]:
    """Every block that differs from the base, or is newly in use.

    Args:
        known: what the stamped copy was before; equal to the base wherever it has data.
    """
    taken = set(_blocks(allocation.taken))
    for number in sorted({*_suspects(known, stamped), *taken, *_blocks(allocation.freed)}):
        block = os.pread(stamped, BLOCK, number * BLOCK)
        if number in taken or block != os.pread(base, BLOCK, number * BLOCK):
            yield number, block


def _suspects(known: int, stamped: int) -> Iterator[int]:
    """Blocks that were written, or may have been: zeros over a hole look as if nobody had."""
    for start, end in sparse.extents(stamped, 0, os.fstat(stamped).st_size):
        for piece in range(start - start % BLOCK, end, _PIECE):
            length = min(_PIECE, end - piece)
            new, old = os.pread(stamped, length, piece), os.pread(known, length, piece)
            if new == old and not _has_hole(known, piece, length):
                continue
            for offset in range(0, length, BLOCK):
                block = new[offset : offset + BLOCK]
                if block != old[offset : offset + BLOCK] or block == _ZERO[: len(block)]:
                    yield (piece + offset) // BLOCK


def _has_hole(handle: int, start: int, length: int) -> bool:
    return list(sparse.extents(handle, start, start + length)) != [(start, start + length)]


def _blocks(spans: Iterable[tuple[int, int]]) -> Iterator[int]:
    for start, end in spans:
        yield from range(start // BLOCK, -(-end // BLOCK))
