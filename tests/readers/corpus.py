"""The corpus: small inputs of our own for every program that reads a gateway's files, and what the program said.

``inputs/PROGRAM.txt`` holds the inputs, one behind another::

    %% name of an input
    its text, up to the next line that begins so
    %% another one [escaped]
    text in which \\r and \\0 are written as Python writes them

``verdicts/PROGRAM.json`` holds what the real program said of each: ``accept`` or ``refuse`` by distribution, and
where it matters what it made of it (``effective``). `ask` asks again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
_HEAD = re.compile(r"%% (?P<name>.+?)(?P<escaped> \[escaped\])?")


@dataclass(frozen=True)
class Recorded:
    """One input and what was recorded of it.

    Attributes:
        verdicts: distribution to ``accept`` or ``refuse``.
        effective: distribution to what the program made of the input; empty where nobody asks.
    """

    name: str
    data: bytes
    verdicts: Mapping[str, str]
    effective: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The input as text; bytes that are none stay as they are."""
        return self.data.decode("utf-8", "surrogateescape")


def programs() -> list[str]:
    """Every program the corpus has inputs for."""
    return sorted(path.stem for path in (HERE / "inputs").glob("*.txt"))


def inputs(program: str) -> dict[str, bytes]:
    """Name and bytes of every input; a name that stands twice is a mistake of ours."""
    found: dict[str, bytes] = {}
    name, escaped, lines = "", False, list[str]()

    def close() -> None:
        if name:
            text = "".join(lines)
            if escaped:
                # One line end closes the block; those that count are written out.
                text = text.removesuffix("\n").replace("\n", "").encode("latin-1").decode("unicode_escape")
            assert name not in found, f"{program}: {name!r} is there twice"
            found[name] = text.encode("latin-1") if escaped else text.encode()

    for line in (HERE / "inputs" / f"{program}.txt").read_text(encoding="utf-8").splitlines(keepends=True):
        head = _HEAD.fullmatch(line.rstrip("\n"))
        if head:
            close()
            name, escaped, lines = head["name"], bool(head["escaped"]), []
        else:
            lines.append(line)
    close()
    return found


def record(program: str) -> dict[str, Any]:
    """What is recorded of a program: ``versions`` and, by input, ``verdicts``."""
    path = HERE / "verdicts" / f"{program}.json"
    if not path.exists():
        return {"versions": {}, "verdicts": {}, "effective": {}}
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def versions(program: str) -> Mapping[str, str]:
    """Distribution to the program's own words about its version."""
    known: Mapping[str, str] = record(program)["versions"]
    return known


def recorded(program: str) -> list[Recorded]:
    """Every input with what was recorded of it."""
    known = record(program)
    return [
        Recorded(name, data, known["verdicts"].get(name, {}), known.get("effective", {}).get(name, {}))
        for name, data in inputs(program).items()
    ]
