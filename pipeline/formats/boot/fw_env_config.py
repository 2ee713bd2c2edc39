"""``/etc/fw_env.config``: where U-Boot's environment lies, as ``fw_printenv`` of libubootenv and U-Boot reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DISK = r"/dev/(?:mmcblk\d+|[shv]d[a-z]|nvme\d+n\d+)"


class FwEnvConfigError(ValueError):
    """A line fw_printenv would not understand; one line, begins with its number."""


@dataclass(frozen=True)
class Place:
    """One copy of the environment.

    Attributes:
        device: device or file.
        offset: bytes; from the end of the device when negative.
        size: bytes.
        erase: bytes a flash chip has to erase for it: sector size times number of sectors; 0 when not said.
    """

    line: int
    device: str
    offset: int
    size: int
    erase: int = 0

    @property
    def whole_disk(self) -> bool:
        """Whether the device is a disk as a whole, and no partition, boot partition or flash chip of its own."""
        return re.fullmatch(_DISK, self.device) is not None

    @property
    def partition(self) -> int | None:
        """Number of the disk's partition the device is; None when it is none."""
        found = re.fullmatch(rf"{_DISK}(?:(?<=\d)p|(?<=[a-z]))(?P<number>[1-9]\d*)", self.device)
        return int(found["number"]) if found else None


def parse(data: bytes) -> tuple[Place, ...]:
    """The copies in their order: one, or two of a redundant environment.

    Raises:
        FwEnvConfigError: a line is no place, or there are none or more than two.
    """
    places = []
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        numbers = [_number(word) for word in words[1:3]]
        if len(numbers) != 2 or numbers[0] is None or numbers[1] is None or numbers[1] <= 0:
            raise FwEnvConfigError(f"line {number}: not a device, an offset and a size")
        flash = [_number(word) or 0 for word in words[3:5]]
        # Without a number of sectors fw_env.c takes as many as the environment fills.
        sectors = flash[1] if len(flash) > 1 and flash[1] else -(-numbers[1] // flash[0]) if flash and flash[0] else 0
        places.append(Place(number, words[0], numbers[0], numbers[1], flash[0] * sectors if sectors else 0))
    if not 1 <= len(places) <= 2:
        raise FwEnvConfigError(f"line {len(data.splitlines())}: {len(places)} copies, there can be one or two")
    return tuple(places)


def _number(text: str) -> int | None:
    """As C's ``strtoull`` with base 0, and a sign."""
    found = re.fullmatch(r"(?P<sign>-?)(?:0x(?P<hex>[0-9a-fA-F]+)|(?P<octal>0[0-7]*)|(?P<decimal>[1-9]\d*))", text)
    if found is None:
        return None
    digits = (found["hex"], 16) if found["hex"] else (found["octal"], 8) if found["octal"] else (found["decimal"], 10)
    return int(*digits) * (-1 if found["sign"] else 1)
