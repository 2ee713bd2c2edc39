"""fstab(5): which partition of the image's own disk a system mounts where. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.model.guest_path import GuestPath

_NAMED = {"LABEL": "label", "UUID": "uuid", "PARTUUID": "partuuid", "PARTLABEL": "partlabel"}
_NUMBERED = re.compile(r"/dev/(mmcblk\d+(?=p)|nvme\d+n\d+(?=p)|loop\d+(?=p)|(?:sd|vd|hd|xvd)[a-z]+)p?(\d+)")
# udev's names of hardware: the same disk for all its partitions, whose number stands at the end.
_BY_HARDWARE = re.compile(r"/dev/disk/(by-(?:path|id)/.+)-part(\d+)")
# Where people hang disks of their own; a gateway's system lives elsewhere.
_GUESTS = tuple(GuestPath(path) for path in ("/mnt", "/media", "/run/media"))


@dataclass(frozen=True)
class Mount:
    """One line about a partition.

    Attributes:
        by: ``number``, ``label``, ``uuid``, ``partuuid`` or ``partlabel``.
        value: what the partition is known by, UUIDs in lower case.
        disk: the disk a number is of, as the system names it: ``mmcblk0``, ``by-path/…``; empty for other names.
    """

    by: str
    value: str
    mountpoint: GuestPath
    disk: str = ""


def parse_fstab(content: bytes) -> tuple[Mount, ...]:
    """The lines that mount a partition of the disk the system is on.

    Swap, network and memory file systems are passed over, and so are other disks: a number says nothing without its
    disk. The system's disk is the one ``/`` is on; where that is named by label or UUID, the disk of the first mount
    point outside ``/mnt`` and ``/media``.
    """
    mounts = tuple(_mounts(content.decode("utf-8", "surrogateescape")))
    own = _own_disks(mounts)
    return tuple(mount for mount in mounts if not mount.disk or mount.disk in own)


def _own_disks(mounts: Sequence[Mount]) -> frozenset[str]:
    """Names of the system's disk: one of each way to name disks, for two ways cannot be compared offline."""
    chosen: dict[str, str] = {}
    for mount in sorted(mounts, key=lambda mount: mount.mountpoint != "/"):
        guest = any(mount.mountpoint == place or mount.mountpoint.is_under(place) for place in _GUESTS)
        if mount.disk and not guest:
            chosen.setdefault(mount.disk.partition("/")[0] if "/" in mount.disk else "", mount.disk)
    return frozenset(chosen.values())


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
            by, value, disk = found
            yield Mount(by, value, mountpoint, disk)


def _device(what: str) -> tuple[str, str, str] | None:
    """How a line names its partition: the way, the name, and the disk where it is a number."""
    name, _, value = what.partition("=")
    if value and name in _NAMED:
        return _NAMED[name], value.lower() if "UUID" in name else value, ""
    if hardware := _BY_HARDWARE.fullmatch(what):
        return "number", str(int(hardware[2])), hardware[1]
    if what.startswith("/dev/disk/by-"):
        kind, _, value = what.removeprefix("/dev/disk/by-").partition("/")
        if kind in _NAMED.values() and value:
            return kind, value.lower() if "uuid" in kind else value, ""
    numbered = _NUMBERED.fullmatch(what)
    return ("number", str(int(numbered[2])), numbered[1]) if numbered else None


def _unescape(field: str) -> str:
    """Spaces and the like are written as a backslash and three octal digits."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)
