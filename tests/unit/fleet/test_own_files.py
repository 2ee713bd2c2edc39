"""A gateway's own files must lie where the readers of deltas look."""

from __future__ import annotations

import pytest

from pipeline.errors import PipelineError
from pipeline.fleet.gateway import require_ext
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, Origin

DISK = Disk(
    64 << 20,
    "mbr",
    (
        Partition(1, 1 << 20, 4 << 20, "vfat", mountpoint=GuestPath("/boot")),
        Partition(2, 8 << 20, 16 << 20, "ext4", mountpoint=GuestPath("/")),
    ),
)


def _layer(*paths: str) -> Layer:
    return Layer.of(*(FileEntry(GuestPath(path), b"x", (Origin("test.rule", "a test"),)) for path in paths))


def test_files_on_fat_are_refused() -> None:
    """All of them at once, with the partition and the way out."""
    with pytest.raises(PipelineError) as refused:
        require_ext("gw-1", DISK, _layer("/boot/a", "/boot/b", "/etc/c"))
    problems = refused.value.problems
    assert [problem.what.split(": ")[:2] for problem in problems] == [["gw-1", "/boot/a"], ["gw-1", "/boot/b"]]
    assert all("partition 1, vfat" in problem.what and 'form = "images"' in problem.remedy for problem in problems)


def test_files_on_ext_are_not() -> None:
    """Whatever they are called."""
    require_ext("gw-1", DISK, _layer("/bootx", "/etc/boot"))
