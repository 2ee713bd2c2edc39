"""Reads and writes bytes of a raw image that lie in no file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipeline.model.outside.raw_region import RawChange, Region


def read_regions(image: Path, regions: Iterable[Region]) -> Mapping[Region, bytes]:
    """What each region holds; shorter than the region where the image ends."""
    with image.open("rb") as stream:
        return {region: os.pread(stream.fileno(), region.size, region.offset) for region in regions}


def write_changes(image: Path, changes: Iterable[RawChange]) -> None:
    """Write into a private copy that nobody uses."""
    with image.open("r+b") as stream:
        for change in changes:
            stream.seek(change.region.offset)
            stream.write(change.content)
        stream.flush()
        os.fsync(stream.fileno())
