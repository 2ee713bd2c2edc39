"""Single files of an image that is known to be the manifest's, read by debugfs without starting anything."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.host import tools
from pipeline.image.ext4.tools import EXT, environment, place_of
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind, Tree

_REASON = "read a file of the image"


def root_partition(disk: Disk) -> Partition:
    """The partition of the root file system, which has to be one that the RAM disk can mount.

    Raises:
        PipelineError: there is none, or it has another file system.
    """
    root = next((part for part in disk.partitions if part.mountpoint == "/"), None)
    if root is None or root.filesystem not in EXT:
        kind = "none is known" if root is None else root.filesystem
        raise PipelineError(
            f"root file system: {kind}; ext2 to ext4 can be booted here", "try the image on its own hardware"
        )
    return root


def device_of(disk: Disk) -> str:
    """How the guest's kernel names the root file system's block device."""
    return "/dev/vda" if disk.table == "none" else f"/dev/vda{root_partition(disk).number}"


def read_text(raw: Path, disk: Disk, tree: Tree, path: str) -> str | None:
    """A small file's text, links followed; None when it is not there."""
    place = tree.resolve(GuestPath(path))
    node = tree.get(place)
    if node is None or node.kind is not Kind.FILE:
        return None
    return _debugfs(raw, disk, f'cat "{place}"').decode("utf-8", "replace")


def copy_file(raw: Path, disk: Disk, path: GuestPath, target: Path) -> None:
    """Copy one file out of the image."""
    _debugfs(raw, disk, f'dump "{path}" "{target}"')


def copy_directory(raw: Path, disk: Disk, path: GuestPath, target: Path) -> None:
    """Copy a directory with all that is in it into another one."""
    _debugfs(raw, disk, f'rdump "{path}" "{target}"')


def _debugfs(raw: Path, disk: Disk, command: str) -> bytes:
    done = tools.run("debugfs", "-R", command, place_of(raw, root_partition(disk)), reason=_REASON, env=environment(0))
    return done.stdout
