"""``/etc/ppp/scripts/chat_<modem>``: words expected from a modem and sent to it in turn (chat(8))."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from pipeline.errors import Problem, raise_if_any

# AT+CGDCONT=<profile>,"<type>","<APN>" defines the packet data connection (3GPP TS 27.007).
_REMEDY = "close it, or write 'expect<TAB>send' a line, see chat(8)"
# A word in quotation marks, in which a backslash frees the next letter, or one up to the next blank.
_WORD = re.compile(r"""[ \t\r]*("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[^\s"'][^ \t\r\n]*)""")
_APN = re.compile(r'(AT\+CGDCONT=\d+,"[^"]*",")([^"]*)(")', re.IGNORECASE)


@dataclass(frozen=True)
class Pair:
    """What is expected, or a keyword such as ``ABORT``, and what is sent; quotation marks are kept.

    The last one may send nothing. A comment expects nothing: its text is what would be sent, and begins with ``#``.
    """

    expect: str
    send: str
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class ChatScript:
    """The script in order."""

    pairs: tuple[Pair, ...]

    @property
    def apn(self) -> str:
        """The access point name it asks for; empty when it asks for none."""
        return next((found[2] for pair in self.pairs if pair.expect and (found := _APN.search(pair.send))), "")

    @property
    def apn_line(self) -> int:
        """Where it asks for it, from 1; 0 when it asks for none."""
        return next((pair.line for pair in self.pairs if pair.expect and _APN.search(pair.send)), 0)

    @property
    def dialling(self) -> Pair | None:
        """What it sends to dial; None when it does not."""
        return next(
            (pair for pair in self.pairs if pair.expect and pair.send.strip('"').upper().startswith("ATD")), None
        )

    def with_apn(self, apn: str) -> ChatScript:
        """The script for another access point name."""
        return ChatScript(
            tuple(
                replace(p, send=_APN.sub(lambda found: found[1] + apn + found[3], p.send)) if p.expect else p
                for p in self.pairs
            )
        )


def parse(text: str, where: str) -> ChatScript:
    """Read the script; `PipelineError` names every line with a quotation mark that is not closed."""
    problems: list[Problem] = []
    pairs: list[Pair] = []
    waiting: tuple[str, int] | None = None
    for number, raw in enumerate(text.split("\n"), 1):
        if raw.startswith("#"):
            pairs.append(Pair("", raw.rstrip(), number))
            continue
        place = 0
        while place < len(raw.rstrip()):
            found = _WORD.match(raw, place)
            if found is None:
                problems.append(Problem(f"{where}: line {number}: a quotation mark is not closed", _REMEDY))
                break
            place = found.end()
            if waiting is None:
                waiting = (found[1], number)
            else:
                pairs.append(Pair(waiting[0], found[1], waiting[1]))
                waiting = None
    if waiting is not None:
        pairs.append(Pair(waiting[0], "", waiting[1]))
    raise_if_any(problems)
    return ChatScript(tuple(pairs))


def render(script: ChatScript) -> str:
    """Write the script, a pair a line as ESF does."""
    return "".join("\t".join(word for word in (pair.expect, pair.send) if word) + "\n" for pair in script.pairs)
