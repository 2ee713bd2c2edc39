"""The ext4 writer against e2fsprogs' own reading of what it wrote."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path
from uuid import UUID

import pytest

from pipeline.demo.ext4 import Ext4, write_ext4
from pipeline.demo.members import Extract, Member, Members, text_file, with_parents
from pipeline.errors import PipelineError
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind

EPOCH = 1_700_000_000
OFFSET = 1 << 20
PLACE = Ext4(OFFSET, 24 << 20, "ROOT", UUID("1b4e28ba-2fa1-51d2-883f-0016d3cca427"))

pytestmark = pytest.mark.tools


def tree(host_file: Path) -> Members:
    """Every kind of member, with owners, modes, times, names and sizes that a careless writer gets wrong."""
    host_file.write_bytes(b"--" + b"lib" * 50_000 + b"--")
    members = {
        "/": Member(Kind.DIRECTORY, 0o755, mtime=EPOCH),
        "/bin": Member(Kind.LINK, 0o777, mtime=EPOCH, target="usr/bin"),
        "/dev/console": Member(Kind.CHARACTER, 0o600, 0, 5, EPOCH, device=(5, 1)),
        "/dev/sda": Member(Kind.BLOCK, 0o660, 0, 6, EPOCH, device=(8, 0)),
        "/etc/empty": text_file("", 0o600, mtime=5),
        "/etc/shadow": text_file("root:*:\n", 0o640, mtime=EPOCH - 100, gid=42),
        "/etc/a name with spaces": text_file("x", mtime=EPOCH),
        "/etc/systemd\\x2dname": text_file("y", mtime=EPOCH),
        "/home/big": Member(Kind.DIRECTORY, 0o2770, 70_000, 70_001, EPOCH),
        "/long": Member(Kind.LINK, 0o777, mtime=EPOCH, target="/" + "d" * 200),
        "/run/initctl": Member(Kind.FIFO, 0o600, mtime=EPOCH),
        "/tmp": Member(Kind.DIRECTORY, 0o1777, mtime=7),  # noqa: S108 - a path in an image
        "/usr/bin/lib": Member(Kind.FILE, 0o755, mtime=EPOCH, content=Extract(host_file, 2, 150_000)),
        "/usr/bin/sudo": text_file("#!", 0o4755, mtime=EPOCH),
        "/usr/bin/z-link": Member(Kind.FILE, 0, same_as=GuestPath("/usr/bin/sudo")),
        "/usr/bin/a-link": Member(Kind.FILE, 0, same_as=GuestPath("/usr/bin/sudo")),
        # more names than one directory block holds
        **{f"/many/{number:04}-{'n' * 60}": text_file(str(number), mtime=EPOCH) for number in range(200)},
    }
    return with_parents({GuestPath(path): member for path, member in members.items()}, mtime=EPOCH)


def write(directory: Path, members: Members) -> Path:
    """A disk with the tree on it."""
    directory.mkdir()
    image = directory / "disk.img"
    image.touch()
    os.truncate(image, OFFSET + PLACE.size)
    (directory / "scratch").mkdir()
    write_ext4(image, PLACE, members, directory / "scratch", epoch=EPOCH)
    return image


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("ext4")
    return write(base / "one", tree(base / "host file"))


def ask(image: Path, request: str) -> str:
    """What debugfs answers about the file system."""
    command = ["debugfs", "-R", request, f"{image}?offset={OFFSET}"]
    done = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "TZ": "UTC"})
    return done.stdout.decode()


def test_e2fsck_finds_nothing_to_mend(image: Path) -> None:
    done = subprocess.run(["e2fsck", "-fn", f"{image}?offset={OFFSET}"], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/dev/console", r"Type: character special +Mode: +0600 .*Group: +5 .*Device major/minor number: 05:01"),
        ("/dev/sda", r"Type: block special +Mode: +0660 .*Device major/minor number: 08:00"),
        ("/run/initctl", r"Type: FIFO +Mode: +0600"),
        ("/etc/shadow", rf"Mode: +0640 .*Group: +42 .*Size: 8\n.*mtime: 0x{EPOCH - 100:08x}:00000000"),
        ("/etc/empty", r"Mode: +0600 .*Size: 0\n.*mtime: 0x00000005:00000000"),
        ("/home/big", r"Type: directory +Mode: +02770 .*User: 70000 +Group: 70001"),
        ("/tmp", r"Type: directory +Mode: +01777 .*mtime: 0x00000007"),  # noqa: S108 - a path in an image
        ("/usr/bin/sudo", r"Mode: +04755 .*Links: 3 "),
        ("/bin", r'Type: symlink .*Fast link dest: "usr/bin"'),
        ("/", r"Type: directory +Mode: +0755 .*User: +0 +Group: +0 "),
    ],
)
def test_metadata_is_exact(image: Path, path: str, expected: str) -> None:
    stat = ask(image, f'stat "{path}"')
    assert re.search(expected, stat, re.DOTALL), stat
    assert f"ctime: 0x{EPOCH:08x}:00000000" in stat
    assert f"crtime: 0x{EPOCH:08x}:00000000" in stat


def test_content_is_what_was_given(image: Path) -> None:
    assert ask(image, 'cat "/usr/bin/lib"') == "lib" * 50_000
    assert ask(image, 'cat "/etc/a name with spaces"') == "x"
    assert ask(image, 'cat "/etc/systemd\\x2dname"') == "y"
    assert ask(image, 'cat "/long"') == "/" + "d" * 200
    assert ask(image, "ls /many").count("-nnn") == 200


def test_hard_links_are_one_file(image: Path) -> None:
    inodes = {ask(image, f'stat "/usr/bin/{name}"').splitlines()[0] for name in ("sudo", "a-link", "z-link")}
    assert len(inodes) == 1


def test_bytes_do_not_depend_on_place_umask_or_zone(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    before = os.umask(0o077)
    try:
        again = write(tmp_path / "another place", tree(tmp_path / "host"))
    finally:
        os.umask(before)
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(image.read_bytes()).digest()


def test_a_tree_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.touch()
    os.truncate(source, PLACE.size)
    members = with_parents({GuestPath("/big"): Member(Kind.FILE, 0o644, content=b"x" * PLACE.size)}, mtime=0)
    with pytest.raises(PipelineError, match="failed to fill the root file system"):
        write(tmp_path / "full", members)


@pytest.mark.parametrize("name", ['quo"te', "line\nbreak"])
def test_names_that_debugfs_cannot_be_told_are_refused(tmp_path: Path, name: str) -> None:
    members = with_parents({GuestPath(f"/{name}"): text_file("")}, mtime=0)
    with pytest.raises(PipelineError, match="cannot take"):
        write(tmp_path / "bad", members)
