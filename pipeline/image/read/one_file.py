"""One file of a finished image, read without the appliance: e2fsprogs and mtools open their file systems in place."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.host import tools
from pipeline.image.ext4.tools import EXT, environment, place_of
from pipeline.image.fat.owner import FAT
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath

_REASON = "read one file of an image"


def read_one(image: Path, disk: Disk, path: GuestPath) -> bytes:
    """The content of a regular file.

    Args:
        image: raw, not compressed.
        path: without links on the way.

    Raises:
        PipelineError: it cannot be read, or lies on a file system of another kind.
    """
    part = _holder(disk, path)
    inside = "/" + path.removeprefix(part.mountpoint or "").lstrip("/")
    if part.filesystem in EXT:
        request = f'cat "{inside}"'
        done = tools.run("debugfs", "-R", request, place_of(image, part), reason=_REASON, env=environment(0))
        # debugfs ends with status 0 whatever happened; what is wrong it says after its own name and version.
        if len(done.complaints.strip().splitlines()) > 1:
            raise PipelineError(f"{path}: cannot be read in {image.name}", "doit verify says what is wrong with it")
        return done.stdout
    if part.filesystem in FAT:
        return tools.run("mcopy", "-i", f"{image}@@{part.start}", f"::{inside}", "-", reason=_REASON).stdout
    raise PipelineError(f"{path}: lies on {part.filesystem}, which only the appliance reads", "ask for the path alone")


def _holder(disk: Disk, path: GuestPath) -> Partition:
    """The partition whose mount point is nearest above a path."""
    above = [
        part
        for part in disk.partitions
        if part.mountpoint is not None and (part.mountpoint == "/" or path.startswith(f"{part.mountpoint}/"))
    ]
    if not above:
        raise PipelineError(f"{path}: no file system of the image holds it", "doit verify says what the image holds")
    return max(above, key=lambda part: len(part.mountpoint or ""))
