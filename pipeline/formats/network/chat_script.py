"""``/etc/ppp/scripts/chat_<modem>``: words expected from a modem and sent to it (chat(8)), a pair a line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from pipeline.errors import Problem, raise_if_any

# AT+CGDCONT=<profile>,"<type>","<APN>" defines the packet data connection (3GPP TS 27.007).
_APN = re.compile(r'(AT\+CGDCONT=\d+,"[^"]*",")([^"]*)(")', re.IGNORECASE)


@dataclass(frozen=True)
class Pair:
    """One line: what is expected, or a keyword such as ``ABORT``, and what is sent; quotation marks are kept."""

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
        return next((found[2] for pair in self.pairs if (found := _APN.search(pair.send))), "")

    @property
    def apn_line(self) -> int:
        """Where it asks for it, from 1; 0 when it asks for none."""
        return next((pair.line for pair in self.pairs if _APN.search(pair.send)), 0)

    @property
    def dialling(self) -> Pair | None:
        """What it sends to dial; None when it does not."""
        return next((pair for pair in self.pairs if pair.send.strip('"').upper().startswith("ATD")), None)

    def with_apn(self, apn: str) -> ChatScript:
        """The script for another access point name."""
        return ChatScript(
            tuple(replace(p, send=_APN.sub(lambda found: found[1] + apn + found[3], p.send)) for p in self.pairs)
        )


def parse(text: str, where: str) -> ChatScript:
    """Read the script; `PipelineError` names every line that is not ``expect<TAB>send``."""
    problems: list[Problem] = []
    pairs: list[Pair] = []
    for number, raw in enumerate(text.splitlines(), 1):
        if not raw.strip():
            continue
        found = re.fullmatch(r'\s*("[^"]*"|[^\s"]\S*)\s+(\S.*?)\s*', raw)
        if found is None:
            problems.append(
                Problem(f"{where}: line {number}: expected two words", "write 'expect<TAB>send' a line, see chat(8)")
            )
            continue
        pairs.append(Pair(found[1], found[2], number))
    raise_if_any(problems)
    return ChatScript(tuple(pairs))


def render(script: ChatScript) -> str:
    """Write the script."""
    return "".join(f"{pair.expect}\t{pair.send}\n" for pair in script.pairs)
