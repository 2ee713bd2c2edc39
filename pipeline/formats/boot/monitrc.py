"""monit's control files: what it supervises, statement by statement (monit(1), "THE MONIT CONTROL FILE")."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

_STATEMENT = re.compile(r"\s*(check|set|include)\s", re.IGNORECASE)
_CHECK = re.compile(r"\s*check\s+\w+\s+(?:\"([^\"]*)\"|'([^']*)'|(\S+))", re.IGNORECASE)
_START = re.compile(
    r"\b(?:(?:re)?start(?:\s+program)?|exec)\s*=?\s*(?:\"([^\"]*)\"|'([^']*)'|(/[^\s\"']+))", re.IGNORECASE
)
# Words that say a command does not start what it names.
_NO_START = frozenset({"stop", "--stop", "-K", "kill", "killall", "pkill", "disable", "mask", "status"})
# A list may go on in the next line, behind or before a comma; monit takes no comment between.
_DEPENDS = re.compile(r"(?P<head>\bdepends?[ \t]+(?:on[ \t]+)?)(?P<names>[^\s,#]+(?:\s*,\s*[^\s,#]+)*)", re.IGNORECASE)


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
            words = [word for command in _commands(block) for word in command.split()]
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


def _commands(block: list[str]) -> list[str]:
    """Commands that start something, by ``start program`` or whenever something is seen (``exec``)."""
    code = "".join(line for line in block if not line.lstrip().startswith("#"))
    found = [text for match in _START.finditer(code) for text in match.groups() if text]
    return [command for command in found if not _NO_START & {*command.split()}]


def _is_about(block: list[str], name: str, services: Collection[str]) -> bool:
    started = {
        word.rsplit("/", 1)[-1].removesuffix(".service") for command in _commands(block) for word in command.split()
    }
    return name in services or not started.isdisjoint(services)


def _commented(block: list[str], reason: str) -> list[str]:
    return [f"# {reason}: {line}" if line.strip() and not line.lstrip().startswith("#") else line for line in block]


def _independent(block: list[str], gone: Collection[str], reason: str) -> list[str]:
    """The block without the names that are gone in its lists; a list that has no other goes as a whole."""
    text = "".join(block)
    pieces: list[str] = []
    place = 0
    for found in _DEPENDS.finditer(text):
        before = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
        names = [name.strip() for name in found["names"].split(",")]
        kept = [name for name in names if name.strip("\"'") not in gone]
        if "#" in before or kept == names:
            continue
        alone = not kept and not before.strip()
        pieces.append(text[place : found.start() - (len(before) if alone else 0)])
        if kept:
            pieces.append(found["head"] + ", ".join(kept))
        else:
            flat = found["head"] + ", ".join(names)
            pieces.append(f"# {reason}: {before if alone else ''}{flat}")
            rest = text[found.end() : text.find("\n", found.end())] if "\n" in text[found.end() :] else ""
            pieces += ["\n"] if rest.strip() and not rest.lstrip().startswith("#") else []
        place = found.end()
    return [*pieces, text[place:]]
