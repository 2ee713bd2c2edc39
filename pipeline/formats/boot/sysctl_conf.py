"""``sysctl.conf`` and ``sysctl.d/*.conf`` (sysctl.d(5), sysctl.conf(5)): the last assignment of a key wins."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Line:
    """One line.

    Attributes:
        text: as it stands in the file, with its line end.
        key: with dots, such as ``kernel.sysrq``; may be a pattern; empty for comments and what is no assignment.
    """

    text: str
    key: str = ""
    value: str = ""

    def sets(self, key: str) -> bool:
        """Whether the line assigns this key, by name or by pattern."""
        return bool(self.key) and fnmatchcase(key, self.key)


def parse(data: bytes) -> tuple[Line, ...]:
    """The lines of a file; anything that is no assignment is kept as it is, as its readers do."""
    text = data.decode("utf-8", "surrogateescape")
    return tuple(_parse_line(line) for line in re.findall(r"[^\n]*\n|[^\n]+", text))


def render(lines: Sequence[Line]) -> bytes:
    """The file of these lines; those of `parse` give the same bytes back."""
    return "".join(line.text for line in lines).encode("utf-8", "surrogateescape")


def comment_out(lines: Sequence[Line], wanted: Mapping[str, str], reason: str) -> tuple[Line, ...]:
    """The lines with every assignment that gives a wanted key another value turned into a comment."""
    return tuple(
        Line(f"# {reason}: {line.text.lstrip()}")
        if any(line.sets(key) and (line.key, line.value) != (key, value) for key, value in wanted.items())
        else line
        for line in lines
    )


def _parse_line(text: str) -> Line:
    content = text.strip()
    key, equals, value = content.partition("=")
    if not equals or content.startswith(("#", ";")):
        return Line(text)
    return Line(text, _dotted(key.strip().removeprefix("-").strip()), value.strip())


def _dotted(key: str) -> str:
    """With slashes as separators a dot is part of a name (an interface ``eth0.1``): the first of the two decides."""
    separators = [letter for letter in key if letter in "./"]
    return key.translate(str.maketrans("./", "/.")) if separators[:1] == ["/"] else key
