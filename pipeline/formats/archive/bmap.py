"""Reading a block map: which blocks of an image hold data, each range with its digest (bmap-tools, format 2.0)."""

from __future__ import annotations

import hashlib
import itertools
import re
from dataclasses import dataclass

from lxml import etree


class BmapError(ValueError):
    """Not a block map, or one whose own checksum does not fit; the text is one line."""


@dataclass(frozen=True)
class Range:
    """Bytes ``start`` to ``end`` of the image (end excluded) and their SHA-256."""

    start: int
    end: int
    sha256: str


@dataclass(frozen=True)
class Bmap:
    """The size of an image and its ranges with data, in order; everything else reads as zeros."""

    image_size: int
    ranges: tuple[Range, ...]


def read(data: bytes) -> Bmap:
    """Read a block map and check its checksum over itself.

    Raises:
        BmapError: not XML, another version, malformed or overlapping ranges, a wrong checksum.
    """
    try:
        # Block maps come from outside: no entities, no network, lxml's limits on depth and size.
        root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise BmapError(f"not XML: {error.msg}") from None
    if b"<!DOCTYPE" in data or root.tag != "bmap" or not str(root.get("version")).startswith("2."):
        raise BmapError("not a block map of format 2")
    if _text(root, "ChecksumType") != "sha256":
        raise BmapError("its checksums are not SHA-256")
    _check_itself(data, _text(root, "BmapFileChecksum"))
    size, block = _number(root, "ImageSize"), _number(root, "BlockSize")
    if block < 1:
        raise BmapError("BlockSize must be positive")
    ranges = tuple(_range(element, block, size) for element in root.iterfind("BlockMap/Range"))
    for before, after in itertools.pairwise(ranges):
        if after.start < before.end:
            raise BmapError(f"ranges overlap at byte {after.start}")
    return Bmap(size, ranges)


def _check_itself(data: bytes, checksum: str) -> None:
    """The checksum is that of the file with the checksum itself replaced by zeros."""
    if not re.fullmatch("[0-9a-f]{64}", checksum) or data.count(checksum.encode()) != 1:
        raise BmapError("BmapFileChecksum is malformed")
    if hashlib.sha256(data.replace(checksum.encode(), b"0" * 64)).hexdigest() != checksum:
        raise BmapError("BmapFileChecksum does not fit: the block map was changed")


def _range(element: etree._Element, block: int, size: int) -> Range:
    text, checksum = (element.text or "").strip(), element.get("chksum") or ""
    found = re.fullmatch(r"([0-9]{1,15})(?:-([0-9]{1,15}))?", text)
    if found is None or not re.fullmatch("[0-9a-f]{64}", checksum):
        raise BmapError(f"malformed range: {text!r}")
    first, last = int(found[1]), int(found[2] or found[1])
    # The last block of an image may be shorter than a block.
    start, end = first * block, min((last + 1) * block, size)
    if end <= start:
        raise BmapError(f"range outside the image: {text}")
    return Range(start, end, checksum)


def _text(root: etree._Element, name: str) -> str:
    return (root.findtext(name) or "").strip()


def _number(root: etree._Element, name: str) -> int:
    text = _text(root, name)
    if not re.fullmatch("[0-9]{1,18}", text):
        raise BmapError(f"{name} is not a number")
    return int(text)
