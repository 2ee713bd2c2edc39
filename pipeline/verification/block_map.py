"""Compares the block map beside an image with the image's bytes and with the blocks that are in use."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.formats.archive import bmap
from pipeline.image.read.in_use import Span, in_use
from pipeline.model.manifest import Manifest
from pipeline.model.verdict import Finding
from pipeline.verification.beside import read_beside
from pipeline.verification.delivery import BMAP
from pipeline.verification.scan import Scan


def read_block_map(directory: Path) -> bmap.Bmap | Finding | None:
    """The map, what is wrong with it, or None where there is none: only SHA256SUMS can say that there must be one."""
    content = read_beside(directory / BMAP, bmap.LARGEST)
    if not isinstance(content, bytes):
        return content
    try:
        return bmap.read(content)
    except bmap.BmapError as error:
        return Finding(BMAP, "block map", "", str(error))


def compare_block_map(blocks: bmap.Bmap, scanned: Scan, manifest: Manifest, raw: Path) -> Iterator[Finding]:
    """Its size, each of its ranges, that there is no data outside of them, and no block in use, zeros or not.

    Args:
        raw: the image, unpacked.
    """
    if blocks.image_size != manifest.image.size:
        yield Finding(BMAP, "size", str(manifest.image.size), str(blocks.image_size))
    for span in scanned.wrong_ranges:
        yield Finding(BMAP, "block map", f"bytes {span.start} to {span.end}: {span.sha256}", "other bytes in the image")
    if scanned.stray is not None:
        yield Finding(BMAP, "block map", "no data outside its ranges", f"data after byte {scanned.stray}")
    left_out = _left_out(_used(raw, manifest), [(span.start, span.end) for span in blocks.ranges])
    if left_out is not None and scanned.facts.size >= manifest.image.size:
        yield Finding(
            BMAP, "block map", "every block in use", f"bytes {left_out[0]} to {left_out[1]} are in use and left out"
        )


def _used(raw: Path, manifest: Manifest) -> tuple[Span, ...]:
    handle = os.open(raw, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return in_use(handle, manifest.disk)
    finally:
        os.close(handle)


def _left_out(used: Sequence[Span], mapped: Sequence[Span]) -> Span | None:
    """The first stretch in use that no range covers; both are in order and do not overlap."""
    ranges = iter([*mapped, (1 << 63, 1 << 63)])
    start, end = next(ranges)
    for place, last in used:
        while place < last:
            while end <= place:
                start, end = next(ranges)
            if place < start:
                return place, min(last, start)
            place = end
    return None
