"""``/etc/ppp/pap-secrets`` and ``chap-secrets`` (pppd(8), "Authentication"): client, server, secret, addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pipeline.errors import Problem, raise_if_any

_WORD = re.compile(r"\s*(?:\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|([^\s\"'#]+)|(#.*))")
_REMEDY = "write 'client server secret addresses' a line, as pppd(8) describes it"


@dataclass(frozen=True)
class Secret:
    """One line; ``remark`` is the comment behind it (ESF keeps the modem's name there), or the whole line."""

    client: str = ""
    server: str = ""
    secret: str = field(default="", repr=False)
    addresses: tuple[str, ...] = ()
    remark: str = ""
    line: int = field(default=0, compare=False)


def parse(text: str, where: str) -> tuple[Secret, ...]:
    """Read the file; `PipelineError` names the lines that hold too little, never their words."""
    problems: list[Problem] = []
    secrets: list[Secret] = []
    for number, raw in enumerate(text.splitlines(), 1):
        words: list[str] = []
        remark = ""
        place = 0
        while place < len(raw.rstrip()):
            found = _WORD.match(raw, place)
            if found is None:
                problems.append(Problem(f"{where}: line {number}: a quotation mark is not closed", _REMEDY))
                break
            place = found.end()
            double, single, bare, comment = found.groups()
            if comment is not None:
                remark = comment
            else:
                words.append(re.sub(r"\\(.)", r"\1", double) if double is not None else single or bare or "")
        if words and len(words) < 3:
            problems.append(Problem(f"{where}: line {number}: fewer than three words", _REMEDY))
            continue
        client, server, secret = words[:3] if words else ("", "", "")
        secrets.append(Secret(client, server, secret, tuple(words[3:]), remark, number))
    raise_if_any(problems)
    return tuple(secrets)


def render(secrets: tuple[Secret, ...]) -> str:
    """Write the file, separated by tabs as ESF does."""
    lines = []
    for entry in secrets:
        words = [entry.client, entry.server, entry.secret, *entry.addresses] if entry.client or entry.secret else []
        lines.append("\t".join([*(_quoted(word) for word in words), *([entry.remark] if entry.remark else [])]))
    return "".join(f"{line}\n" for line in lines)


def _quoted(word: str) -> str:
    if re.fullmatch(r"[^\s\"'#\\]+", word):
        return word
    return '"' + re.sub(r"([\"\\])", r"\\\1", word) + '"'
