"""How a disk image is divided."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.model.guest_path import GuestPath


@dataclass(frozen=True)
class Partition:
    """One partition, or the whole image when it has no partition table (then number 0).

    Attributes:
        start: offset in bytes from the beginning of the image.
        size: bytes.
        filesystem: as libguestfs names it (``ext4``, ``vfat``, ``swap``, …), or ``unknown``.
        mountpoint: where the image's own fstab mounts it; None when it does not.
    """

    number: int
    start: int
    size: int
    filesystem: str
    label: str = ""
    uuid: str = ""
    mountpoint: GuestPath | None = None


@dataclass(frozen=True)
class Disk:
    """A disk image: its size in bytes, its partition table (``mbr``, ``gpt`` or ``none``), its partitions in order."""

    size: int
    table: str
    partitions: tuple[Partition, ...]

    @property
    def root(self) -> Partition:
        """The partition mounted at ``/``; inspection guarantees there is one."""
        return next(part for part in self.partitions if part.mountpoint == "/")
