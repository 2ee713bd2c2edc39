"""``/etc/sysconfig/network-scripts/ifcfg-<interface>``: shell assignments of one interface (Red Hat's network scripts).

ESF writes these instead of ``/etc/network/interfaces`` where ``kura.os.version`` names nothing like Debian (formats 6).
Files are sourced by a shell, so what a shell would make more of than a plain value is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.errors import Problem, raise_if_any

_REMEDY = "write KEY=value a line; a value with blanks in double quotes, without $, ` and \\"
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BARE = re.compile(r"[A-Za-z0-9_@%+=:,./-]*")
_FORMS = (
    (re.compile(r"([A-Za-z0-9_@%+=:,./-]*)"), ""),
    (re.compile(r'"([^"$`\\]*)"'), '"'),
    (re.compile(r"'([^']*)'"), "'"),
)


@dataclass(frozen=True)
class Line:
    """An assignment, or a comment or empty line (then the key is empty and the text is the value)."""

    key: str
    value: str = field(repr=False)  # KEY= may be a Wi-Fi key
    quote: str = ""
    number: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Ifcfg:
    """The file in order; of a key given twice the last one counts, as for the shell."""

    lines: tuple[Line, ...]

    def get(self, key: str) -> str:
        """The value in effect; empty when the key is not there."""
        return next((line.value for line in reversed(self.lines) if line.key == key), "")

    def line_of(self, key: str) -> int:
        """Where a key stands, from 1; 0 when it does not."""
        return next((line.number for line in reversed(self.lines) if line.key == key), 0)

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key that is there, sorted."""
        return tuple(sorted({line.key for line in self.lines if line.key}))

    def changed(self, values: Mapping[str, str | None]) -> Ifcfg:
        """The file with keys set, in place or after the last assignment, and those whose value is None taken out."""
        kept: list[Line] = []
        done: set[str] = set()
        for line in self.lines:
            if line.key not in values or not line.key:
                kept.append(line)
            elif line.key not in done and (value := values[line.key]) is not None:
                kept.append(line if value == line.value else _line(line.key, value, line.number))
            done.add(line.key)
        new = [_line(key, value) for key, value in values.items() if value is not None and key not in done]
        # ESF's Wi-Fi part comes after a blank line; what is new belongs to the part before it.
        place = next((index for index, line in enumerate(kept) if index and not line.key and not line.value), len(kept))
        return Ifcfg((*kept[:place], *new, *kept[place:]))


def parse(text: str, where: str) -> Ifcfg:
    """Read the file.

    Raises:
        PipelineError: lines that are neither comment nor a plain assignment; all of them.
    """
    problems: list[Problem] = []
    lines: list[Line] = []
    texts = text.split("\n")
    if texts and not texts[-1]:
        texts.pop()
    for number, line in enumerate(texts, 1):
        if not line.strip() or line.startswith("#"):
            lines.append(Line("", line, number=number))
            continue
        found = _assignment(line, number)
        if found is None:
            # The line may hold a key: it is not quoted.
            problems.append(Problem(f"{where}: line {number}: expected KEY=value", _REMEDY))
        else:
            lines.append(found)
    raise_if_any(problems)
    return Ifcfg(tuple(lines))


def render(file: Ifcfg) -> str:
    """Write the file."""
    return "".join(
        f"{line.key}={line.quote}{line.value}{line.quote}\n" if line.key else f"{line.value}\n" for line in file.lines
    )


def _assignment(line: str, number: int) -> Line | None:
    key, equals, written = line.partition("=")
    if not equals or not _KEY.fullmatch(key):
        return None
    for form, quote in _FORMS:
        found = form.fullmatch(written)
        if found:
            return Line(key, found[1], quote, number)
    return None


def _line(key: str, value: str, number: int = 0) -> Line:
    return Line(key, value, "" if _BARE.fullmatch(value) else '"', number)
