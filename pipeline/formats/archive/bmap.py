"""Reading a block map: which blocks of an image hold data, each range with its digest (bmap-tools, format 2.0)."""

from __future__ import annotations

import hashlib
import io
import itertools
import re
from dataclasses import dataclass, field

from lxml import etree

_TEXTS = frozenset({"ChecksumType", "BmapFileChecksum", "ImageSize", "BlockSize"})
_DEEPEST = 4
_MOST_TAGS = 400_000  # two of each range, whose line has a hundred bytes
_MORE_SIGNS = 64  # one attribute an element at most, and what a comment may hold
_LONGEST = 200  # characters of a number, a range or a digest, and more


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


LARGEST = 16 << 20
"""Bytes: the map of a disk of 64 GB that is used in a hundred thousand places has less."""


def read(data: bytes) -> Bmap:
    """Read a block map and check its checksum over itself.

    Memory is bounded by what it lists; nothing else of it is kept.

    Raises:
        BmapError: not XML, another version, malformed or overlapping ranges, a wrong checksum, larger than `LARGEST`.
    """
    if len(data) > LARGEST:
        raise BmapError(f"larger than {LARGEST} bytes, which no map is")
    tags = data.count(b"<")
    if tags > _MOST_TAGS or data.count(b"=") > tags + _MORE_SIGNS:
        raise BmapError("more elements or attributes than any map has")
    # Block maps come from outside: no entities, no network.
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise BmapError("not a block map: it declares entities")
    found = _Found()
    try:
        _walk(data, found)
    except etree.XMLSyntaxError as error:
        raise BmapError(f"not XML: {error.msg}") from None
    if found.texts.get("ChecksumType") != "sha256":
        raise BmapError("its checksums are not SHA-256")
    _check_itself(data, found.texts.get("BmapFileChecksum", ""))
    size, block = _number(found.texts, "ImageSize"), _number(found.texts, "BlockSize")
    if block < 1:
        raise BmapError("BlockSize must be positive")
    ranges = tuple(_range(text, checksum, block, size) for text, checksum in found.ranges)
    for before, after in itertools.pairwise(ranges):
        if after.start < before.end:
            raise BmapError(f"ranges overlap at byte {after.start}")
    return Bmap(size, ranges)


@dataclass
class _Found:
    texts: dict[str, str] = field(default_factory=dict)
    ranges: list[tuple[str, str]] = field(default_factory=list)


def _walk(data: bytes, found: _Found) -> None:
    """Element by element, each forgotten once it is read: a tree of all would take twenty times the file."""
    depth = 0
    # Nobody but a block map's own elements at their own depth counts.
    places: list[str] = []
    for event, element in etree.iterparse(
        io.BytesIO(data), events=("start", "end"), resolve_entities=False, no_network=True
    ):
        if not isinstance(element.tag, str):
            continue
        if event == "start":
            places.append(element.tag)
            depth = len(places)
            if depth == 1 and (element.tag != "bmap" or not str(element.get("version")).startswith("2.")):
                raise BmapError("not a block map of format 2")
            if depth > _DEEPEST:
                raise BmapError("nested more deeply than a block map is")
            continue
        if places == ["bmap", element.tag] and element.tag in _TEXTS:
            found.texts.setdefault(element.tag, (element.text or "").strip()[:_LONGEST])
        elif places == ["bmap", "BlockMap", "Range"]:
            found.ranges.append(((element.text or "").strip()[:_LONGEST], (element.get("chksum") or "")[:_LONGEST]))
        places.pop()
        element.clear()
        parent = element.getparent()
        while parent is not None and element.getprevious() is not None:
            del parent[0]


def _check_itself(data: bytes, checksum: str) -> None:
    """The checksum is that of the file with the checksum itself replaced by zeros."""
    if not re.fullmatch("[0-9a-f]{64}", checksum) or data.count(checksum.encode()) != 1:
        raise BmapError("BmapFileChecksum is malformed")
    if hashlib.sha256(data.replace(checksum.encode(), b"0" * 64)).hexdigest() != checksum:
        raise BmapError("BmapFileChecksum does not fit: the block map was changed")


def _range(text: str, checksum: str, block: int, size: int) -> Range:
    found = re.fullmatch(r"([0-9]{1,15})(?:-([0-9]{1,15}))?", text)
    if found is None or not re.fullmatch("[0-9a-f]{64}", checksum):
        raise BmapError(f"malformed range: {text!r}")
    first, last = int(found[1]), int(found[2] or found[1])
    # The last block of an image may be shorter than a block.
    start, end = first * block, min((last + 1) * block, size)
    if end <= start:
        raise BmapError(f"range outside the image: {text}")
    return Range(start, end, checksum)


def _number(texts: dict[str, str], name: str) -> int:
    text = texts.get(name, "")
    if not re.fullmatch("[0-9]{1,18}", text):
        raise BmapError(f"{name} is not a number")
    return int(text)
