"""Entries go to the partition they lie on; what no file system could carry out is refused, all of it at once."""

from __future__ import annotations

import pytest

from pipeline.errors import PipelineError
from pipeline.image.write.placing import partition_of, place
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, Entry, FileEntry, Layer, LinkEntry, Origin, Removal
from pipeline.model.tree import Kind, Node, Tree

WHY = (Origin("test.rule", "a test"),)
DISK = Disk(
    64 << 20,
    "mbr",
    (
        Partition(1, 1 << 20, 4 << 20, "vfat", mountpoint=GuestPath("/boot")),
        Partition(2, 8 << 20, 16 << 20, "ext4", mountpoint=GuestPath("/")),
        Partition(3, 24 << 20, 8 << 20, "ext4", mountpoint=GuestPath("/srv/data/store")),
        Partition(4, 32 << 20, 8 << 20, "ext4"),
    ),
)
TREE = Tree(
    {GuestPath(path): Node(Kind.DIRECTORY, 0o755) for path in ("/", "/boot", "/srv", "/srv/data", "/srv/data/store")}
    | {GuestPath(path): Node(Kind.FILE, 0o644) for path in ("/srv/note", "/srv/data/store/log", "/boot/kernel")}
)


def refused(*entries: Entry) -> list[str]:
    with pytest.raises(PipelineError) as error:
        place(DISK, TREE, Layer.of(*entries))
    return [problem.what for problem in error.value.problems]


@pytest.mark.parametrize(
    ("path", "number"), [("/etc", 2), ("/boot/x", 1), ("/bootx", 2), ("/srv/data", 2), ("/srv/data/store/a/b", 3)]
)
def test_the_deepest_mount_point_decides(path: str, number: int) -> None:
    assert partition_of(DISK, GuestPath(path)).number == number


@pytest.mark.parametrize("path", ["/srv", "/srv/data"])
def test_a_directory_above_a_mount_point_is_not_removed(path: str) -> None:
    """On the root file system it is an empty directory; on the gateway a partition hangs in it."""
    assert refused(Removal(GuestPath(path), WHY)) == [f"{path}: a partition is mounted below it (wanted by test.rule)"]


@pytest.mark.parametrize("path", ["/boot", "/srv/data/store"])
def test_a_mount_point_itself_stays(path: str) -> None:
    assert refused(Removal(GuestPath(path), WHY)) == [f"{path}: is where a partition is mounted (wanted by test.rule)"]
    assert refused(FileEntry(GuestPath(path), b"", WHY)) == [
        f"{path}: is where a partition is mounted (wanted by test.rule)"
    ]


def test_what_cannot_be_carried_out_is_told_at_once() -> None:
    assert refused(
        Removal(GuestPath("/srv/absent"), WHY),
        FileEntry(GuestPath("/srv/none/x"), b"", WHY),
        DirEntry(GuestPath("/srv/note"), WHY),
        LinkEntry(GuestPath("/boot/link"), "kernel", WHY),
    ) == [
        "/srv/absent: is to be removed, but is not there (wanted by test.rule)",
        "/boot/link: FAT has no symbolic links (wanted by test.rule)",
        "/srv/none/x: /srv/none is not a directory (wanted by test.rule)",
        "/srv/note: a directory cannot take the place of something else, nor the other way round (wanted by test.rule)",
    ]


def test_steps_go_to_their_partition_removals_first() -> None:
    steps = place(
        DISK,
        TREE,
        Layer.of(
            FileEntry(GuestPath("/srv/data/store/new"), b"", WHY),
            Removal(GuestPath("/srv/data/store/log"), WHY),
            FileEntry(GuestPath("/srv/new"), b"", WHY),
        ),
    )
    found = {
        partition.number: [(type(step.entry).__name__, str(step.below)) for step in taken]
        for partition, taken in steps.items()
    }
    assert found == {3: [("Removal", "/log"), ("FileEntry", "/new")], 2: [("FileEntry", "/srv/new")]}


def test_a_directory_where_a_partition_is_mounted_may_be_set_as_its_file_system_can() -> None:
    steps = place(DISK, TREE, Layer.of(DirEntry(GuestPath("/srv/data/store"), WHY, mode=0o700, uid=5)))
    assert [(part.number, len(found)) for part, found in steps.items()] == [(3, 1)]
    (told,) = refused(DirEntry(GuestPath("/boot"), WHY, mode=0o700, uid=5))
    assert told.startswith("/boot: ")
    assert "is where a partition is mounted" not in told


def test_what_goes_with_a_directory_above_it_is_no_step_of_its_own() -> None:
    nodes = {GuestPath("/old"): Node(Kind.DIRECTORY, 0o755), GuestPath("/old/file"): Node(Kind.FILE, 0o644)}
    layer = Layer.of(Removal(GuestPath("/old"), WHY), Removal(GuestPath("/old/file"), WHY))
    steps = place(DISK, Tree({**TREE.nodes, **nodes}), layer)
    assert [step.entry.path for found in steps.values() for step in found] == ["/old"]
