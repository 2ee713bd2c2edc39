"""A delta: the blocks in which one gateway's image differs from the base, as files that stock tools can flash.

Two files: ``delta.img.zst``, a disk image of the whole size with zeros wherever it has nothing to say, and
``delta.bmap``, its block map with the digest of every range. ``bmaptool copy`` writes those ranges only, over a medium
that has the base. Zeros are frames made by hand, so a delta costs what changed and not what the disk holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import zstandard

from pipeline.errors import PipelineError
from pipeline.formats.archive import bmap
from pipeline.formats.archive.bmap_text import BLOCK, block_map
from pipeline.formats.archive.zstd_zeros import zeros, zeros_at

IMAGE, MAP = "delta.img.zst", "delta.bmap"
_LEVEL = 3
_NEAR = 1 << 18  # bytes of zeros that are compressed along, so that ranges near one another share what they repeat
_LARGEST_FRAME = 256 << 20
LARGEST = 64 << 20
"""Bytes of a packed delta that are read at all; one of a hundred blocks has forty thousand."""


@dataclass(frozen=True)
class Delta:
    """Both files of a delta."""

    image: bytes = field(repr=False)
    block_map: bytes = field(repr=False)


def pack(size: int, blocks: Mapping[int, bytes]) -> Delta:
    """The files of a delta.

    Args:
        size: bytes of the whole image.
        blocks: whole blocks by number; the image's last one may be shorter.
    """
    ranges = list(_ranges(blocks))
    frames, place, machine = [], 0, zstandard.ZstdCompressor(level=_LEVEL, write_content_size=True)
    for group in _groups(ranges):
        start = group[0][0] * BLOCK
        if start > place:
            frames.append(zeros(start - place))
            place = start
        content = bytearray()
        for first, end in group:
            content += bytes(first * BLOCK - place - len(content))
            for number in range(first, end):
                content += blocks[number]
        frames.append(machine.compress(bytes(content)))
        place += len(content)
    if place < size:
        frames.append(zeros(size - place))
    mapped = ((first, end, _digest(blocks, first, end)) for first, end in ranges)
    return Delta(b"".join(frames), block_map(size, mapped))


def unpack(delta: Delta, *, size: int, name: str) -> Mapping[int, bytes]:
    """The blocks of a delta whose digest is known to be right; every range is compared with its own.

    Args:
        size: bytes the whole image must have.
        name: what to call it in messages.

    Raises:
        PipelineError: it is no delta of an image of this size, or its content is not what its block map says.
    """
    try:
        described = bmap.read(delta.block_map)
        pieces = list(_pieces(delta.image))
    except (bmap.BmapError, zstandard.ZstdError, ValueError) as error:
        raise _broken(name, str(error)) from None
    if described.image_size != size or sum(length for length, _ in pieces) != size:
        raise _broken(name, "is not of the base's size")
    blocks: dict[int, bytes] = {}
    for part in described.ranges:
        if part.start % BLOCK or (part.end % BLOCK and part.end != size):
            raise _broken(name, "its ranges are not whole blocks")
    place, rest = 0, iter(described.ranges)
    waiting = next(rest, None)
    for length, content in pieces:
        while waiting is not None and waiting.end <= place + length:
            part = waiting
            if part.start < place:
                raise _broken(name, f"its range at byte {part.start} is in two pieces")
            mine = (
                content[part.start - place : part.end - place] if content is not None else bytes(part.end - part.start)
            )
            if hashlib.sha256(mine).hexdigest() != part.sha256:
                raise _broken(name, f"the bytes at {part.start} are not what its block map says")
            for offset in range(0, len(mine), BLOCK):
                blocks[(part.start + offset) // BLOCK] = mine[offset : offset + BLOCK]
            waiting = next(rest, None)
        place += length
    if waiting is not None:
        raise _broken(name, f"its range at byte {waiting.start} is in two pieces")
    if sum(len(block) for block in blocks.values()) > LARGEST:
        raise _broken(name, "changes more than any delta")
    return blocks


def _pieces(data: bytes) -> Iterator[tuple[int, bytes | None]]:
    """Length and content of each frame in order; None for zeros."""
    place = 0
    while place < len(data):
        run = zeros_at(data, place)
        if run is not None:
            length, place = run
            yield length, None
            continue
        parameters = zstandard.get_frame_parameters(data[place : place + 18])
        if not 0 < parameters.content_size <= _LARGEST_FRAME:
            raise ValueError("a frame that does not say its size")
        machine = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
        content = machine.decompress(data[place:])
        if not machine.eof or len(content) != parameters.content_size:
            raise ValueError("a frame ends early")
        place = len(data) - len(machine.unused_data)
        yield len(content), content


def _ranges(blocks: Mapping[int, bytes]) -> Iterator[tuple[int, int]]:
    """First block and block after the last one of each stretch."""
    first = end = -1
    for number in sorted(blocks):
        if number != end:
            if end >= 0:
                yield first, end
            first = number
        end = number + 1
    if end >= 0:
        yield first, end


def _groups(ranges: list[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Ranges that lie near one another, together."""
    group: list[tuple[int, int]] = []
    for one in ranges:
        if group and (one[0] - group[-1][1]) * BLOCK > _NEAR:
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _digest(blocks: Mapping[int, bytes], first: int, end: int) -> str:
    digest = hashlib.sha256()
    for number in range(first, end):
        digest.update(blocks[number])
    return digest.hexdigest()


def _broken(name: str, why: str) -> PipelineError:
    return PipelineError(f"{name}: {why}", "get the delta again, or build the gateway again")
