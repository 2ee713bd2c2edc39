"""A second build that differs is named: file, block, and whose the block is."""

from __future__ import annotations

from pathlib import Path

from pipeline.build.building_twice import _images_differ
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from tests.support import disks, gateway_disk

MIB = 1 << 20


def test_the_first_block_that_differs_has_an_owner(tmp_path: Path) -> None:
    one = gateway_disk.gateway_disk(tmp_path / "one.img")
    root = Partition(2, gateway_disk.ROOT, 48 * MIB, "ext4", mountpoint=GuestPath("/"))
    disk = Disk(one.stat().st_size, "mbr", (root,))
    assert list(_images_differ("image", one, one, disk)) == []
    other = tmp_path / "other.img"
    content = bytearray(one.read_bytes())
    (block,) = (int(word) for word in disks.debugfs(one, "blocks /etc/inittab", offset=gateway_disk.ROOT).split())
    place = gateway_disk.ROOT + block * 4096
    content[place + 5] ^= 1
    content[place + 4096] ^= 1
    other.write_bytes(content)
    (problem,) = _images_differ("gw-1: image.img", one, other, disk)
    assert f"block {place // 4096} of 4096 bytes differs" in problem.what
    assert "content of /etc/inittab, and 1 blocks more" in problem.what
    other.write_bytes(content[:-512])
    (problem,) = _images_differ("gw-1: image.img", one, other, disk)
    assert f"{len(content)} bytes, built again {len(content) - 512}" in problem.what
