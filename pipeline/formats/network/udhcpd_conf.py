"""``/etc/udhcpd-<interface>.conf``: the BusyBox DHCP server, ``keyword value…`` lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from pipeline.errors import Problem, raise_if_any


@dataclass(frozen=True)
class Line:
    """Keyword and value (``start``, ``opt subnet``, …), or a comment or empty line (then the keyword is empty)."""

    keyword: str
    value: str
    number: int = field(default=0, compare=False)


@dataclass(frozen=True)
class UdhcpdConf:
    """The file in order."""

    lines: tuple[Line, ...]

    def get(self, keyword: str) -> str:
        """The first value of a keyword; options are asked for as ``opt subnet``."""
        return next((line.value for line in self.lines if line.keyword == keyword), "")

    def line_of(self, keyword: str) -> int:
        """Where that value stands, from 1; 0 when the keyword is not there."""
        return next((line.number for line in self.lines if line.keyword == keyword), 0)

    def changed(self, values: Mapping[str, str]) -> UdhcpdConf:
        """The file with values replaced in place; keywords it does not have are added at the end."""
        known = {line.keyword for line in self.lines}
        return UdhcpdConf(
            (
                *(
                    Line(line.keyword, values[line.keyword], line.number) if line.keyword in values else line
                    for line in self.lines
                ),
                *(Line(keyword, value) for keyword, value in values.items() if keyword not in known),
            )
        )


def parse(text: str, where: str) -> UdhcpdConf:
    """Read the file; `PipelineError` names every line that has a keyword and no value."""
    problems: list[Problem] = []
    lines: list[Line] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = " ".join(raw.split())
        if not line or line.startswith("#"):
            lines.append(Line("", line, number))
            continue
        words = line.split(" ")
        size = 2 if words[0] in ("opt", "option") else 1
        if len(words) <= size:
            problems.append(
                Problem(f"{where}: line {number}: {line!r} has no value", "write 'keyword value', see udhcpd.conf(5)")
            )
        if words[0] in ("start", "end") and len(words) > 1:
            problems += _not_an_address(words[1], f"{where}: line {number}")
        lines.append(Line(" ".join(words[:size]).replace("option ", "opt ", 1), " ".join(words[size:]), number))
    raise_if_any(problems)
    return UdhcpdConf(tuple(lines))


def _not_an_address(text: str, here: str) -> list[Problem]:
    try:
        IPv4Address(text)
    except ValueError as error:
        return [Problem(f"{here}: {error}", "correct the range of leases on the golden sample")]
    return []


def render(file: UdhcpdConf) -> str:
    """Write the file."""
    return "".join(f"{line.keyword} {line.value}\n" if line.keyword else f"{line.value}\n" for line in file.lines)
