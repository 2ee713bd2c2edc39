"""``/etc/fw_env.config``: where U-Boot's environment lies, as ``fw_printenv`` of libubootenv and U-Boot reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SMALLEST = 4  # a sum alone
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
    """The copies in their order: one, or two of a redundant environment; as lines, or in libubootenv's YAML form.

    Raises:
        FwEnvConfigError: no line is a place.
    """
    text = data.decode("utf-8", "replace")
    rows = [(number, line.partition("#")[0].rstrip()) for number, line in enumerate(text.splitlines(), 1)]
    first = next((line for _, line in rows if line.strip()), "")
    places = _of_yaml(rows) if re.fullmatch(r"[\w-]+\s*:", first) else _of_lines(rows)
    if not places:
        raise FwEnvConfigError(f"line {len(rows)}: 0 copies: no line has a device, an offset and a size")
    return tuple(places)


def _of_lines(rows: list[tuple[int, str]]) -> list[Place]:
    places: list[Place] = []
    for number, line in rows:
        words = line.split()
        if not words:
            continue
        offset = _number(words[1]) if len(words) > 1 else None
        size = _hexadecimal(words[2]) if len(words) > 2 else None
        if offset is None or not size or size < _SMALLEST or len(places) == 2:
            continue  # as the program does: what is no place, and a third one, is passed over
        flash = [_hexadecimal(word) or 0 for word in words[3:5]]
        places.append(_place(number, words[0], offset, size, *flash))
    return places


def _of_yaml(rows: list[tuple[int, str]]) -> list[Place]:
    """The first set of variables: a size for all copies, and a list of devices."""
    size = 0
    devices: list[dict[str, tuple[int, str]]] = []
    for number, line in [row for row in rows if row[1].strip()][1:]:
        if not line[:1].isspace():
            break  # another set, which no boot loader reads
        found = re.fullmatch(r"\s+(?P<new>-\s+)?(?P<key>[\w-]+)\s*:\s*(?P<value>.*)", line)
        if found is None:
            raise FwEnvConfigError(f"line {number}: not a key and a value")
        if found["new"]:
            devices.append({})
        value = found["value"].strip().strip("\"'")
        if found["key"] == "size":
            size = _hexadecimal(value) or 0
        elif devices:
            devices[-1][found["key"]] = (number, value)
    places = []
    for device in devices:
        number, path = device.get("path", (rows[0][0], ""))
        offset = _number(device.get("offset", (0, "0"))[1])
        if not path or offset is None or not size:
            raise FwEnvConfigError(f"line {number}: not a path, an offset and a size")
        sector = _hexadecimal(device.get("sectorsize", (0, "0"))[1]) or 0
        sectors = _hexadecimal(device.get("sectors", (0, "0"))[1]) or 0
        places.append(_place(number, path, offset, size, sector, sectors))
    return places


def _place(line: int, device: str, offset: int, size: int, sector: int = 0, sectors: int = 0) -> Place:
    # Without a number of sectors the program takes as many as the environment fills.
    count = sectors or (-(-size // sector) if sector else 0)
    return Place(line, device, offset, size, sector * count)


def _number(text: str) -> int | None:
    """As C's ``%lli``: decimal, 0x or octal, with a sign."""
    found = re.match(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9]\d*))", text, re.ASCII)
    if found is None:
        return None
    digits = (found[2], 16) if found[2] else (found[3], 8) if found[3] else (found[4], 10)
    return int(*digits) * (-1 if found[1] == "-" else 1)


def _hexadecimal(text: str) -> int | None:
    """As C's ``%lx``: hexadecimal with or without 0x, so that bare 20000 is 131,072."""
    found = re.match(r"(?:0[xX])?([0-9a-fA-F]+)", text)
    return int(found[1], 16) if found else None
