"""What bmaptool leaves on a used medium is the image: programs find no fault, and the verifier's comparison holds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.image.ext4 import seal
from pipeline.image.write import bmap
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from pipeline.verification.medium import clear_free_blocks, copy_image
from tests.support import disks
from tests.support.media import gateway_disk, used_media

MIB = 1 << 20
ZEROS = b"a" * 4096 + bytes(400_000) + b"e"
SIZE = 53 * MIB
TAIL = 70_000  # the medium is longer than the image
ENVIRONMENT = (SIZE - 0, 64 << 10)

pytestmark = [
    pytest.mark.tools,
    pytest.mark.skipif(not used_media.loop_devices_work(), reason="only root may attach loop devices"),
]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Disk]:
    """A gateway's disk with zeros inside files and a raw environment, short and padded, behind the partitions."""
    path = gateway_disk.gateway_disk(
        tmp_path_factory.mktemp("flashing") / "image.img", files={"/var/zeros": ZEROS}, options=("-b", "1024")
    )
    with path.open("r+b") as stream:
        assert os.fstat(stream.fileno()).st_size == ENVIRONMENT[0]
        os.pwrite(stream.fileno(), b"bootdelay=0\0".ljust(ENVIRONMENT[1], b"\0"), ENVIRONMENT[0])
    boot = Partition(1, gateway_disk.BOOT, 4 * MIB, "vfat", mountpoint=GuestPath("/boot"))
    root = Partition(2, gateway_disk.ROOT, 48 * MIB, "ext4", mountpoint=GuestPath("/"))
    disk = Disk(path.stat().st_size, "mbr", (boot, root))
    seal.seal(path, disk, epoch=gateway_disk.EPOCH)
    path.with_name("image.bmap").write_bytes(bmap.describe(path, disk).bmap)
    return path, disk


@pytest.mark.parametrize("before", ["0xFF", "random", "an older image"])
def test_a_used_medium_holds_the_image(before: str, image: tuple[Path, Disk], tmp_path: Path) -> None:
    path, disk = image
    medium, length = tmp_path / "medium", disk.size + TAIL // 512 * 512
    if before == "an older image":
        files = {"/older/file": b"OLD" * 4_000_000, "/etc/hostname": b"older\n"}
        gateway_disk.gateway_disk(medium, files=files, options=("-b", "4096"))
        disks.run("mcopy", "-i", f"{medium}@@{gateway_disk.BOOT}", "-", "::/older.bin", stdin=b"OLD" * 900_000)
        with medium.open("ab") as stream:
            stream.write(b"bootdelay=5\0bootcmd=run older\0".ljust(length - SIZE, b"z"))
    else:
        medium.write_bytes(os.urandom(length) if before == "random" else b"\xff" * length)
    used_media.flash(path, path.with_name("image.bmap"), medium)
    root, boot = f"{medium}?offset={gateway_disk.ROOT}", tmp_path / "boot"
    disks.run("e2fsck", "-f", "-n", root)
    boot.write_bytes(medium.read_bytes()[gateway_disk.BOOT : gateway_disk.ROOT])
    disks.run("fsck.vfat", "-n", boot)
    assert disks.run("mcopy", "-i", boot, "::/boot.scr", "-") == b"script"
    assert disks.run("debugfs", "-R", "cat /var/zeros", root) == ZEROS
    copy = tmp_path / "copy"
    copy_image(medium, disk.size, copy)
    assert copy.read_bytes() != path.read_bytes(), "free blocks hold what was there: else this test shows nothing"
    assert clear_free_blocks(copy, disk) > 0
    assert copy.read_bytes() == path.read_bytes()
    assert medium.read_bytes()[ENVIRONMENT[0] :][: ENVIRONMENT[1]] == b"bootdelay=0\0".ljust(ENVIRONMENT[1], b"\0")


def test_a_changed_bitmap_on_the_medium_hides_nothing(image: tuple[Path, Disk], tmp_path: Path) -> None:
    """Somebody who marks used blocks as free changes the bitmap, which is compared."""
    path, disk = image
    medium = tmp_path / "medium"
    medium.write_bytes(path.read_bytes())
    root = f"{medium}?offset={gateway_disk.ROOT}"
    blocks = disks.run("debugfs", "-R", "blocks /var/zeros", root).split()
    disks.run("debugfs", "-w", "-R", f"freeb {blocks[0].decode()} 4", root)
    clear_free_blocks(medium, disk)
    assert medium.read_bytes() != path.read_bytes()
