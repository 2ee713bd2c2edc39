"""Block maps are read as bmaptool writes them, and nothing malformed is."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from pipeline.formats.archive.bmap import BmapError, Range, read
from tests.support.delivered import block_map, image_bytes

GOOD = block_map(image_bytes("gw-1"))


def resealed(old: str, new: str) -> bytes:
    """The good map with a change and a checksum that fits it."""
    checksum = GOOD.split(b"<BmapFileChecksum> ")[1][:64]
    text = GOOD.replace(checksum, b"0" * 64).replace(old.encode(), new.encode())
    return text.replace(b"0" * 64, hashlib.sha256(text).hexdigest().encode(), 1)


def test_ranges_are_bytes_of_the_image() -> None:
    found = read(GOOD)
    assert found.image_size == len(image_bytes("gw-1"))
    assert found.ranges[0] == Range(0, 4096, hashlib.sha256(image_bytes("gw-1")[:4096]).hexdigest())


@pytest.mark.tools
def test_the_map_bmaptool_writes_is_read(tmp_path: Path) -> None:
    image = tmp_path / "image.img"
    with image.open("wb") as stream:
        stream.write(b"x" * 5000)
        stream.seek(1 << 20)
        stream.write(b"y" * 4096)
        stream.truncate((2 << 20) + 100)
    made = subprocess.run(["bmaptool", "create", str(image)], check=True, capture_output=True).stdout
    found = read(made)
    content = image.read_bytes()
    assert found.image_size == len(content)
    assert (found.ranges[0].start, found.ranges[-1].end) == (0, (1 << 20) + 4096)
    for span in found.ranges:
        assert hashlib.sha256(content[span.start : span.end]).hexdigest() == span.sha256


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "not XML"),
        (b"<bmap version='2.0'>", "not XML"),
        (b"<x/>", "not a block map"),
        (b"<!DOCTYPE bmap><bmap version='2.0'/>", "not a block map"),
        (resealed('version="2.0"', 'version="1.4"'), "not a block map"),
        (resealed("sha256", "md5"), "not SHA-256"),
        (GOOD.replace(b" 4096 ", b" 8192 "), "was changed"),
        (GOOD.replace(b"BmapFileChecksum> ", b"BmapFileChecksum> x"), "malformed"),
        (resealed("> 4096 <", "> 0 <"), "positive"),
        (resealed("> 4096 <", "> -1 <"), "not a number"),
        (resealed("> 0 </Range>", "> 17 </Range>"), "overlap"),
        (resealed("> 0 </Range>", "> 0- </Range>"), "malformed range"),
        (resealed("> 0 </Range>", "> 5-3 </Range>"), "outside the image"),
        (resealed("> 0 </Range>", "> 99999999 </Range>"), "outside the image"),
        (resealed('<Range chksum="', '<Range chksum="zz'), "malformed range"),
    ],
)
def test_malformed_maps_are_refused(data: bytes, told: str) -> None:
    with pytest.raises(BmapError, match=told):
        read(data)
