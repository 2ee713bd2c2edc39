"""Stamping through libext2fs and mtools: exact, the same every time, and what was there before is gone."""

from __future__ import annotations

import os
import shutil
import stat
import time
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.image.ext4 import seal
from pipeline.image.write import stamp
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, FileEntry, Layer, LinkEntry, Origin, Removal
from pipeline.model.tree import Kind, Node, Tree
from tests.support import disks
from tests.support.media import gateway_disk

EPOCH = gateway_disk.EPOCH
WHY = (Origin("test.rule", "a test"),)
DISK = Disk(
    53 * disks.MIB,
    "mbr",
    (
        Partition(1, gateway_disk.BOOT, 4 * disks.MIB, "vfat", mountpoint=GuestPath("/boot")),
        Partition(2, gateway_disk.ROOT, 48 * disks.MIB, "ext4", mountpoint=GuestPath("/")),
    ),
)


def tree_of_disk() -> Tree:
    """What the gateway disk holds, as far as these tests touch it."""
    nodes = {GuestPath("/"): Node(Kind.DIRECTORY, 0o755), GuestPath("/boot"): Node(Kind.DIRECTORY, 0o755)}
    for name, content in gateway_disk.FILES.items():
        path = GuestPath(name.rstrip("/"))
        for above in path.ancestors():
            nodes.setdefault(above, Node(Kind.DIRECTORY, 0o755))
        if name.endswith("/"):
            nodes[path] = Node(Kind.DIRECTORY, 0o755)
        elif isinstance(content, str):
            nodes[path] = Node(Kind.LINK, 0o777, target=content)
        else:
            nodes[path] = Node(Kind.FILE, 0o644, size=len(content))
    nodes[GuestPath("/etc/shadow")] = Node(Kind.FILE, 0o640, xattrs=(("user.note", b"kept".hex()),))
    for name in ("/boot/uboot.env", "/boot/boot.scr"):
        nodes[GuestPath(name)] = Node(Kind.FILE, 0o755)
    return Tree(nodes)


LAYER = Layer.of(
    FileEntry(GuestPath("/etc/old.conf"), b"new content\n" * 700, WHY, mode=0o640, uid=70000, gid=5),
    FileEntry(GuestPath("/etc/shadow"), b"root:x:\n", WHY, mode=0o600),
    FileEntry(GuestPath("/etc/twin"), b"one name only\n", WHY),
    FileEntry(GuestPath("/etc/with space"), b"", WHY, xattrs=(("user.a", b"\0\xff"), ("user.b", b"b"))),
    FileEntry(GuestPath("/opt/new/tool"), b"#!/bin/sh\n", WHY, mode=0o4755),
    LinkEntry(GuestPath("/etc/os-release"), "/usr/lib/os-release", WHY),
    LinkEntry(GuestPath("/opt/new/link"), "../../etc/passwd", WHY, uid=7),
    DirEntry(GuestPath("/opt/new"), WHY, mode=0o2711, uid=3, gid=4),
    DirEntry(GuestPath("/var/log"), WHY, mode=0o1777),
    Removal(GuestPath("/etc/removed"), WHY),
    FileEntry(GuestPath("/boot/uboot.env"), b"bootdelay=0\0", WHY, mode=0o755),
    DirEntry(GuestPath("/boot/sub"), WHY),
    FileEntry(GuestPath("/boot/sub/a long file name.txt"), b"hi", WHY, mode=0o755),
    Removal(GuestPath("/boot/boot.scr"), WHY),
)


