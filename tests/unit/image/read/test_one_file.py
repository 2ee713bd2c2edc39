"""One file of an image is read without the appliance, from ext4 and from FAT, byte by byte."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.image.read.one_file import read_one
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from tests.support.disks import MIB, ext_image, mbr_disk, tree_on_host

pytestmark = pytest.mark.tools

BYTES = os.urandom(70_000) + b"\0\n\r\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Disk]:
    top = tmp_path_factory.mktemp("one")
    content = tree_on_host(top / "content", {"/etc/a b": BYTES, "/boot/x": b"hidden", "/bootx/y": b"root's\n"})
    root = ext_image(top / "root.ext4", content, size=16 * MIB)
    boot = top / "boot.fat"
    boot.write_bytes(bytes(8 * MIB))
    subprocess.run(["mkfs.vfat", str(boot)], check=True, capture_output=True)
    (top / "uEnv.txt").write_bytes(BYTES)
    subprocess.run(["mcopy", "-i", str(boot), str(top / "uEnv.txt"), "::uEnv.txt"], check=True)
    image = mbr_disk(top / "disk.img", [(0xC, boot), (0x83, root)])
    starts = [MIB, MIB + boot.stat().st_size]
    disk = Disk(
        image.stat().st_size,
        "mbr",
        (
            Partition(1, starts[0], boot.stat().st_size, "vfat", "", "", GuestPath("/boot")),
            Partition(2, starts[1], root.stat().st_size, "ext4", "", "", GuestPath("/")),
        ),
    )
    return image, disk


@pytest.mark.parametrize(
    ("path", "content"), [("/etc/a b", BYTES), ("/boot/uEnv.txt", BYTES), ("/bootx/y", b"root's\n")]
)
def test_a_file_is_read_from_the_file_system_that_holds_it(made: tuple[Path, Disk], path: str, content: bytes) -> None:
    assert read_one(*made, GuestPath(path)) == content


@pytest.mark.parametrize("path", ["/etc/none", "/boot/none"])
def test_a_file_that_is_not_there_is_refused(made: tuple[Path, Disk], path: str) -> None:
    with pytest.raises(PipelineError):
        read_one(*made, GuestPath(path))


def test_a_file_system_nothing_here_reads_is_refused(made: tuple[Path, Disk]) -> None:
    image, disk = made
    with pytest.raises(PipelineError, match="only the appliance reads"):
        read_one(
            image, Disk(disk.size, "mbr", (Partition(1, MIB, MIB, "xfs", "", "", GuestPath("/")),)), GuestPath("/a")
        )
    with pytest.raises(PipelineError, match="no file system of the image"):
        read_one(image, Disk(disk.size, "mbr", ()), GuestPath("/a"))
