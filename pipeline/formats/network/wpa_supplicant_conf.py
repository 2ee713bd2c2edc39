"""``/etc/wpa_supplicant-<interface>.conf``: a Wi-Fi client (wpa_supplicant.conf(5))."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pipeline.errors import PipelineError, Problem, raise_if_any

BLOB = "blob-base64-"
"""How the name of a block begins that holds a file, such as a key, in Base64."""

_REMEDY = "`wpa_supplicant -c FILE -i NAME` on the golden gateway names what it does not understand"


@dataclass(frozen=True)
class Line:
    """A ``key=value`` line; or a comment, an empty line, a line of a blob: the key is empty, the text is the value."""

    key: str
    value: str = field(repr=False)  # may be the passphrase
    number: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Block:
    """``network={ … }`` or another block, with its lines."""

    name: str
    lines: tuple[Line, ...]

    def get(self, key: str) -> str:
        """The value in effect, quotation marks included; empty when the key is not there."""
        return next((line.value for line in reversed(self.lines) if line.key == key), "")

    def line_of(self, key: str) -> int:
        """Where the value in effect stands, from 1; 0 when the key is not there."""
        return next((line.number for line in reversed(self.lines) if line.key == key), 0)

    def changed(self, values: Mapping[str, str | None]) -> Block:
        """The block with keys set, in place or at the end, and those whose value is None taken out."""
        kept: list[Line] = []
        done: set[str] = set()
        for line in self.lines:
            if line.key not in values or not line.key:
                kept.append(line)
            elif line.key not in done and (value := values[line.key]) is not None:
                kept.append(replace(line, value=value))
            done.add(line.key)
        new = [Line(key, value) for key, value in values.items() if value is not None and key not in done]
        return Block(self.name, (*kept, *new))


@dataclass(frozen=True)
class WpaSupplicantConf:
    """The file in order."""

    items: tuple[Line | Block, ...]

    @property
    def networks(self) -> tuple[Block, ...]:
        """The networks it may join."""
        return tuple(item for item in self.items if isinstance(item, Block) and item.name == "network")


def parse(text: str, where: str) -> WpaSupplicantConf:
    """Read the file as the program does (config_file.c): a comment may follow anything that is not quoted.

    Raises:
        PipelineError: lines that are neither comment nor ``key=value``, blocks that do not close; by line,
            never quoting what may be a passphrase.
    """
    problems: list[Problem] = []
    items: list[Line | Block] = []
    inside: list[Line] | None = None
    name = ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = without_comment(raw)
        target: list[Line | Block] | list[Line] = items if inside is None else inside
        if not line:
            target.append(Line("", raw.strip(), number))
        elif line == "}":
            if inside is None:
                problems.append(Problem(f"{where}: line {number}: '}}' without a block", _REMEDY))
            else:
                items.append(Block(name, tuple(inside)))
                inside = None
        elif inside is not None and name.startswith(BLOB):
            inside.append(Line("", line, number))
        elif line.endswith("={"):
            if inside is not None:
                problems.append(Problem(f"{where}: line {number}: a block inside a block", _REMEDY))
            inside, name = [], line[:-2]
        else:
            key, equals, value = line.partition("=")
            if not equals or not key or key != key.strip():
                problems.append(Problem(f"{where}: line {number}: expected 'key=value'", _REMEDY))
            target.append(Line(key, value, number))
    if inside is not None:
        problems.append(Problem(f"{where}: block {name!r} is not closed", _REMEDY))
    raise_if_any(problems)
    return WpaSupplicantConf(tuple(items))


def problems_of(text: str) -> tuple[tuple[int, str], ...]:
    """What keeps a file from being read at all: line and words; empty when nothing does."""
    try:
        parse(text, "")
    except PipelineError as error:
        found = [re.match(r": (?:line (\d+): )?(.*)", problem.what) for problem in error.problems]
        return tuple((int(one[1] or 0), one[2]) for one in found if one)
    return ()


def without_comment(raw: str) -> str:
    """What the program sees of a line: nothing after a ``#`` that stands behind the last quotation mark."""
    line = raw.lstrip(" \t\r")
    if line.startswith("#"):
        return ""
    first = line.find('"')
    last = line.rfind('"', first + 1) if first >= 0 else -1
    end = line.find("#", max(last, 0))
    return (line if end < 0 else line[:end]).rstrip(" \t\r")


def render(file: WpaSupplicantConf) -> str:
    """Write the file; lines of a block are indented by four spaces, as ESF does."""
    lines: list[str] = []
    for item in file.items:
        if isinstance(item, Line):
            lines.append(_text(item))
        else:
            lines += [f"{item.name}={{", *(f"    {_text(line)}".rstrip() for line in item.lines), "}"]
    return "".join(f"{line}\n" for line in lines)


def _text(line: Line) -> str:
    return f"{line.key}={line.value}" if line.key else line.value