@pytest.mark.parametrize(
    ("features", "large"),
    [
        ("quota,project", 300),
        ("ea_inode", 1024),  # an attribute that needs an inode of its own
        ("inline_data,casefold", 300),
        ("encrypt,verity,orphan_file", 300),
        ("^has_journal,^extents,^64bit,^dir_index", 300),
    ],
)
def test_file_systems_of_every_make_are_stamped(features: str, large: int, tmp_path: Path) -> None:
    """e2fsck is asked in the end, by stamping itself; small blocks, as mke2fs chooses for small disks."""
    names = [f"/etc/d/file-{number}" for number in range(200)]
    image = disks.ext_image(
        tmp_path / "fs",
        disks.tree_on_host(tmp_path / "tree", dict.fromkeys(names, b"x" * 900)),
        options=("-O", features),
    )
    seal.seal(image, disks.bare(image), epoch=EPOCH)
    nodes = {GuestPath(path): Node(Kind.DIRECTORY, 0o755) for path in ("/", "/etc", "/etc/d")}
    nodes |= {GuestPath(name): Node(Kind.FILE, 0o644, size=900) for name in names}
    layer = Layer.of(
        Removal(GuestPath(names[0]), WHY),
        FileEntry(GuestPath(names[1]), b"replaced" * 9000, WHY, uid=7),
        FileEntry(GuestPath("/etc/d/new"), b"small", WHY, xattrs=(("user.large", b"v" * large),)),
        DirEntry(GuestPath("/new"), WHY),
        *(FileEntry(GuestPath(f"/new/{number}"), b"z" * number, WHY) for number in range(100)),
    )
    stamp.stamp(image, disks.bare(image), Tree(nodes), layer, epoch=EPOCH, state_dir=tmp_path / "state")
    assert disks.debugfs(image, f"cat {names[1]}") == "replaced" * 9000
    value = tmp_path / "value"
    disks.debugfs(image, f"ea_get -f {value} /etc/d/new user.large")
    assert value.read_bytes() == b"v" * large


def test_a_value_that_debugfs_would_cut_off_is_refused(tmp_path: Path) -> None:
    image = disks.ext_image(tmp_path / "fs", None, options=("-O", "ea_inode"))
    seal.seal(image, disks.bare(image), epoch=EPOCH)
    layer = Layer.of(FileEntry(GuestPath("/new"), b"", WHY, xattrs=(("user.large", b"v" * 1025),)))
    tree = Tree({GuestPath("/"): Node(Kind.DIRECTORY, 0o755)})
    with pytest.raises(PipelineError, match=r"cuts the attribute user\.large off"):
        stamp.stamp(image, disks.bare(image), tree, layer, epoch=EPOCH, state_dir=tmp_path / "state")


def test_what_is_removed_may_have_any_printable_name(tmp_path: Path) -> None:
    names = ('"quoted"', "näme with spaces", "back\\slash", "#hash", "<12>", "-f", "'")
    tree = disks.tree_on_host(tmp_path / "tree", {f"/etc/odd/{name}": b"ODD-CONTENT" for name in names})
    image = disks.ext_image(tmp_path / "fs", tree)
    seal.seal(image, disks.bare(image), epoch=EPOCH)
    nodes = {GuestPath(path): Node(Kind.DIRECTORY, 0o755) for path in ("/", "/etc", "/etc/odd")}
    nodes |= {GuestPath(f"/etc/odd/{name}"): Node(Kind.FILE, 0o644, size=11) for name in names}
    layer = Layer.of(Removal(GuestPath("/etc/odd"), WHY))
    stamp.stamp(image, disks.bare(image), Tree(nodes), layer, epoch=EPOCH, state_dir=tmp_path / "state")
    assert "odd" not in disks.debugfs(image, "ls /etc")
    assert b"ODD-CONTENT" not in image.read_bytes()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = gateway_disk.gateway_disk(tmp_path_factory.mktemp("base") / "base.img")
    seal.seal(image, DISK, epoch=EPOCH)
    return image


def stamped(base: Path, directory: Path, layer: Layer = LAYER) -> Path:
    directory.mkdir(exist_ok=True)
    image = Path(shutil.copy(base, directory / "image.img"))
    stamp.stamp(image, DISK, tree_of_disk(), layer, epoch=EPOCH, state_dir=directory / "state")
    return image


def show(image: Path, path: str) -> str:
    return disks.debugfs(image, f'stat "{path}"', offset=gateway_disk.ROOT)


