"""``/etc/init.d/firewall_cust``, a shell script: its commands, and the rules they add to the firewall."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

_ADDS = ("-A", "-I", "--append", "--insert")
_TABLES = re.compile(r"(?:.*/)?iptables(?:-legacy|-nft)?|\$\{?\w+\}?")


@dataclass(frozen=True)
class Addition:
    """A rule that a command adds, or asks for with ``-C``; the table is ``filter`` where none is named."""

    table: str
    chain: str


def commands(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, continued ones joined, with the number of the first."""
    held, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start if held else number
        line = re.sub(r"(?:^|(?<=\s))#.*", "", line).rstrip()
        if line.endswith("\\"):
            held += line[:-1] + " "
            continue
        command = " ".join((held + line).split())
        held = ""
        if command:
            yield start, command
    if held.strip():
        yield start, " ".join(held.split())


def additions(command: str) -> Iterator[Addition]:
    """The rules one line adds; a line that is no plain shell adds none that could be known."""
    for part in re.split(r"\|\||&&|[;|&(){}]", command):
        try:
            words = shlex.split(part)
        except ValueError:
            continue
        at = next((index for index, word in enumerate(words) if _TABLES.fullmatch(word)), None)
        if at is None:
            continue
        words = words[at + 1 :]
        table = next((_value(words, i) for i, word in enumerate(words) if re.match(r"-t|--table", word)), "filter")
        for index, word in enumerate(words):
            if word.split("=")[0] in _ADDS and index + 1 < len(words):
                yield Addition(table, words[index + 1])


def _value(words: list[str], index: int) -> str:
    """What an option is given: ``-t mangle``, ``-tmangle`` or ``--table=mangle``."""
    word = words[index]
    attached = word.partition("=")[2] if word.startswith("--") else word[2:]
    return attached or (words[index + 1] if index + 1 < len(words) else "")
