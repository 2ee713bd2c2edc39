"""monit's control files: what it supervises, statement by statement (monit(1), "THE MONIT CONTROL FILE")."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

_STATEMENT = re.compile(r"\s*(check|set|include)\s", re.IGNORECASE)
_CHECK = re.compile(r"\s*check\s+\w+\s+(?:\"([^\"]*)\"|'([^']*)'|(\S+))", re.IGNORECASE)
_START = re.compile(r"\b(?:re)?start(?:\s+program)?\s*=?\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_DEPENDS = re.compile(
    r"(?P<head>\s*depends?\s+(?:on\s+)?)(?P<names>[^#\r\n]*?)(?P<end>\s*(?:#.*)?)", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True)
class Check:
    """One supervised thing.

    Attributes:
        starts: the words of every command that starts it.
    """

    line: int
    name: str
    starts: tuple[str, ...]


def checks(data: bytes) -> tuple[Check, ...]:
    """Everything a file has monit supervise."""
    found = []
    line = 1
    for block in _blocks(data.decode("utf-8", "surrogateescape")):
        name = _supervised(block)
        if name:
            code = "".join(text for text in block if not text.lstrip().startswith("#"))
            words = [
                word
                for match in _START.finditer(code)
                for text in filter(None, match.groups())
                for word in text.split()
            ]
            found.append(Check(line, name, tuple(words)))
        line += len(block)
    return tuple(found)


def without(data: bytes, services: Collection[str], reason: str) -> bytes:
    """The file without supervision of some services; everything else stays as it is.

    A check goes when it has the service's name or would start it. Others no longer depend on it, because monit refuses
    a whole configuration that depends on an unknown service.
    """
    blocks = _blocks(data.decode("utf-8", "surrogateescape"))
    gone = {name for block in blocks if (name := _supervised(block)) and _is_about(block, name, services)}
    changed = [
        _commented(block, reason) if _supervised(block) in gone else _independent(block, gone, reason)
        for block in blocks
    ]
    return "".join(line for block in changed for line in block).encode("utf-8", "surrogateescape")


def _blocks(text: str) -> list[list[str]]:
    """Lines grouped by statement; what stands before the first one is a group of its own."""
    blocks: list[list[str]] = [[]]
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        if _STATEMENT.match(line):
            blocks.append([])
        blocks[-1].append(line)
    return blocks


def _supervised(block: list[str]) -> str:
    found = _CHECK.match(block[0]) if block else None
    return next(filter(None, found.groups()), "") if found else ""


def _is_about(block: list[str], name: str, services: Collection[str]) -> bool:
    code = "".join(line for line in block if not line.lstrip().startswith("#"))
    commands = (words for found in _START.finditer(code) for words in filter(None, found.groups()))
    started = {word.rsplit("/", 1)[-1].removesuffix(".service") for command in commands for word in command.split()}
    return name in services or not started.isdisjoint(services)


def _commented(block: list[str], reason: str) -> list[str]:
    return [f"# {reason}: {line}" if line.strip() and not line.lstrip().startswith("#") else line for line in block]


def _independent(block: list[str], gone: Collection[str], reason: str) -> list[str]:
    changed: list[str] = []
    for line in block:
        found = _DEPENDS.fullmatch(line)
        names = [name.strip().strip("\"'") for name in found["names"].split(",")] if found else []
        kept = [name for name in names if name not in gone]
        if found is None or kept == names:
            changed.append(line)
        elif kept:
            changed.append(f"{found['head']}{', '.join(kept)}{found['end']}")
        else:
            changed.append(f"# {reason}: {line}")
    return changed