def content(image: Path, path: str) -> bytes:
    return disks.run("debugfs", "-R", f'cat "{path}"', f"{image}?offset={gateway_disk.ROOT}")


@pytest.mark.tools
def test_every_entry_is_as_wanted(base: Path, tmp_path: Path) -> None:
    image = stamped(base, tmp_path)
    assert content(image, "/etc/old.conf") == b"new content\n" * 700
    for path, expected in {
        "/etc/old.conf": ("regular", "0640", "70000", "5"),
        "/opt/new": ("directory", "02711", "3", "4"),
        "/opt/new/tool": ("regular", "04755", "0", "0"),
        "/opt/new/link": ("symlink", "0777", "7", "0"),
        "/var/log": ("directory", "01777", "0", "0"),
    }.items():
        words = show(image, path).split()
        assert (words[3], words[5], words[words.index("User:") + 1], words[words.index("Group:") + 1]) == expected
        assert f"mtime: 0x{EPOCH:08x}:00000000" in show(image, path)
        assert "Generation: 0 " in show(image, path)
    assert 'Fast link dest: "../../etc/passwd"' in show(image, "/opt/new/link")
    assert "user.a (2) = 00 ff" in show(image, "/etc/with space")
    assert "user.note" not in show(image, "/etc/shadow"), "attributes go with the file they belonged to"
    assert content(image, "/etc/twin2") == b"both names\n", "the other name of a hard-linked file keeps its content"
    assert "Links: 1" in show(image, "/etc/twin2")
    assert f"mtime: 0x{EPOCH:08x}:00000000" in show(image, "/etc"), "directories that changed have the epoch too"
    assert "removed" not in disks.debugfs(image, "ls /etc", offset=gateway_disk.ROOT)
    boot = f"{image}@@{gateway_disk.BOOT}"
    assert disks.run("mtype", "-i", boot, "::/uboot.env") == b"bootdelay=0\0"
    assert disks.run("mtype", "-i", boot, "::/sub/a long file name.txt") == b"hi"
    assert b"boot.scr" not in disks.run("mdir", "-b", "-i", boot, "::")


@pytest.mark.tools
def test_file_systems_are_sound_and_keep_nothing(base: Path, tmp_path: Path) -> None:
    image = stamped(base, tmp_path)
    disks.run("e2fsck", "-fn", f"{image}?offset={gateway_disk.ROOT}")
    boot = tmp_path / "boot"
    boot.write_bytes(image.read_bytes()[gateway_disk.BOOT : gateway_disk.ROOT])
    disks.run("fsck.vfat", "-n", boot)
    assert all(mark in base.read_bytes() for mark in (b"OLD-CONTENT", b"REMOVED-CONTENT", b"OLD-ENV"))
    assert not any(mark in image.read_bytes() for mark in (b"OLD-CONTENT", b"REMOVED-CONTENT", b"OLD-ENV"))
    assert list((tmp_path / "state").iterdir()) == [], "contents do not wait on the machine"


