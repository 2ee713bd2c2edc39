"""Block maps that the real bmaptool flashes from, and digests of an image and its parts."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.archive import bmap as reader
from pipeline.image.write import bmap
from pipeline.model.disk import Disk, Partition
from tests.support import disks

MIB = 1 << 20


def image_with(path: Path, size: int, data: dict[int, bytes]) -> Path:
    with path.open("wb") as stream:
        stream.truncate(size)
        for place, content in data.items():
            os.pwrite(stream.fileno(), content, place)
    return path


@pytest.mark.tools
def test_bmaptool_flashes_the_same_image(tmp_path: Path) -> None:
    data = {0: b"boot", MIB: os.urandom(70_000), 3 * MIB + 5: b"x", 5 * MIB - 1: b"\xff"}
    image = image_with(tmp_path / "image.img", 5 * MIB + 1234, {**data, 5 * MIB + 1233: b"e"})
    described = bmap.describe(image, disks.bare(image))
    (tmp_path / "image.bmap").write_bytes(described.bmap)
    flashed = image_with(tmp_path / "flashed", image.stat().st_size, {})
    disks.run("bmaptool", "copy", "--bmap", tmp_path / "image.bmap", image, flashed)
    assert flashed.read_bytes() == image.read_bytes()
    damaged = bytearray(image.read_bytes())
    damaged[MIB + 9] ^= 1
    (tmp_path / "damaged").write_bytes(damaged)
    disks.run("bmaptool", "copy", "--bmap", tmp_path / "image.bmap", tmp_path / "damaged", flashed, ok=(1,))


def test_digests_of_the_whole_its_partitions_and_the_rest(tmp_path: Path) -> None:
    content = bytearray(os.urandom(3 * MIB))
    content[MIB : 2 * MIB] = bytes(MIB)
    image = tmp_path / "image.img"
    image.write_bytes(content)
    parts = (Partition(5, 2 * MIB, MIB // 2, "ext4"), Partition(1, MIB // 2, MIB, "vfat"))
    facts = bmap.describe(image, Disk(len(content), "mbr", parts)).facts
    assert facts.file == "image.img"
    assert facts.size == len(content)
    assert facts.sha256 == hashlib.sha256(content).hexdigest()
    assert facts.partitions == {
        part.number: hashlib.sha256(content[part.start : part.start + part.size]).hexdigest() for part in parts
    }
    rest = content[: MIB // 2] + content[MIB // 2 + MIB : 2 * MIB] + content[2 * MIB + MIB // 2 :]
    assert facts.outside == hashlib.sha256(rest).hexdigest()


def test_zeros_on_disk_and_holes_are_the_same(tmp_path: Path) -> None:
    holes = image_with(tmp_path / "image.img", 2 * MIB, {8192: b"x"})
    described = bmap.describe(holes, disks.bare(holes))
    holes.write_bytes(holes.read_bytes())
    assert bmap.describe(holes, disks.bare(holes)) == described
    assert [(part.start, part.end) for part in reader.read(described.bmap).ranges] == [(8192, 12288)]


@given(st.lists(st.tuples(st.integers(0, 9000), st.booleans()), min_size=1, max_size=10))
def test_every_byte_outside_the_ranges_is_zero(parts: list[tuple[int, bool]]) -> None:
    content = b"".join((b"\0" if hole else b"x") * length for length, hole in parts) or b"\0"
    with tempfile.TemporaryDirectory() as directory:
        image = Path(directory) / "image.img"
        image.write_bytes(content)
        described = reader.read(bmap.describe(image, disks.bare(image)).bmap)
    assert described.image_size == len(content)
    rebuilt = bytearray(len(content))
    for part in described.ranges:
        piece = content[part.start : part.end]
        assert hashlib.sha256(piece).hexdigest() == part.sha256
        assert any(piece[offset : offset + bmap.BLOCK].strip(b"\0") for offset in range(0, len(piece), bmap.BLOCK))
        rebuilt[part.start : part.end] = piece
    assert bytes(rebuilt) == content
