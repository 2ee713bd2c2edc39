"""One reading of a finished image: its digest, those of its partitions, and its block map for bmaptool.

The block map (bmap-tools, format 2.0) lists every block that has a meaning (`pipeline.image.read.in_use`), zeros or
not, and every block that is not all zeros: flashed onto a used medium, the image is there byte by byte wherever it is
not free. It is made from content alone, so it repeats on every machine.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.formats.archive.bmap_text import block_map
from pipeline.image.containers.sparse import PIECE, pieces
from pipeline.image.read.in_use import BLOCK, Span, in_use
from pipeline.model.disk import Disk
from pipeline.model.manifest import ImageFacts

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
    whole, outside = hashlib.sha256(), hashlib.sha256()
    partitions: dict[int, str] = {}
    with image.open("rb") as stream:
        handle, place = stream.fileno(), 0
        size = os.fstat(handle).st_size
        mapper = _Mapper(in_use(handle, disk))
        spans = [(part.start, part.start + part.size, part.number) for part in disk.partitions]
        for start, end, number in [*sorted(spans), (size, size, None)]:
            digest = hashlib.sha256()
            for first, last, part in ((place, start, outside), (start, end, digest)):
                for piece, _ in pieces(handle, first, last):
                    whole.update(piece)
                    part.update(piece)
                    mapper.add(piece)
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
    """Collects the ranges of blocks that are in use or not all zeros, each with its digest."""

    def __init__(self, used: Iterable[Span]) -> None:
        self._used = iter(used)
        self._current: Span = next(self._used, (0, 0))
        self._pending = b""
        self._block = 0
        self._first: int | None = None
        self._digest = hashlib.sha256()
        self._ranges: list[tuple[int, int, str]] = []

    def add(self, piece: bytes) -> None:
        """The next bytes of the image."""
        if self._pending:
            piece = self._pending + piece
        whole = len(piece) // BLOCK * BLOCK
        self._pending = piece[whole:]
        place = 0
        while place < whole:
            used, length = self._alike(whole - place)
            part = piece[place : place + length]
            if used:
                self._map(part)
            elif part == _ZEROS[:length]:
                self._skip(length)
            else:
                for at in range(0, length, BLOCK):
                    block = part[at : at + BLOCK]
                    self._skip(BLOCK) if block == _ZEROS[:BLOCK] else self._map(block)
            place += length

    def document(self, size: int) -> bytes:
        """The block map of everything added."""
        if self._pending:
            # The last block of an image may be shorter than a block.
            used, _ = self._alike(BLOCK)
            if used or self._pending.strip(b"\0"):
                self._map(self._pending)
            self._pending = b""
        self._end_range()
        return block_map(size, ((first, last + 1, digest) for first, last, digest in self._ranges))

    def _alike(self, most: int) -> tuple[bool, int]:
        """Whether the next bytes are in use, and for how many of them that holds."""
        place = self._block * BLOCK
        while self._current[1] <= place:
            following = next(self._used, None)
            if following is None:
                return False, most
            self._current = following
        start, end = self._current
        return (False, min(most, start - place)) if place < start else (True, min(most, end - place))

    def _map(self, part: bytes) -> None:
        if self._first is None:
            self._first, self._digest = self._block, hashlib.sha256()
        self._digest.update(part)
        self._block += -(-len(part) // BLOCK)

    def _skip(self, length: int) -> None:
        self._end_range()
        self._block += length // BLOCK

    def _end_range(self) -> None:
        if self._first is not None:
            self._ranges.append((self._first, self._block - 1, self._digest.hexdigest()))
            self._first = None
