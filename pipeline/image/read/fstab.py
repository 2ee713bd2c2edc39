"""fstab(5): which partition a system mounts where. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.model.guest_path import GuestPath

_NAMED = {"LABEL": "label", "UUID": "uuid", "PARTUUID": "partuuid", "PARTLABEL": "partlabel"}
_NUMBERED = re.compile(r"/dev/(?:mmcblk\d+p|nvme\d+n\d+p|loop\d+p|(?:sd|vd|hd|xvd)[a-z]+)(\d+)")


@dataclass(frozen=True)
class Mount:
    """One line about a partition.

    Attributes:
        by: ``number``, ``label``, ``uuid``, ``partuuid`` or ``partlabel``.
        value: what the partition is known by, UUIDs in lower case.
    """

    by: str
    value: str
    mountpoint: GuestPath


def parse_fstab(content: bytes) -> tuple[Mount, ...]:
    """The lines that mount a partition of the disk; swap, network and memory file systems are passed over."""
    return tuple(_mounts(content.decode("utf-8", "surrogateescape")))


def _mounts(text: str) -> Iterator[Mount]:
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 3 or fields[0].startswith("#"):
            continue
        what, where = (_unescape(field) for field in fields[:2])
        try:
            mountpoint = GuestPath(where.rstrip("/") or "/")
        except ValueError:
            continue  # "none", "swap", or nothing a system would mount
        found = _device(what.replace('"', ""))
        if found is not None:
            yield Mount(*found, mountpoint)


def _device(what: str) -> tuple[str, str] | None:
    name, _, value = what.partition("=")
    if value and name in _NAMED:
        return _NAMED[name], value.lower() if "UUID" in name else value
    if what.startswith("/dev/disk/by-"):
        kind, _, value = what.removeprefix("/dev/disk/by-").partition("/")
        if kind in _NAMED.values() and value:
            return kind, value.lower() if "uuid" in kind else value
    numbered = _NUMBERED.fullmatch(what)
    return ("number", str(int(numbered[1]))) if numbered else None


def _unescape(field: str) -> str:
    """Spaces and the like are written as a backslash and three octal digits."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)
