"""One pass over an image file: every digest the manifest and the block map speak of."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pipeline.formats.archive.bmap import Range
from pipeline.host.digests import sha256_of
from pipeline.image.containers import sparse, unpack
from pipeline.image.containers.sniff import Container, head_of, what_is
from pipeline.model.disk import Disk
from pipeline.model.manifest import ImageFacts
from pipeline.verification.delivery import COMPRESSED

Bounds = tuple[int, int]
_Pieces = Generator[tuple[bytes, bool], None, None]


@dataclass(frozen=True)
class Scan:
    """What the bytes of an image are.

    Attributes:
        container: what the raw bytes look like; anything but a disk must not be opened.
        delivered: SHA-256 of the file as delivered, compressed or not.
        facts: of the raw image, up to the size the manifest gives; ``size`` counts all of it that was read.
        wrong_ranges: ranges of the block map whose digest does not fit.
        stray: offset of data where the block map has none, or None.
        damage: why the compressed file could not be unpacked, or empty.
    """

    container: Container
    delivered: str
    facts: ImageFacts
    wrong_ranges: tuple[Range, ...]
    stray: int | None
    damage: str = ""


class _Digests:
    """A digest for each of several stretches in ascending order, fed by one stream."""

    def __init__(self, bounds: Sequence[Bounds]) -> None:
        self._bounds = bounds
        self._digests = [hashlib.sha256() for _ in bounds]
        self._first = 0

    def feed(self, offset: int, piece: memoryview) -> None:
        for index, part in _overlaps(self._bounds, self._first, offset, piece):
            self._digests[index].update(part)
            if self._bounds[index][1] <= offset + len(piece):
                self._first = index + 1

    def hex(self) -> list[str]:
        return [digest.hexdigest() for digest in self._digests]


def scan(image: Path, disk: Disk, ranges: Sequence[Range] | None, unpacked: Path) -> Scan:
    """Read an image once.

    Args:
        ranges: of the block map, None when there is none to check.
        unpacked: where the raw image is put when the file is compressed; nothing is written there otherwise.

    Raises:
        PipelineError: the file cannot be read.
        OSError: the raw image cannot be written.
    """
    packed = what_is(head_of(image)) if image.suffix in COMPRESSED else None
    whole = hashlib.sha256()
    partitions = sorted(disk.partitions, key=lambda part: part.start)
    parts = _Digests([(part.start, part.start + part.size) for part in partitions])
    gaps = _gaps([(part.start, part.start + part.size) for part in partitions], disk.size)
    outside = hashlib.sha256()
    mapped = _Digests([(span.start, span.end) for span in ranges or ()])
    unmapped = _gaps([(span.start, span.end) for span in ranges], disk.size) if ranges is not None else []
    stray: int | None = None
    damage, size, head = "", 0, b""
    with closing(_stream(image, packed, unpacked, disk.size)) as stream:
        try:
            for piece, hole in stream:
                view = memoryview(piece)[: max(disk.size - size, 0)]
                head = head or bytes(view)
                whole.update(view)
                parts.feed(size, view)
                mapped.feed(size, view)
                for _, part in _overlaps(gaps, 0, size, view):
                    outside.update(part)
                if (
                    stray is None
                    and not hole
                    and any(_has_data(part) for _, part in _overlaps(unmapped, 0, size, view))
                ):
                    stray = size
                size += len(piece)
        except unpack.DamagedError as error:
            damage = str(error) or "cut off"
    if packed is None:
        size = image.stat().st_size
    name = image.name.removesuffix(image.suffix) if image.suffix in COMPRESSED else image.name
    facts = ImageFacts(
        file=name,
        size=size,
        sha256=whole.hexdigest(),
        partitions=dict(sorted(zip((part.number for part in partitions), parts.hex(), strict=True))),
        outside=outside.hexdigest(),
    )
    wrong = tuple(span for span, seen in zip(ranges or (), mapped.hex(), strict=True) if span.sha256 != seen)
    same = packed is None and size == disk.size
    delivered = facts.sha256 if same else sha256_of(image)
    return Scan(what_is(head), delivered, facts, wrong, stray, damage)


def _stream(image: Path, packed: Container | None, unpacked: Path, limit: int) -> _Pieces:
    """The raw bytes, up to the limit (a little more when compressed), and whether a piece is known to be a hole."""
    if packed is None:
        handle = os.open(image, os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield from sparse.pieces(handle, 0, min(limit, os.fstat(handle).st_size))
        finally:
            os.close(handle)
        return
    if packed not in unpack.KINDS:
        raise unpack.DamagedError(f"it is not compressed as its name says, but {packed.value}")
    size = 0
    with sparse.open_private(unpacked) as target:
        writer = sparse.SparseWriter(target)
        for piece in unpack.pieces(image, packed):
            writer.write(piece)
            yield piece, False
            size += len(piece)
            if size > limit:  # a small file can unpack to anything
                break
        writer.finish()


def _gaps(bounds: Sequence[Bounds], size: int) -> list[Bounds]:
    """What lies between the stretches, before the first and after the last."""
    edges = [0, *(edge for pair in bounds for edge in pair), size]
    return [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end]


def _overlaps(bounds: Sequence[Bounds], first: int, offset: int, piece: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The parts of a piece that lie in each stretch, beginning with the first that can."""
    end = offset + len(piece)
    for index in range(first, len(bounds)):
        start, stop = bounds[index]
        if start >= end:
            return
        if stop > offset:
            yield index, piece[max(start, offset) - offset : min(stop, end) - offset]


def _has_data(part: memoryview) -> bool:
    return bool(part.tobytes().strip(b"\0"))
