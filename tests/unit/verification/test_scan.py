"""The verifier's pass over an image agrees with the build's, and with doing it the slow way."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.formats.archive import bmap as bmap_format
from pipeline.image.write import bmap
from pipeline.model.disk import Disk, Partition
from pipeline.verification.scan import scan

BLOCK = 4096
SIZE = 64 * BLOCK


@st.composite
def disks(draw: st.DrawFn) -> tuple[Disk, bytes]:
    """A disk with partitions anywhere, in any order of numbers, and some data."""
    edges = sorted(draw(st.sets(st.integers(0, SIZE), max_size=8)))
    bounds = list(zip(edges[::2], edges[1::2], strict=False))
    numbers = draw(st.permutations(range(1, len(bounds) + 1)))
    parts = [
        Partition(number, start, end - start, "ext4") for number, (start, end) in zip(numbers, bounds, strict=True)
    ]
    content = bytearray(SIZE)
    for place in draw(st.sets(st.integers(0, SIZE - 1), max_size=12)):
        content[place] = 0xA5
    return Disk(SIZE, "gpt", tuple(sorted(parts, key=lambda part: part.number))), bytes(content)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scan") / "image.img"


@settings(deadline=None)
@given(disks())
def test_both_passes_see_the_same(image: Path, made: tuple[Disk, bytes]) -> None:
    disk, content = made
    image.write_bytes(content)
    described = bmap.describe(image, disk)
    seen = scan(image, disk, bmap_format.read(described.bmap).ranges, image.with_name("unpacked"))
    assert seen.facts == described.facts
    assert (seen.wrong_ranges, seen.stray, seen.damage) == ((), None, "")
    assert seen.delivered == hashlib.sha256(content).hexdigest()
    for part in disk.partitions:
        assert seen.facts.partitions[part.number] == hashlib.sha256(content[part.start :][: part.size]).hexdigest()


def test_holes_are_zeros(image: Path) -> None:
    disk = Disk(SIZE, "mbr", (Partition(1, BLOCK, SIZE - BLOCK, "ext4"),))
    image.write_bytes(b"")
    with image.open("r+b") as stream:
        stream.truncate(SIZE)
    seen = scan(image, disk, (), image.with_name("unpacked"))
    assert seen.facts.sha256 == hashlib.sha256(bytes(SIZE)).hexdigest()
    assert seen.stray is None


def test_what_lies_outside_of_the_block_map_is_found_and_no_file_stays_open(image: Path) -> None:
    disk = Disk(SIZE, "mbr", (Partition(1, BLOCK, SIZE - BLOCK, "ext4"),))
    image.write_bytes(bytes(SIZE))
    whole = bmap_format.read(bmap.describe(image, disk).bmap).ranges
    ranges = [replace(whole[0], start=0, end=BLOCK, sha256=hashlib.sha256(bytes(BLOCK)).hexdigest())]
    with image.open("r+b") as stream:
        stream.seek(SIZE - BLOCK)
        stream.write(b"x")
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert scan(image, disk, ranges, image.with_name("unpacked")).stray == 0  # of a piece
    assert scan(image, disk, None, image.with_name("unpacked")).stray is None
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_packed_image_is_unpacked_to_its_whole_length(image: Path) -> None:
    disk = Disk(SIZE, "mbr", (Partition(1, BLOCK, SIZE - BLOCK, "ext4"),))
    content = b"x" * BLOCK + bytes(SIZE - BLOCK)
    image.write_bytes(content)
    packed, unpacked = image.with_name("image.img.gz"), image.with_name("unpacked-whole")
    packed.write_bytes(gzip.compress(content, mtime=0))
    seen = scan(packed, disk, None, unpacked)
    assert seen.facts == scan(image, disk, None, image.with_name("not-needed")).facts
    assert unpacked.read_bytes() == content
    assert not image.with_name("not-needed").exists()