@pytest.mark.tools
def test_the_same_bytes_whatever_the_surroundings(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    one = stamped(base, tmp_path / "one").read_bytes()
    old = os.umask(0o077)
    request.addfinalizer(lambda: os.umask(old))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    monkeypatch.setenv("E2FSPROGS_FAKE_TIME", "5")
    # A clock that has moved on, as far as file times on this machine tell it.
    later = time.time() + 100_000
    copy = Path(shutil.copy(base, tmp_path / "later.img"))
    os.utime(copy, (later, later))
    assert stamped(copy, tmp_path / "a longer name for the other directory").read_bytes() == one


@pytest.mark.tools
@pytest.mark.parametrize(
    "options", [("-b", "1024", "-O", "^metadata_csum,^64bit"), ("-I", "128"), ("-O", "^extent,^64bit")]
)
def test_other_geometries(options: tuple[str, ...], tmp_path: Path) -> None:
    image = gateway_disk.gateway_disk(tmp_path / "base.img", options=options)
    seal.seal(image, DISK, epoch=EPOCH)
    result = stamped(image, tmp_path / "x")
    disks.run("e2fsck", "-fn", f"{result}?offset={gateway_disk.ROOT}")
    assert content(result, "/etc/old.conf") == b"new content\n" * 700
    assert b"OLD-CONTENT" not in result.read_bytes()


@pytest.mark.tools
def test_what_cannot_be_carried_out_is_said_before_anything_is_written(base: Path, tmp_path: Path) -> None:
    cases = {
        "/missing is not a directory": FileEntry(GuestPath("/missing/file"), b"", WHY),
        "a directory cannot take the place": DirEntry(GuestPath("/etc/passwd"), WHY),
        "nor the other way round": FileEntry(GuestPath("/etc"), b"", WHY),
        "where a partition is mounted": Removal(GuestPath("/boot"), WHY),
        "is to be removed, but is not there": Removal(GuestPath("/not/there"), WHY),
        "FAT keeps no modes": FileEntry(GuestPath("/boot/a"), b"", WHY, mode=0o644),
        "FAT has no symbolic links": LinkEntry(GuestPath("/boot/a"), "b", WHY),
    }
    image = Path(shutil.copy(base, tmp_path / "image.img"))
    for message, entry in cases.items():
        with pytest.raises(PipelineError, match=message) as caught:
            stamp.stamp(image, DISK, tree_of_disk(), Layer.of(entry), epoch=EPOCH, state_dir=tmp_path / "state")
        assert "test.rule" in str(caught.value)
    assert image.read_bytes() == base.read_bytes()


@pytest.mark.tools
def test_failures_of_debugfs_are_failures(base: Path, tmp_path: Path) -> None:
    image = Path(shutil.copy(base, tmp_path / "image.img"))
    too_large = Layer.of(FileEntry(GuestPath("/etc/large"), os.urandom(60 * disks.MIB), WHY))
    with pytest.raises(PipelineError, match="debugfs: failed to stamp partition 2"):
        stamp.stamp(image, DISK, tree_of_disk(), too_large, epoch=EPOCH, state_dir=tmp_path / "state")
    nodes = {**tree_of_disk().nodes, GuestPath("/etc/phantom"): Node(Kind.FILE, 0o644)}
    phantom = Layer.of(Removal(GuestPath("/etc/phantom"), WHY))
    with pytest.raises(PipelineError, match="File not found"):
        stamp.stamp(image, DISK, Tree(nodes), phantom, epoch=EPOCH, state_dir=tmp_path / "state")


@pytest.mark.tools
def test_other_file_systems_are_for_the_other_writer(base: Path, tmp_path: Path) -> None:
    disk = Disk(DISK.size, "mbr", (Partition(2, gateway_disk.ROOT, 48 << 20, "xfs", mountpoint=GuestPath("/")),))
    layer = Layer.of(FileEntry(GuestPath("/etc/a"), b"", WHY))
    with pytest.raises(PipelineError, match="xfs cannot be stamped") as caught:
        stamp.stamp(base, disk, tree_of_disk(), layer, epoch=EPOCH, state_dir=tmp_path)
    assert 'writer = "guestfs"' in caught.value.problems[0].remedy


@pytest.mark.tools
def test_contents_wait_in_private_files(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    real = stamp.debugfs

    def look(raw: Path, partition: Partition, script: Path, *, epoch: int, reason: str) -> None:
        seen.extend(stat.S_IMODE(path.stat().st_mode) for path in script.parent.iterdir())
        seen.append(stat.S_IMODE(script.parent.stat().st_mode))
        real(raw, partition, script, epoch=epoch, reason=reason)

    monkeypatch.setattr(stamp, "debugfs", look)
    old = os.umask(0)
    try:
        stamped(base, tmp_path)
    finally:
        os.umask(old)
    assert seen
    assert set(seen) == {0o600, 0o700}
