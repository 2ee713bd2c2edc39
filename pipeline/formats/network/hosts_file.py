"""``/etc/hosts`` (hosts(5)): an address and its names on each line; the first line with a name answers for it."""

from __future__ import annotations

import re


def with_name(data: bytes, address: str, name: str, old: str = "") -> bytes:
    """The file in which an address has one name, and a machine's old name is gone.

    The line of the address keeps its place; without one, it goes below the first line for 127.0.0.1, where Debian's
    installer puts it. Comments and everything else stay.
    """
    before = re.findall(r"[^\n]*\n|[^\n]+", data.decode("utf-8", "surrogateescape"))
    wanted = f"{address}\t{name}\n"
    lines: list[str] = []
    written = False
    for line in before:
        fields = line.partition("#")[0].split()
        if fields[:1] == [address]:
            if not written:
                lines.append(wanted)
            written = True
        elif old and old in fields[1:]:
            kept = [field for field in fields[1:] if field != old]
            if kept:
                lines.append(f"{fields[0]}\t{' '.join(kept)}\n")
        else:
            lines.append(line if line.endswith("\n") else f"{line}\n")
    if not written:
        local = [number for number, line in enumerate(lines, 1) if line.split()[:1] == ["127.0.0.1"]]
        lines.insert(local[0] if local else 0, wanted)
    return "".join(lines).encode("utf-8", "surrogateescape")
