"""The parts of injecting that need no appliance."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.image.write import write
from pipeline.image.write.placing import Step
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, FileEntry, LinkEntry, Origin, Removal
from pipeline.model.tree import Kind, Node, Tree

WHY = (Origin("test", "test"),)


def archive_of(*entries: FileEntry | LinkEntry) -> bytes:
    stream = io.BytesIO()
    write.write_archive(stream, entries, 1_700_000_000)
    return stream.getvalue()


def test_archives_repeat_and_hold_no_directories() -> None:
    entries = (
        FileEntry(GuestPath("/opt/esf/file"), b"content", WHY, mode=0o4750, uid=100_000, gid=3),
        LinkEntry(GuestPath("/etc/link"), "/opt/esf/file", WHY),
        FileEntry(GuestPath("/etc/" + "long-name-" * 15), b"", WHY),
        FileEntry(GuestPath("/etc/tagged"), b"", WHY, xattrs=(("user.binary", b"\0\xff\n="),)),
    )
    content = archive_of(*entries)
    assert content == archive_of(*reversed(entries))
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        members = {f"/{member.name}": member for member in archive}
    assert not any(member.isdir() for member in members.values())
    assert {member.mtime for member in members.values()} == {1_700_000_000}
    one = members["/opt/esf/file"]
    assert (one.mode, one.uid, one.gid, one.uname, one.gname) == (0o4750, 100_000, 3, "", "")
    assert members["/etc/link"].linkname == "/opt/esf/file"
    value = members["/etc/tagged"].pax_headers["SCHILY.xattr.user.binary"]
    assert value.encode("utf-8", "surrogateescape") == b"\0\xff\n="


def test_reading_back_compares_everything() -> None:
    file = Node(Kind.FILE, 0o644, size=3, sha256="a" * 64, xattrs=(("user.a", "00"),))
    tree = Tree({GuestPath("/"): Node(Kind.DIRECTORY, 0o755), GuestPath("/file"): file})
    write.require_equal(tree, tree)
    write.require_equal(tree.without_content(), tree)
    for other, message in (
        (replace(file, sha256="b" * 64), "/file: other content"),
        (replace(file, mode=0o600), "/file: mode 644, not 600"),
        (replace(file, uid=1), "uid 0, not 1"),
        (replace(file, size=4), "size 3, not 4"),
        (replace(file, xattrs=()), "xattrs"),
        (Node(Kind.LINK, 0o777, target="x"), "kind f, not l"),
    ):
        with pytest.raises(PipelineError, match=message):
            write.require_equal(tree, Tree({**tree.nodes, GuestPath("/file"): other}))
    with pytest.raises(PipelineError, match="/file is missing"):
        write.require_equal(tree, Tree({GuestPath("/"): tree.nodes[GuestPath("/")]}))
    with pytest.raises(PipelineError, match="/more is there"):
        write.require_equal(tree, Tree({**tree.nodes, GuestPath("/more"): file}))


def test_space_is_taken_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = tmp_path / "image"
    with image.open("wb") as stream:
        stream.write(b"content")
        stream.truncate(1 << 20)
    write.reserve(image)
    assert image.stat().st_blocks * 512 >= 1 << 20
    assert image.read_bytes() == b"content".ljust(1 << 20, b"\0")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(PipelineError, match="disk full: the image needs 1 MiB"):
        write.reserve(image)


@pytest.mark.parametrize("wrong", [5, 6])
def test_of_many_differences_five_are_named_and_the_others_counted(wrong: int) -> None:
    root = {GuestPath("/"): Node(Kind.DIRECTORY, 0o755)}
    more = {GuestPath(f"/{number}"): Node(Kind.FILE, 0o644, size=0) for number in range(wrong)}
    with pytest.raises(PipelineError) as caught:
        write.require_equal(Tree(root), Tree({**root, **more}))
    what = caught.value.problems[0].what
    assert what.count(" is there") == 5
    assert what.endswith("/4 is there and 1 more" if wrong == 6 else "/4 is there")


def test_free_space_is_cleared_by_the_appliance_where_sealing_does_not() -> None:
    def part(number: int, filesystem: str, mountpoint: str | None) -> Partition:
        return Partition(number, 0, 1, filesystem, mountpoint=GuestPath(mountpoint) if mountpoint else None)

    class Recording:
        cleared: list[str] = []  # noqa: RUF012 - one object

        def zero_free_space(self, place: GuestPath) -> None:
            self.cleared.append(place)

    parts = (
        part(1, "vfat", "/boot"), part(2, "btrfs", "/"), part(3, "ext4", "/opt"), part(4, "xfs", "/data"),
        part(5, "f2fs", None), part(6, "ext2", "/var"), part(7, "ext3", "/srv"),
    )  # fmt: skip
    said: list[str] = []
    write._clear_free_space(Recording(), Disk(1, "gpt", parts), said.append)  # type: ignore[arg-type]
    assert Recording.cleared == ["/", "/data"]
    assert said == ["clearing the free space of /", "clearing the free space of /data"]


def test_what_is_replaced_goes_first_and_directories_stay(tmp_path: Path) -> None:
    done: list[tuple[str, ...]] = []

    class Recording:
        def __getattr__(self, name: str) -> Callable[..., None]:
            return lambda *given: done.append((name, *(str(one) for one in given if isinstance(one, GuestPath))))

    disk = Disk(1, "mbr", (Partition(1, 0, 1, "ext4", mountpoint=GuestPath("/")),))
    directory, file = Node(Kind.DIRECTORY, 0o755), Node(Kind.FILE, 0o644)
    steps = [
        Step(Removal(GuestPath("/gone"), WHY), GuestPath("/gone"), file),
        Step(DirEntry(GuestPath("/kept"), WHY), GuestPath("/kept"), directory),
        Step(DirEntry(GuestPath("/new"), WHY), GuestPath("/new"), None),
        Step(FileEntry(GuestPath("/replaced"), b"", WHY), GuestPath("/replaced"), file),
        Step(FileEntry(GuestPath("/fresh"), b"", WHY), GuestPath("/fresh"), None),
    ]
    write._write(Recording(), disk, steps, 1, tmp_path)  # type: ignore[arg-type]
    assert done == [
        ("remove", "/gone"),
        ("remove", "/replaced"),
        ("commit",),
        ("set_mode_and_owner", "/kept"),
        ("make_directory", "/new"),
        ("set_mode_and_owner", "/new"),
        ("unpack",),
    ]
