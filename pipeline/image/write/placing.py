"""Which entry of a layer goes to which partition, and what no file system could carry out. Shared by both writers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.errors import Problem, raise_if_any
from pipeline.image.ext4.tools import EXT
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, Entry, FileEntry, Layer, LinkEntry, Removal
from pipeline.model.tree import Kind, Node, Tree

# What Linux shows for everything on a FAT file system that is mounted without options.
FAT_MODE = 0o755


@dataclass(frozen=True)
class Step:
    """One entry where it is to be made.

    Attributes:
        below: the path inside the partition's own file system.
        known: what lies there before.
    """

    entry: Entry
    below: GuestPath
    known: Node | None


def partition_of(disk: Disk, path: GuestPath) -> Partition:
    """The partition a path lies on: that of the deepest mount point above it."""
    mounted = [
        part
        for part in disk.partitions
        if part.mountpoint is not None and (part.mountpoint == path or path.is_under(part.mountpoint))
    ]
    return max(mounted, key=lambda part: len((part.mountpoint or GuestPath("/")).parts))


def place(disk: Disk, tree: Tree, layer: Layer) -> Mapping[Partition, Sequence[Step]]:
    """The steps for each partition, removals first, then by path.

    Raises:
        PipelineError: entries that cannot be carried out: a parent that is missing or no directory, a file in the
            place of a directory, a mount point to be removed, links or owners on FAT. All of them are named.
    """
    problems: list[Problem] = []
    steps: dict[Partition, list[Step]] = {}
    after = tree.apply(layer)
    removed = {entry.path for entry in layer.removals()}
    for entry in sorted(layer.entries, key=lambda entry: (not isinstance(entry, Removal), entry.path)):
        if isinstance(entry, Removal) and not removed.isdisjoint(entry.path.ancestors()):
            continue  # goes with the directory above it
        partition = partition_of(disk, entry.path)
        known = tree.get(entry.path)
        reason = _reason_against(entry, known, after, partition, disk)
        if reason:
            problems.append(
                Problem(
                    f"{entry.path}: {reason} (wanted by {entry.origins[0].rule})", "correct the rule or the overlay"
                )
            )
        below = _below(entry.path, partition.mountpoint or GuestPath("/"))
        steps.setdefault(partition, []).append(Step(entry, below, known))
    raise_if_any(problems)
    return steps


def _below(path: GuestPath, mountpoint: GuestPath) -> GuestPath:
    return GuestPath("/" + "/".join(path.parts[len(mountpoint.parts) :]))


def _reason_against(entry: Entry, known: Node | None, after: Tree, partition: Partition, disk: Disk) -> str:
    """Why an entry cannot be carried out; empty when it can."""
    if any(part.mountpoint is not None and part.mountpoint == entry.path for part in disk.partitions):
        if not isinstance(entry, DirEntry):
            return "is where a partition is mounted"
        if partition.filesystem == "vfat" and (entry.mode, entry.uid, entry.gid) != (FAT_MODE, 0, 0):
            return _fat_reason()
        return ""
    if isinstance(entry, Removal):
        inside = any(part.mountpoint is not None and part.mountpoint.is_under(entry.path) for part in disk.partitions)
        if known is None:
            return "is to be removed, but is not there"
        return "a partition is mounted below it" if inside else ""
    parent = after.get(entry.path.parent)
    if parent is None or parent.kind is not Kind.DIRECTORY:
        return f"{entry.path.parent} is not a directory"
    if known is not None and (known.kind is Kind.DIRECTORY) is not isinstance(entry, DirEntry):
        return "a directory cannot take the place of something else, nor the other way round"
    if partition.filesystem == "vfat":
        return _fat_conflict(entry)
    if partition.filesystem not in EXT and isinstance(entry, FileEntry) and entry.xattrs:
        return f"extended attributes are written on ext file systems only, not on {partition.filesystem}"
    return ""


def _fat_conflict(entry: FileEntry | DirEntry | LinkEntry) -> str:
    if isinstance(entry, LinkEntry):
        return "FAT has no symbolic links"
    if (entry.mode, entry.uid, entry.gid) != (FAT_MODE, 0, 0) or (isinstance(entry, FileEntry) and entry.xattrs):
        return _fat_reason()
    return ""


def _fat_reason() -> str:
    return f"FAT keeps no modes, owners or attributes: write {FAT_MODE:o}, owner 0:0"
