"""A second build that differs is named: file, block, and whose the block is."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from pipeline.build.building_twice import _gateway_differs, _images_differ
from pipeline.build.signing import STATEMENT
from pipeline.image.containers.compress import compress
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from tests.support import disks
from tests.support.delivered import Key, a_manifest_of, image_bytes, put_gateway
from tests.support.media import gateway_disk

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


KEY = Key.new()


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("", ""),
        ("image.bmap", "image.bmap differs"),
        ("manifest.json", "manifest.json differs"),
        ("sbom.spdx.json", "sbom.spdx.json differs"),
        (STATEMENT, "the statement in provenance.json differs"),
        ("image.img", "block 0 of 4096 bytes differs: outside all partitions"),
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_every_file_of_a_gateway_is_compared(file: str, told: str, compressed: bool, tmp_path: Path) -> None:
    manifest = a_manifest_of("gw-1", image_bytes("gw-1"))
    published, again = tmp_path / "out" / "gw-1", tmp_path / "again" / "gw-1"
    put_gateway(published, KEY, manifest)
    put_gateway(again, KEY, manifest)
    envelope = json.loads((again / "provenance.json").read_bytes())
    (again / STATEMENT).write_bytes(base64.b64decode(envelope["payload"]))
    if file:
        content = bytearray((again / file).read_bytes())
        content[100] ^= 1
        (again / file).write_bytes(content)
    if compressed:
        compress(published / "image.img", "gz")
    problems = list(_gateway_differs(published, again, manifest.disk, tmp_path, print))
    assert [told in problem.what for problem in problems] == ([True] if told else [])


def test_a_gateway_that_is_not_published_is_told(tmp_path: Path) -> None:
    (problem,) = _gateway_differs(tmp_path / "gw-1", tmp_path, Disk(0, "none", ()), tmp_path, print)
    assert (problem.what, problem.remedy) == ("gw-1: no image is published to compare with", "doit build")
