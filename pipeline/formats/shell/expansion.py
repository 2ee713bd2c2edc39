"""Words of a shell script with their variables put in, as far as these are known (POSIX shell 2.6)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.formats.shell.words import Word

UNKNOWN = "\x00"
"""Stands in a value for what cannot be known without running the script."""

_NAME = re.compile(r"\$(?:([A-Za-z_]\w*|[0-9@*#?$!-])|\{)")


@dataclass
class Variables:
    """What is known of variables; a name that is not here is empty, unless it comes from outside."""

    known: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """The value of a variable; `UNKNOWN` for what the environment gives."""
        if name in ("?", "$", "!", "-"):
            return UNKNOWN
        return self.known.get(name, _OUTSIDE.get(name, ""))


_OUTSIDE = dict.fromkeys(("PATH", "HOME", "USER", "IFACE", "RUNLEVEL", "HOSTNAME", "LANG", "PWD", "TERM"), UNKNOWN)


def expanded(text: str, word: Word, variables: Variables) -> str:
    """A word as one value."""
    return "".join(value for value, _ in _pieces(text[word.start : word.end] or word.value, variables))


def fields(text: str, word: Word, variables: Variables) -> list[str]:
    """A word as the fields a command gets: what is not quoted is split at blanks, and nothing at all is no field."""
    found: list[str] = []
    current, is_field = "", False
    raw = text[word.start : word.end] if word.end else word.value
    for value, quoted in _pieces(raw, variables):
        if quoted:
            current, is_field = current + value, True
            continue
        parts = re.split(r"[ \t\n]+", value)
        for number, part in enumerate(parts):
            if number and (current or is_field):
                found.append(current)
                current, is_field = "", False
            current += part
    if current or is_field:
        found.append(current)
    return found


def _pieces(raw: str, variables: Variables) -> Iterator[tuple[str, bool]]:
    """The values of a word's pieces, each with whether blanks in it are kept."""
    position = 0
    while position < len(raw):
        letter = raw[position]
        if letter == "\\":
            if raw[position + 1 : position + 2] != "\n":
                yield raw[position + 1 : position + 2], True
            position += 2
        elif letter == "'":
            end = raw.find("'", position + 1)
            end = len(raw) if end < 0 else end
            yield raw[position + 1 : end], True
            position = end + 1
        elif letter == '"':
            end = _end_of_double(raw, position)
            yield "".join(_in_double(raw[position + 1 : end - 1], variables)), True
            position = end
        elif letter in "$`":
            value, position = _substituted(raw, position, variables)
            yield value, False
        elif position == 0 and letter == "~":
            yield UNKNOWN, True
            position += 1
        else:
            yield letter, True
            position += 1


def _in_double(raw: str, variables: Variables) -> Iterator[str]:
    position = 0
    while position < len(raw):
        if raw[position] == "\\" and raw[position + 1 : position + 2] in ("$", "`", '"', "\\", "\n"):
            yield "" if raw[position + 1] == "\n" else raw[position + 1]
            position += 2
        elif raw[position] in "$`":
            value, position = _substituted(raw, position, variables)
            yield value
        else:
            yield raw[position]
            position += 1


def _end_of_double(raw: str, start: int) -> int:
    position = start + 1
    while position < len(raw) and raw[position] != '"':
        if raw[position] == "\\":
            position += 2
        elif raw[position : position + 2] in ("$(", "${"):
            position = _closing(raw, position + 1)
        else:
            position += 1
    return min(position + 1, len(raw))


def _closing(raw: str, opening: int) -> int:
    """The place after the bracket that closes the one at `opening`."""
    pair = {"(": ")", "{": "}"}[raw[opening]]
    depth, position = 0, opening
    while position < len(raw):
        letter = raw[position]
        if letter == "\\":
            position += 1
        elif letter == "'" and raw[opening] == "(":
            end = raw.find("'", position + 1)
            position = len(raw) if end < 0 else end
        elif letter == raw[opening]:
            depth += 1
        elif letter == pair:
            depth -= 1
            if depth == 0:
                return position + 1
        position += 1
    return len(raw)


def _substituted(raw: str, position: int, variables: Variables) -> tuple[str, int]:
    if raw[position] == "`":
        end = raw.find("`", position + 1)
        end = len(raw) if end < 0 else end
        return _output(raw[position + 1 : end], variables), end + 1
    if raw[position + 1 : position + 3] == "((":
        return UNKNOWN, _closing(raw, position + 1)
    if raw[position + 1 : position + 2] == "(":
        end = _closing(raw, position + 1)
        return _output(raw[position + 2 : end - 1], variables), end
    found = _NAME.match(raw, position)
    if found is None:
        return "$", position + 1
    if found[1]:
        return variables.get(found[1]), found.end()
    end = _closing(raw, position + 1)
    return _braced(raw[position + 2 : end - 1], variables), end


def _braced(inside: str, variables: Variables) -> str:
    found = re.fullmatch(r"([A-Za-z_]\w*|[0-9@*#])(?:(:?[-=+?])(.*)|(%%?|##?)(.*))?", inside, re.DOTALL)
    if found is None:
        return UNKNOWN
    value = variables.get(found[1])
    if found[2]:
        other = "".join(_in_double(found[3].strip("\"'"), variables))
        empty = value == "" if found[2].startswith(":") else found[1] not in variables.known
        if found[2].endswith("+"):
            return "" if empty else other
        return other if empty else value
    if found[4]:
        return posixpath.basename(value) if (found[4], found[5]) == ("##", "*/") else UNKNOWN
    return value


def _output(command: str, variables: Variables) -> str:
    """What a command prints, of the few that scripts find their own place with; else `UNKNOWN`."""
    command = command.strip()
    place = re.fullmatch(
        r"cd\s+(?:--\s+|-P\s+)?(.+?)\s*(?:>\s*/dev/null\s*(?:2>&1)?\s*)?(?:&&|;)\s*pwd(?:\s+-P)?", command
    )
    if place:
        value = _argument(place[1], variables)
        return posixpath.normpath(value) if value.startswith("/") and UNKNOWN not in value else UNKNOWN
    named = re.fullmatch(r"(dirname|basename|echo|printf|readlink\s+-[fe]+|realpath)\s+(?:--\s+)?([^|;&<>]+)", command)
    if not named:
        return UNKNOWN
    value = _argument(named[2].strip(), variables)
    if UNKNOWN in value:
        return UNKNOWN
    kind = named[1].split()[0]
    if kind in ("dirname", "basename"):
        return posixpath.dirname(value) if kind == "dirname" else posixpath.basename(value)
    return value if kind in ("echo", "readlink", "realpath") else UNKNOWN


def _argument(raw: str, variables: Variables) -> str:
    return "".join(value for value, _ in _pieces(raw, variables))
