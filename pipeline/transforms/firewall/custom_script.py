"""``/etc/init.d/firewall_cust``: run as root after every change of the firewall, so it must not open anything again."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.errors import Problem

_SUSPICIOUS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?:-j|--jump|-g|--goto)[\s=]*['\"]?(?:ACCEPT\b|\$)"), "accepts packets, or whatever a variable says"),
    (re.compile(r"(?:-P|--policy)\s+\S+\s+(?:ACCEPT\b|['\"]?\$)"), "changes a policy"),
    (re.compile(r"\s(?:-F|--flush)\b"), "deletes rules"),
    (re.compile(r"\s(?:-D|--delete|-R|--replace|-X|--delete-chain|-E|--rename-chain)\b"), "deletes or replaces rules"),
)
# Commands that can do anything to the firewall without saying so on their line.
_OPAQUE = re.compile(r"(?:^|[\s;&|(`])(?:ip6?tables-(?:legacy-|nft-)?restore|nft|eval|source|\.)(?=\s)|\bbase64\b")
_FIREWALL = re.compile(r"tables\b|\$\{?\w+\}?")
_REMEDY = (
    "take the line out of the golden sample's script; ports are opened in its console, and closed again from there"
)


def openings(text: str, where: str) -> Iterator[Problem]:
    """Every command of the script that opens something, or could; by its first line."""
    for number, command in _commands(text):
        if _OPAQUE.search(command):
            yield Problem(f"{where}: line {number}: runs what cannot be judged here: {command}", _REMEDY)
        if not _FIREWALL.search(command):
            continue
        for pattern, what in _SUSPICIOUS:
            if pattern.search(command):
                yield Problem(f"{where}: line {number}: {what}: {command}", _REMEDY)
                break


def _commands(text: str) -> Iterator[tuple[int, str]]:
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
