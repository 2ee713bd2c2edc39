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
from pipeline.image.ext4 import seal
from pipeline.image.write import bmap
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
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
    image = disks.ext_image(tmp_path / "image.img", None, options=("-b", "4096"))
    with image.open("r+b") as stream:
        os.pwrite(stream.fileno(), b"x", 31 * MIB)  # in a free block
    described = bmap.describe(image, disks.bare(image))
    image.write_bytes(image.read_bytes())
    assert bmap.describe(image, disks.bare(image)) == described
    spans = [(part.start, part.end) for part in reader.read(described.bmap).ranges]
    assert (31 * MIB, 31 * MIB + bmap.BLOCK) in spans, "what is not zero is mapped even where it is free"
    assert sum(end - start for start, end in spans) < 8 * MIB, "what is free and zero is not"


@given(st.lists(st.tuples(st.integers(0, 9000), st.booleans()), min_size=1, max_size=10))
def test_what_nobody_knows_to_be_free_is_mapped(parts: list[tuple[int, bool]]) -> None:
    content = b"".join((b"\0" if hole else b"x") * length for length, hole in parts) or b"\0"
    with tempfile.TemporaryDirectory() as directory:
        image = Path(directory) / "image.img"
        image.write_bytes(content)
        described = reader.read(bmap.describe(image, disks.bare(image, "btrfs")).bmap)
    (part,) = described.ranges
    assert (part.start, part.end, described.image_size) == (0, len(content), len(content))
    assert part.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("kind", "options", "block"),
    [("ext4", ("-b", "1024"), 1024), ("ext4", ("-b", "4096"), 4096), ("ext2", ("-b", "2048"), 2048)],
)
def test_every_block_dumpe2fs_does_not_call_free_is_mapped(
    kind: str, options: tuple[str, ...], block: int, tmp_path: Path
) -> None:
    """dumpe2fs is the judge of what is in use; the file has zeros in its middle, the partition begins anywhere."""
    tree = disks.tree_on_host(tmp_path / "tree", {"/zeros": b"x" * 5000 + bytes(300_000) + b"y", "/a": b"a" * 70_000})
    bare = disks.ext_image(tmp_path / "fs", tree, size=24 * MIB, kind=kind, options=options)
    disks.debugfs_write(bare, "rm a")
    start = MIB + 512 * 3
    image = image_with(tmp_path / "image.img", start + 25 * MIB, {start: bare.read_bytes()})
    part = Partition(1, start, 24 * MIB + 512 * 5, kind, mountpoint=GuestPath("/"))
    described = bmap.describe(image, Disk(image.stat().st_size, "mbr", (part,)))
    mapped = bytearray(image.stat().st_size)
    for span in reader.read(described.bmap).ranges:
        mapped[span.start : span.end] = b"\1" * (span.end - span.start)
    free = disks.free_blocks(bare)
    assert free
    for number in range(24 * MIB // block):
        place = start + number * block
        assert number in free or mapped[place : place + block] == b"\1" * block, number
    assert mapped[:start] == b"\1" * start
    assert mapped[start + 24 * MIB :] == b"\1" * MIB, "behind the file system, in its partition and outside"
    assert mapped.count(1) < 10 * MIB


@pytest.mark.parametrize("options", [("-F", "12"), ("-F", "16"), ("-F", "32", "-s", "1")])
def test_of_fat_the_tables_directories_and_clusters_are_mapped(options: tuple[str, ...], tmp_path: Path) -> None:
    files = {"/zeros.bin": bytes(60_000), "/below/x": b"x" * 3000, "/gone": b"g" * 50_000}
    size = 4 * MIB if "12" in options else 40 * MIB
    image = disks.fat_image(tmp_path / "image.img", files, size=size, options=options)
    disks.run("mdel", "-i", image, "::/gone")
    seal.seal(image, disks.bare(image, "vfat"), epoch=1_700_000_000)
    spans = [(s.start, s.end) for s in reader.read(bmap.describe(image, disks.bare(image, "vfat")).bmap).ranges]
    # Everything that is not mapped may hold anything, and fsck.vfat finds no fault and mtools find the files.
    used = bytearray(b"\xff") * size
    for start, end in spans:
        used[start:end] = image.read_bytes()[start:end]
    assert sum(end - start for start, end in spans) < size * 3 // 4
    flashed = tmp_path / "flashed"
    flashed.write_bytes(used)
    disks.run("fsck.vfat", "-n", flashed)
    for name, content in files.items():
        if name != "/gone":
            assert disks.run("mcopy", "-i", flashed, f"::{name}", "-") == content
