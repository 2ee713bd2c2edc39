"""The block map beside an image: what it says of the bytes, against the bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.formats.archive import bmap
from pipeline.model.manifest import Manifest
from pipeline.model.verdict import Finding
from pipeline.verification.delivery import BMAP
from pipeline.verification.scan import Scan


def read_block_map(directory: Path) -> bmap.Bmap | Finding | None:
    """The map, what is wrong with it, or None where there is none: only SHA256SUMS can say that there must be one."""
    place = directory / BMAP
    if not place.is_file():
        return None
    try:
        return bmap.read(place.read_bytes())
    except (OSError, bmap.BmapError) as error:
        return Finding(BMAP, "block map", "", str(error))


def compare_block_map(blocks: bmap.Bmap, scanned: Scan, manifest: Manifest) -> Iterator[Finding]:
    """Its size, each of its ranges, and that there is no data outside of them."""
    if blocks.image_size != manifest.image.size:
        yield Finding(BMAP, "size", str(manifest.image.size), str(blocks.image_size))
    for span in scanned.wrong_ranges:
        yield Finding(BMAP, "block map", f"bytes {span.start} to {span.end}: {span.sha256}", "other bytes in the image")
    if scanned.stray is not None:
        yield Finding(BMAP, "block map", "no data outside its ranges", f"data after byte {scanned.stray}")
