"""Conditions of shell scripts, ``[``, ``test`` and ``[[``, as far as they can be decided without running anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from pipeline.formats.shell.expansion import UNKNOWN

Exists = Callable[[str, str], bool | None]
_FILES = {"-f": "f", "-e": "e", "-a": "e", "-r": "e", "-s": "f", "-d": "d", "-x": "x", "-L": "e", "-h": "e"}


def holds(words: Sequence[str], exists: Exists) -> bool | None:
    """Whether a condition holds; None when that cannot be told here."""
    name = words[0].rpartition("/")[2]
    if name in ("true", ":"):
        return True
    if name == "false":
        return False
    inner = list(words[1:])
    if inner and inner[-1] in ("]", "]]"):
        inner.pop()
    return _any(inner, exists)


def _any(words: list[str], exists: Exists) -> bool | None:
    for operator, decided in (("-o", True), ("||", True), ("-a", False), ("&&", False)):
        if operator in words[1:-1]:
            place = words.index(operator, 1)
            sides = _any(words[:place], exists), _any(words[place + 1 :], exists)
            if decided in sides:
                return decided
            return None if None in sides else not decided
    return _one(words, exists)


def _one(words: list[str], exists: Exists) -> bool | None:
    if not words:
        return False
    if words[0] == "!":
        inner = _one(words[1:], exists)
        return None if inner is None else not inner
    if any(UNKNOWN in word for word in words):
        return None
    if len(words) == 1:
        return words[0] != ""
    if len(words) == 2:
        operator, value = words
        if operator in ("-n", "-z"):
            return (value != "") == (operator == "-n")
        return exists(_FILES[operator], value) if operator in _FILES and value.startswith("/") else None
    if len(words) == 3:
        left, operator, right = words
        if operator in ("=", "==", "!="):
            return matches(left, right) == (operator != "!=")
        numbers = {"-eq": "==", "-ne": "!=", "-gt": ">", "-lt": "<", "-ge": ">=", "-le": "<="}
        if operator in numbers and left.lstrip("-").isdigit() and right.lstrip("-").isdigit():
            one, two = int(left), int(right)
            return {
                "-eq": one == two, "-ne": one != two, "-gt": one > two, "-lt": one < two, "-ge": one >= two,
                "-le": one <= two,
            }[operator]  # fmt: skip
    return None


def matches(value: str, pattern: str) -> bool:
    """Whether a value fits a pattern of ``case``."""
    return re.fullmatch(_expression(pattern), value, re.DOTALL) is not None


def _expression(pattern: str) -> str:
    pieces = re.findall(r"\[!?[^\]]+\]|\*|\?|.", pattern, re.DOTALL)
    return "".join(
        {"*": ".*", "?": "."}.get(piece, piece.replace("[!", "[^") if len(piece) > 1 else re.escape(piece))
        for piece in pieces
    )
