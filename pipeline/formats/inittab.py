"""``/etc/inittab`` of SysV init and BusyBox: ``id:runlevels:action:process`` (inittab(5))."""

from __future__ import annotations

import re
from collections.abc import Collection


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
