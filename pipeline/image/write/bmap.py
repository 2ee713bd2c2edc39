"""One reading of a finished image: its digest, those of its partitions, and its block map for bmaptool.

The block map (bmap-tools, format 2.0) is made from content, not from the file system's extents: a block is mapped when
it is not all zeros. So it repeats on every machine.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.image.containers.sparse import PIECE, pieces
from pipeline.model.disk import Disk
from pipeline.model.manifest import ImageFacts

BLOCK = 4096
_ZEROS = bytes(PIECE)


@dataclass(frozen=True)
class Described:
    """An image file as bytes, and its block map."""

    facts: ImageFacts
    bmap: bytes = field(repr=False)


def describe(image: Path, disk: Disk) -> Described:
    """Read an image once.

    Args:
        disk: where its partitions lie. Bytes in none of them are hashed together as ``outside``.
    """
    whole, outside, mapper = hashlib.sha256(), hashlib.sha256(), _Mapper()
    partitions: dict[int, str] = {}
    with image.open("rb") as stream:
        handle, place = stream.fileno(), 0
        size = os.fstat(handle).st_size
        spans = [(part.start, part.start + part.size, part.number) for part in disk.partitions]
        for start, end, number in [*sorted(spans), (size, size, None)]:
            digest = hashlib.sha256()
            for first, last, part in ((place, start, outside), (start, end, digest)):
                for piece, hole in pieces(handle, first, last):
                    whole.update(piece)
                    part.update(piece)
                    mapper.add(piece, hole=hole)
            if number is not None:
                partitions[number] = digest.hexdigest()
            place = end
    facts = ImageFacts(
        file=image.name,
        size=size,
        sha256=whole.hexdigest(),
        partitions={part.number: partitions[part.number] for part in disk.partitions},
        outside=outside.hexdigest(),
    )
    return Described(facts, mapper.document(size))


class _Mapper:
    """Collects the ranges of blocks that are not all zeros, each with its digest."""

    def __init__(self) -> None:
        self._pending = b""
        self._block = 0
        self._first: int | None = None
        self._digest = hashlib.sha256()
        self._ranges: list[tuple[int, int, str]] = []

    def add(self, piece: bytes, *, hole: bool) -> None:
        """The next bytes of the image."""
        if self._pending:
            piece, hole = self._pending + piece, False
            self._pending = b""
        whole = len(piece) // BLOCK * BLOCK
        self._pending = piece[whole:]
        if whole and (hole or piece[:whole] == _ZEROS[:whole]):
            self._end_range()
            self._block += whole // BLOCK
            return
        for place in range(0, whole, BLOCK):
            self._add_block(piece[place : place + BLOCK])

    def document(self, size: int) -> bytes:
        """The block map of everything added."""
        if self._pending:
            self._add_block(self._pending)
            self._pending = b""
        self._end_range()
        mapped = sum(last - first + 1 for first, last, _ in self._ranges)
        lines = [
            '<?xml version="1.0" ?>',
            '<bmap version="2.0">',
            f"    <ImageSize> {size} </ImageSize>",
            f"    <BlockSize> {BLOCK} </BlockSize>",
            f"    <BlocksCount> {-(-size // BLOCK)} </BlocksCount>",
            f"    <MappedBlocksCount> {mapped} </MappedBlocksCount>",
            "    <ChecksumType> sha256 </ChecksumType>",
            f"    <BmapFileChecksum> {'0' * 64} </BmapFileChecksum>",
            "    <BlockMap>",
            *(
                f'        <Range chksum="{digest}"> {first if first == last else f"{first}-{last}"} </Range>'
                for first, last, digest in self._ranges
            ),
            "    </BlockMap>",
            "</bmap>",
        ]
        text = "\n".join(lines) + "\n"
        # The checksum is over the file with zeros in its place.
        return text.replace("0" * 64, hashlib.sha256(text.encode()).hexdigest(), 1).encode()

    def _add_block(self, block: bytes) -> None:
        if block == _ZEROS[: len(block)]:
            self._end_range()
        else:
            if self._first is None:
                self._first, self._digest = self._block, hashlib.sha256()
            self._digest.update(block)
        self._block += 1

    def _end_range(self) -> None:
        if self._first is not None:
            self._ranges.append((self._first, self._block - 1, self._digest.hexdigest()))
            self._first = None
