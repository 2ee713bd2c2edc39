"""Stamps a device layer on a copy of a sealed base image: no virtual machine, no root, the same bytes every time.

ext goes through libext2fs (one debugfs script), FAT through mtools. Both are pure functions of the image and the
script, once clock, locale and configuration of the host are shut out. What the layer removes or overwrites is zeroed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.host import tools
from pipeline.host.scratch import scratch_directory
from pipeline.image.containers import sparse
from pipeline.image.ext4.ext4 import Ext4
from pipeline.image.ext4.script import script_for
from pipeline.image.ext4.seal import open_ext4
from pipeline.image.ext4.tools import EXT, debugfs, repair, require_clean, set_times
from pipeline.image.fat import fat
from pipeline.image.write.placing import Step, place
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, FileEntry, Layer, Removal
from pipeline.model.tree import Kind, Node, Tree


@dataclass(frozen=True)
class Allocation:
    """What stamping did to the free space of the ext partitions; byte ranges of the image, end excluded.

    Attributes:
        taken: free before and in use now.
        freed: in use before and free now; read as zeros.
    """

    taken: tuple[tuple[int, int], ...] = ()
    freed: tuple[tuple[int, int], ...] = ()


def stamp(
    raw: Path, disk: Disk, tree: Tree, layer: Layer, *, epoch: int, state_dir: Path, lasting: bool = True
) -> Allocation:
    """Write a layer into an image, in place.

    Args:
        raw: a private copy of a sealed image.
        tree: what the image contains.
        layer: landed: its paths are literal.
        state_dir: a private directory on this machine; contents wait there in files only their owner can read.
        lasting: flush the image to the disk; needless for a copy that is thrown away.

    Raises:
        PipelineError: an entry cannot be carried out, a file system is full, unsound or of a kind that only
            libguestfs can write.
    """
    steps = place(disk, tree, layer)
    for partition in steps:
        if partition.filesystem not in EXT and partition.filesystem != "vfat":
            raise PipelineError(
                f"partition {partition.number}: {partition.filesystem} cannot be stamped",
                'set writer = "guestfs" under [output] in gateway.toml',
            )
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    done: list[Allocation] = []
    with scratch_directory("stamp-", state_dir) as scratch:
        for partition, wanted in sorted(steps.items(), key=lambda item: item[0].number):
            if partition.filesystem == "vfat":
                _stamp_fat(raw, partition, wanted, scratch, epoch)
            else:
                done.append(_stamp_ext(raw, partition, wanted, tree, scratch, epoch))
    if lasting:
        with raw.open("r+b") as stream:
            os.fsync(stream.fileno())
    return Allocation(
        tuple(span for one in done for span in one.taken), tuple(span for one in done for span in one.freed)
    )


def _stamp_ext(
    raw: Path, partition: Partition, steps: Sequence[Step], tree: Tree, scratch: Path, epoch: int
) -> Allocation:
    with raw.open("rb") as stream:
        before = open_ext4(stream.fileno(), partition)
        if before.superblock.needs_recovery or not before.superblock.valid:
            raise PipelineError(
                f"partition {partition.number}: was not unmounted cleanly", "stamp a copy of the sealed base image only"
            )
        used = _occupied(before)
    contents = _write_contents(steps, scratch)
    script = scratch / "script"
    wide = before.superblock.inode_size > 128
    commands = script_for(steps, tree, contents, epoch=epoch, wide=wide, scratch=scratch)
    _write_private(script, "".join(f"{command}\n" for command in commands).encode())
    debugfs(raw, partition, script, epoch=epoch, reason=f"stamp partition {partition.number}")
    dropped = any(node.xattrs for step in steps for node in _dropped(step, tree))
    if dropped or before.superblock.keeps_accounts:
        # debugfs does not give back the block of extended attributes of a file it removes, and keeps no account of
        # quotas and of attributes in inodes of their own; e2fsck does.
        repair(raw, partition)
        set_times(raw, partition, epoch=epoch)
    allocation = _forget_freed(raw, partition, used)
    require_clean(raw, partition, epoch=epoch, after="stamping")
    return allocation


def _dropped(step: Step, tree: Tree) -> Iterator[Node]:
    """The nodes that a step removes or replaces."""
    if step.known is not None and not isinstance(step.entry, DirEntry):
        yield step.known
        if isinstance(step.entry, Removal):
            yield from (tree.nodes[path] for path in tree.below(step.entry.path))


def _write_contents(steps: Sequence[Step], scratch: Path) -> dict[GuestPath, Path]:
    """Contents as private files, for debugfs to copy from: its commands must not hold them."""
    contents: dict[GuestPath, Path] = {}
    for number, step in enumerate(steps):
        if isinstance(step.entry, FileEntry):
            contents[step.below] = scratch / f"content-{number}"
            _write_private(contents[step.below], step.entry.content)
    return contents


def _write_private(path: Path, content: bytes) -> None:
    with sparse.open_private(path) as stream:
        stream.write(content)


def _occupied(filesystem: Ext4) -> tuple[list[tuple[int, int]], list[bytes | None]]:
    """The free blocks and the inode bitmaps of all groups."""
    return filesystem.free_blocks(), [filesystem.used_inodes(number) for number in range(len(filesystem.groups))]


def _forget_freed(
    raw: Path, partition: Partition, before: tuple[list[tuple[int, int]], list[bytes | None]]
) -> Allocation:
    """Zero the blocks and inodes that are free now and were not before: they hold what was removed."""
    with raw.open("r+b") as stream:
        filesystem = open_ext4(stream.fileno(), partition)
        free, inodes = _occupied(filesystem)
        freed = [(filesystem.offset(begin), filesystem.offset(end)) for begin, end in _difference(free, before[0])]
        taken = [(filesystem.offset(begin), filesystem.offset(end)) for begin, end in _difference(before[0], free)]
        for begin, end in freed:
            sparse.zero(stream.fileno(), begin, end)
        size = filesystem.superblock.inode_size
        for number, (old, new) in enumerate(zip(before[1], inodes, strict=True)):
            table, _ = filesystem.inode_table(number)
            for index in _cleared_bits(old, new):
                os.pwrite(stream.fileno(), bytes(size), table + index * size)
    return Allocation(tuple(taken), tuple(freed))


def _difference(ranges: list[tuple[int, int]], without: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The parts of sorted ranges that lie in none of the other sorted ranges."""
    others = iter([*without, (1 << 63, 1 << 63)])
    begin, end = next(others)
    for start, stop in ranges:
        while start < stop:
            while end <= start:
                begin, end = next(others)
            if start < begin:
                yield start, min(stop, begin)
            start = max(start, min(stop, end)) if begin < stop else stop


