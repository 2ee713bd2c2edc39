"""``kuranet.conf``: what ESF knows of an interface and no Linux file can say, as Java properties."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.errors import Problem, raise_if_any

_REMEDY = "write one 'net.interface.NAME.config.KEY=value' a line, as ESF does"
_ENTRY = re.compile(r"((?:[^\\=:\s]|\\.)+)[ \t\f]*[=: \t\f][ \t\f]*(.*)")
_KEY = re.compile(r"net\.interface\.(?P<interface>[^=\s]+?)\.(?P<name>config\..+|[a-z].*)")
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


@dataclass(frozen=True)
class Entry:
    """One property."""

    key: str
    value: str
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Kuranet:
    """The file: comments before everything else, then the properties in their order."""

    entries: tuple[Entry, ...]
    comments: tuple[str, ...] = ()

    @property
    def values(self) -> dict[str, str]:
        """Properties by key."""
        return {entry.key: entry.value for entry in self.entries}

    def get(self, interface: str, name: str) -> str:
        """A value of an interface (``config.ip4.status``); empty when it is not there."""
        return self.values.get(f"net.interface.{interface}.{name}", "")

    def line_of(self, interface: str, name: str) -> int:
        """Where a value of an interface stands; without it, where the interface is first spoken of; else 0."""
        key, owner = f"net.interface.{interface}.{name}", f"net.interface.{interface}."
        lines = [entry.line for entry in self.entries if entry.key == key]
        return next(iter(lines + [entry.line for entry in self.entries if entry.key.startswith(owner)]), 0)

    @property
    def interfaces(self) -> tuple[str, ...]:
        """The interfaces the file speaks of, sorted."""
        found = (_KEY.fullmatch(entry.key) for entry in self.entries)
        return tuple(sorted({match["interface"] for match in found if match}))

    def changed(self, values: Mapping[str, str | None]) -> Kuranet:
        """The file with properties set, in place or at the end, and those whose value is None taken out."""
        kept = tuple(
            Entry(entry.key, values.get(entry.key) or "", entry.line) if entry.key in values else entry
            for entry in self.entries
            if not (entry.key in values and values[entry.key] is None)
        )
        known = {entry.key for entry in kept}
        new = tuple(Entry(key, value) for key, value in values.items() if value is not None and key not in known)
        return Kuranet(kept + new, self.comments)


def parse(text: str, where: str) -> Kuranet:
    """Read the file.

    Raises:
        PipelineError: a line without a key, a key given twice, a broken escape.
    """
    problems: list[Problem] = []
    comments: list[str] = []
    entries: list[Entry] = []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip(" \t\f")
        if not stripped:
            continue
        if stripped[0] in "#!":
            comments.append(stripped)
            continue
        try:
            entry = _entry(line.lstrip(" \t\f"), number)
        except ValueError as error:
            problems.append(Problem(f"{where}: line {number}: {error}", _REMEDY))
            continue
        if any(known.key == entry.key for known in entries):
            problems.append(Problem(f"{where}: line {number}: {entry.key} is given twice", _REMEDY))
        entries.append(entry)
    raise_if_any(problems)
    return Kuranet(tuple(entries), tuple(comments))


def render(file: Kuranet) -> str:
    """Write the file as ``java.util.Properties`` would read it back."""
    lines = [*file.comments, *(f"{_escaped(e.key, key=True)}={_escaped(e.value, key=False)}" for e in file.entries)]
    return "".join(f"{line}\n" for line in lines)


def _entry(line: str, number: int) -> Entry:
    if (len(line) - len(line.rstrip("\\"))) % 2:
        raise ValueError("a value continued on the next line, which ESF never writes")
    found = _ENTRY.fullmatch(line)
    if found is None:
        raise ValueError("expected 'key=value'")
    return Entry(_plain(found.group(1)), _plain(found.group(2)), number)


def _plain(text: str) -> str:
    def replaced(found: re.Match[str]) -> str:
        digits, letter = found.groups()
        if digits:
            return chr(int(digits, 16))
        if letter == "u":
            raise ValueError("\\u needs four hexadecimal digits")
        return _ESCAPES.get(letter, letter)

    units = re.sub(r"\\(?:u([0-9A-Fa-f]{4})|(.))", replaced, text)
    # Java writes what lies beyond 16 bits as two escapes.
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _escaped(text: str, *, key: bool) -> str:
    special = "\\=:#! " if key else "\\"
    names = {value: name for name, value in _ESCAPES.items()}
    out: list[str] = []
    for index, char in enumerate(text):
        if char in special or (not key and index == 0 and char == " "):
            out.append("\\" + char)
        elif char in names:
            out.append("\\" + names[char])
        elif not " " <= char <= "~":
            units = char.encode("utf-16-be", "surrogatepass")
            out += [f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)]
        else:
            out.append(char)
    return "".join(out)
