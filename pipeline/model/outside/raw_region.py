"""Bytes of a disk image that lie in no file: where they are, and what is to be written there."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.model.layer import Origin


@dataclass(frozen=True, order=True)
class Region:
    """A stretch of the disk image; offset and size in bytes."""

    offset: int
    size: int

    @property
    def end(self) -> int:
        """First byte behind it."""
        return self.offset + self.size

    def overlaps(self, other: Region) -> bool:
        """Whether the two share a byte."""
        return self.offset < other.end and other.offset < self.end

    def __str__(self) -> str:
        return f"bytes {self.offset:#x} to {self.end:#x} of the image"


@dataclass(frozen=True)
class RawChange:
    """What a region is to hold, and why; it is never part of a file system."""

    region: Region
    content: bytes = field(repr=False)
    origins: tuple[Origin, ...]

    def __post_init__(self) -> None:
        if len(self.content) != self.region.size or not self.origins:
            raise ValueError(f"{self.region}: {len(self.content)} bytes for {self.region.size}, or no reason")