def _cleared_bits(old: bytes | None, new: bytes | None) -> Iterator[int]:
    """Bits that were set and are clear now."""
    if old is None:
        return
    now = new if new is not None else bytes(len(old))
    for index, (was, still) in enumerate(zip(old, now, strict=True)):
        for bit in range(8):
            if was & ~still & 1 << bit:
                yield index * 8 + bit


def _stamp_fat(raw: Path, partition: Partition, steps: Sequence[Step], scratch: Path, epoch: int) -> None:
    image = f"{raw}@@{partition.start}"
    environment = {
        "MTOOLSRC": "/dev/null",  # the host's and the user's configuration must not decide
        "SOURCE_DATE_EPOCH": str(epoch),
        "MTOOLS_SKIP_CHECK": "1",
    }
    directory = scratch / f"fat-{partition.number}"
    directory.mkdir(mode=0o700)
    for number, step in enumerate(steps):
        target = f"::{step.below}"
        match step.entry:
            case Removal():
                program = "mdeltree" if step.known is not None and step.known.kind is Kind.DIRECTORY else "mdel"
                command: tuple[str | Path, ...] = (program, "-i", image, target)
            case FileEntry(content=content):
                source = directory / str(number)
                _write_private(source, content)
                # -o overwrites without asking.
                command = ("mcopy", "-o", "-i", image, source, target)
            case DirEntry() if step.known is None:
                command = ("mmd", "-i", image, target)
            case _:
                continue
        name, *arguments = command
        tools.run(str(name), *arguments, reason=f"stamp partition {partition.number}", env=environment)
    shutil.rmtree(directory)
    fat.seal_fat(raw, partition, epoch=epoch)
