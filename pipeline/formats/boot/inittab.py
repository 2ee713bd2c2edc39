"""``/etc/inittab`` of SysV init and BusyBox: ``id:runlevels:action:process`` (inittab(5))."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One line that is not a comment."""

    line: int
    id: str
    runlevels: str
    action: str
    process: str


def entries(data: bytes) -> tuple[Entry, ...]:
    """What init runs; lines with less than four fields are passed over, as init does with a message."""
    found = []
    for number, text in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        fields = text.strip().split(":", 3)
        if len(fields) == 4 and not text.lstrip().startswith("#"):
            found.append(Entry(number, *fields))
    return tuple(found)


def without(data: bytes, programs: Collection[str], reason: str) -> bytes:
    """The file with every line that runs one of these programs turned into a comment; the rest stays as it is."""
    lines = re.findall(r"[^\n]*\n|[^\n]+", data.decode("utf-8", "surrogateescape"))
    changed = [f"# {reason}: {line}" if _program(line) in programs else line for line in lines]
    return "".join(changed).encode("utf-8", "surrogateescape")


def _program(line: str) -> str:
    """The last name of the program's path; empty for comments and lines without one.

    A leading ``+`` (no accounting) or ``-`` (a login shell, in BusyBox) is not part of the path.
    """
    fields = line.strip().split(":", 3)
    if line.lstrip().startswith("#") or len(fields) < 4:
        return ""
    words = fields[3].lstrip("+-").split()
    return words[0].rsplit("/", 1)[-1] if words else ""
