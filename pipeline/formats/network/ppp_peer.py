"""``/etc/ppp/peers/<name>``: options of pppd (pppd(8)), one a line as ESF writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pipeline.errors import Problem, raise_if_any

_REMEDY = "`pppd file FILE dryrun` on the golden gateway names what pppd does not understand"
_WORD = re.compile(r"\s*(?:\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|([^\s\"'#]+)|(#.*))")


@dataclass(frozen=True)
class Line:
    """A line and its words; a comment or empty line has none."""

    words: tuple[str, ...]
    text: str
    number: int = field(default=0, compare=False)


@dataclass(frozen=True)
class PppPeer:
    """The file in order."""

    lines: tuple[Line, ...]

    def get(self, option: str) -> tuple[str, ...] | None:
        """The values of an option; None when it is not there."""
        return next((line.words[1:] for line in self.lines if line.words[:1] == (option,)), None)

    def line_of(self, option: str) -> int:
        """Where an option stands, from 1; 0 when it is not there."""
        return next((line.number for line in self.lines if line.words[:1] == (option,)), 0)

    @property
    def scripts(self) -> tuple[str, ...]:
        """Chat scripts named by ``connect`` and ``disconnect`` (``chat -v -f PATH``)."""
        found = []
        for option in ("connect", "disconnect"):
            values = self.get(option)
            path = re.search(r"\bchat\b.*\s-f\s*(\S+)", values[0]) if values else None
            if path:
                found.append(path[1])
        return tuple(found)


def parse(text: str, where: str) -> PppPeer:
    """Read the file; `PipelineError` names every line with a quotation mark that is not closed."""
    problems: list[Problem] = []
    lines: list[Line] = []
    for number, raw in enumerate(text.removesuffix("\n").split("\n"), 1):
        words: list[str] = []
        place = 0
        while place < len(raw.rstrip()):
            found = _WORD.match(raw, place)
            if found is None:
                problems.append(Problem(f"{where}: line {number}: a quotation mark is not closed", _REMEDY))
                break
            place = found.end()
            double, single, bare, remark = found.groups()
            if remark is None:
                quoted = double if double is not None else single
                words.append(bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        lines.append(Line(tuple(words), raw, number))
    raise_if_any(problems)
    return PppPeer(tuple(lines))


def render(file: PppPeer) -> str:
    """Write the file, every line as it stood: ESF reads it back with a reader that knows its own quoting only."""
    return "".join(f"{line.text}\n" for line in file.lines)
