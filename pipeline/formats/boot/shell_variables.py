"""Files of shell assignments such as ``/etc/default/ssh``: plain literal values only, everything else kept."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

_ASSIGNMENT = re.compile(r"(?P<indent>\s*(?:export\s+)?)(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*?)(?P<end>\r?\n?)")


class ShellValueError(ValueError):
    """A value only a shell could work out; the text names the line, as number first."""


@dataclass(frozen=True)
class Assignment:
    """One assignment on a line of its own.

    Attributes:
        value: None when only a shell could work it out.
    """

    line: int
    name: str
    value: str | None


def assignments(data: bytes) -> tuple[Assignment, ...]:
    """Every assignment in the order a shell makes them; of several of one name the last counts."""
    found = []
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").splitlines(keepends=True), 1):
        match = _ASSIGNMENT.fullmatch(line)
        if match:
            try:
                value: str | None = _literal(match["value"], number, match["name"])
            except ShellValueError:
                value = None
            found.append(Assignment(number, match["name"], value))
    return tuple(found)


def change(data: bytes, name: str, new: Callable[[str], str]) -> bytes:
    """Pass every value of a variable through a function; lines whose value stays the same stay as they are.

    Raises:
        ShellValueError: the value uses expansion, or its quotes do not close.
    """
    lines = re.findall(r"[^\n]*\n|[^\n]+", data.decode("utf-8", "surrogateescape"))
    for index, line in enumerate(lines):
        found = _ASSIGNMENT.fullmatch(line)
        if found is None or found["name"] != name:
            continue
        value = _literal(found["value"], index + 1, name)
        changed = new(value)
        if changed != value:
            lines[index] = f"{found['indent']}{name}={shlex.quote(changed)}{found['end']}"
    return "".join(lines).encode("utf-8", "surrogateescape")


def _literal(text: str, number: int, name: str) -> str:
    if re.search(r"[$`]", text):
        raise ShellValueError(f"line {number}: the value of {name} is computed by the shell")
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        raise ShellValueError(f"line {number}: the value of {name} is not on one line") from None
    if len(words) > 1:
        raise ShellValueError(f"line {number}: {name} is set for one command only")
    return words[0] if words else ""
