"""Whose a block is: the file's whose content lies there, the file system's, nobody's."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.image.read.block_owner import BLOCK, owners_of
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from tests.support.disks import MIB, ext_image, fat_image, mbr_disk, tree_on_host

pytestmark = pytest.mark.tools

MARK = b"the content of one file"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Disk]:
    top = tmp_path_factory.mktemp("blocks")
    content = tree_on_host(top / "content", {"/etc/hostname": MARK + b"\n" * 300, "/usr/bin/tool": b"#!/bin/sh\n"})
    image = mbr_disk(top / "disk.img", [(0x83, ext_image(top / "root.ext4", content, size=16 * MIB))])
    size = image.stat().st_size
    return image, Disk(size, "mbr", (Partition(1, MIB, size - MIB, "ext4", "", "", GuestPath("/")),))


def test_a_file_s_block_is_called_by_its_path(made: tuple[Path, Disk]) -> None:
    image, disk = made
    found = owners_of(image, disk, image.read_bytes().index(MARK) // BLOCK)
    assert "/etc/hostname" in {owner.path for owner in found}
    assert all("partition 1 (/)" in owner.text for owner in found)


def test_what_is_nobody_s_is_told(made: tuple[Path, Disk]) -> None:
    image, disk = made
    told = [[owner.text for owner in owners_of(image, disk, block)] for block in (0, 257, disk.size // BLOCK - 8)]
    assert told[0] == ["outside all partitions: boot sector and partition table (mbr)"]
    assert any("metadata" in text for text in told[1])
    assert told[2] == ["partition 1 (/): free space"]


@pytest.mark.parametrize("block", [-1, 10**9])
def test_a_block_there_is_not_is_refused(made: tuple[Path, Disk], block: int) -> None:
    with pytest.raises(PipelineError, match="the image has blocks 0 to"):
        owners_of(*made, block)


def test_a_block_of_a_fat_file_system_is_its_file_s(tmp_path: Path) -> None:
    content = {"uboot.env": b"bootdelay=0\0" * 1500, "sub/extlinux.conf": MARK * 40}
    boot = fat_image(tmp_path / "boot.fat", content, size=8 * MIB)
    root = ext_image(tmp_path / "root.ext4", tree_on_host(tmp_path / "root", {"/a": b"b"}), size=8 * MIB)
    image = mbr_disk(tmp_path / "disk.img", [(0xC, boot), (0x83, root)])
    parts = (
        Partition(1, MIB, boot.stat().st_size, "vfat", "", "", GuestPath("/boot")),
        Partition(2, MIB + boot.stat().st_size, root.stat().st_size, "ext4", "", "", GuestPath("/")),
    )
    disk = Disk(image.stat().st_size, "mbr", parts)
    whole = image.read_bytes()
    for mark, path in ((b"bootdelay", "/boot/uboot.env"), (MARK, "/boot/sub/extlinux.conf")):
        assert path in {owner.path for owner in owners_of(image, disk, whole.index(mark) // BLOCK)}
    assert "metadata" in owners_of(image, disk, MIB // BLOCK)[0].text
    assert "free space" in owners_of(image, disk, (MIB + boot.stat().st_size) // BLOCK - 2)[0].text
    assert "before the first partition" in owners_of(image, disk, 3)[0].text
