"""Java properties files: read exactly as `java.util.Properties.load` does, edited line by line, comments kept.

The format is ISO-8859-1 with ``\\uXXXX`` escapes; ``=``, ``:`` or white space end a key; a line that ends in an odd
number of backslashes goes on in the next one; of two equal keys the last wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.errors import PipelineError

_BLANKS = " \t\f"
_NATURAL_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
_TERMINATOR = re.compile(r"(?:\r\n|\r|\n)\Z")
_HEX = re.compile(r"[0-9A-Fa-f]{4}")
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_ESCAPES = {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f", "\\": "\\\\"}


@dataclass(frozen=True)
class _Line:
    """One logical line as it stands in the file, with terminators; ``key`` is None for comments and blank lines."""

    raw: str = field(repr=False)
    key: str | None = None
    value: str = field(default="", repr=False)


@dataclass(frozen=True)
class Properties:
    """A properties file as a value; what is not edited is rendered as it was read."""

    _lines: tuple[_Line, ...] = field(repr=False)

    @classmethod
    def parse(cls, content: bytes, source: str = "properties file") -> Properties:
        """Read a file.

        Args:
            source: how messages call the file.

        Raises:
            PipelineError: a ``\\u`` escape is malformed; Java would refuse the whole file.
        """
        return cls(tuple(_logical_lines(content.decode("iso-8859-1"), source)))

    def get(self, key: str) -> str | None:
        """The value in effect, or None; of several lines with one key the last wins."""
        found = None
        for line in self._lines:
            if line.key == key:
                found = line.value
        return found

    def items(self) -> tuple[tuple[str, str], ...]:
        """Every key with the value in effect, in the order of the keys' first lines."""
        effective: dict[str, str] = {line.key: line.value for line in self._lines if line.key is not None}
        return tuple(effective.items())

    def with_value(self, key: str, value: str) -> Properties:
        """The file with a key set, in place of the line in effect or at the end; shadowed lines of the key go."""
        places = [number for number, line in enumerate(self._lines) if line.key == key]
        if places and self._lines[places[-1]].value == value and len(places) == 1:
            return self
        if places:
            kept = _rewritten(self._lines[places[-1]], key, value)
            lines = (
                kept if number == places[-1] else line
                for number, line in enumerate(self._lines)
                if number not in places[:-1]
            )
            return Properties(tuple(lines))
        terminator = next((found[0] for line in self._lines if (found := _TERMINATOR.search(line.raw))), "\n")
        before = list(self._lines)
        if before:
            before[-1] = _closed(before[-1], terminator)
        return Properties((*before, _Line(f"{_escaped_key(key)}={_escaped_value(value)}{terminator}", key, value)))

    def without(self, key: str) -> Properties:
        """The file without any line of a key."""
        return Properties(tuple(line for line in self._lines if line.key != key))

    def places(self) -> Iterator[tuple[str, int, int]]:
        """Every key that is set, with the first and last line that sets it, in the order of the file."""
        number = 0
        for line in self._lines:
            count = sum(1 for match in _NATURAL_LINE.finditer(line.raw) if match[0])
            if line.key is not None:
                yield line.key, number + 1, number + count
            number += count

    def render(self) -> bytes:
        """The file's bytes: ASCII where edited, as read elsewhere."""
        return "".join(line.raw for line in self._lines).encode("iso-8859-1")


def _logical_lines(text: str, source: str) -> Iterator[_Line]:
    number = 0
    raw, content, going_on = "", "", False
    for match in _NATURAL_LINE.finditer(text):
        natural = match[0]
        if not natural:
            break
        number += 1
        body = _TERMINATOR.sub("", natural).lstrip(_BLANKS)
        if not going_on:
            if not body or body[0] in "#!":
                yield _Line(natural)
                continue
            raw, content = "", ""
        raw += natural
        if not content and body[:1] in ("#", "!"):
            # A lone backslash, then a comment: as Java 9 and later read it. Java 8 made a key of it; nobody writes it.
            yield _Line(raw)
            going_on = False
            continue
        going_on = _continues(body)
        content += body[:-1] if going_on else body
        if not going_on or match.end() == len(text):
            yield _parsed(raw, content, source, number)
            going_on = False


def _continues(body: str) -> bool:
    return (len(body) - len(body.rstrip("\\"))) % 2 == 1


def _closed(line: _Line, terminator: str) -> _Line:
    """The last line of a file, fit to be followed by another one."""
    body = _TERMINATOR.sub("", line.raw)
    is_remark = line.key is None and body.lstrip(_BLANKS)[:1] in ("#", "!", "")
    if not is_remark and _continues(body):
        # At the end of a file Java drops a dangling backslash; with a line after it, it would join the two.
        body = body[:-1]
    elif body != line.raw:
        return line
    return _Line(body + terminator, line.key, line.value)


def _parsed(raw: str, content: str, source: str, number: int) -> _Line:
    if not content:
        return _Line(raw)
    key_end, value_start = _split(content)
    try:
        return _Line(raw, _unescaped(content[:key_end]), _unescaped(content[value_start:]))
    except ValueError:
        raise PipelineError(
            f"{source}: line {number}: malformed \\uXXXX escape; Java refuses the whole file",
            "write four hexadecimal digits after \\u, or double the backslash",
        ) from None


def _split(content: str) -> tuple[int, int]:
    """Where the key ends and where the value starts."""
    end, escaped = 0, False
    while end < len(content):
        letter = content[end]
        if not escaped and (letter in "=:" or letter in _BLANKS):
            break
        escaped = letter == "\\" and not escaped
        end += 1
    start, separated = end, False
    while start < len(content):
        letter = content[start]
        if letter in "=:" and not separated:
            separated = True
        elif letter not in _BLANKS:
            break
        start += 1
    return end, start


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    pieces: list[str] = []
    position = 0
    while position < len(text):
        letter = text[position]
        position += 1
        if letter == "\\" and position < len(text):
            letter = text[position]
            position += 1
            if letter == "u":
                digits = text[position : position + 4]
                if not _HEX.fullmatch(digits):
                    raise ValueError(digits)
                letter = chr(int(digits, 16))
                position += 4
            else:
                letter = _CONTROLS.get(letter, letter)
        elif letter == "\\":
            continue
        pieces.append(letter)
    # Java's characters are UTF-16 units: two escapes may make one character.
    return "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _rewritten(line: _Line, key: str, value: str) -> _Line:
    """The line with another value; the writing of key and separator is kept."""
    terminator = found[0] if (found := _TERMINATOR.search(line.raw)) else ""
    first = _NATURAL_LINE.match(line.raw)
    content = _TERMINATOR.sub("", first[0] if first else "")
    indent = len(content) - len(content.lstrip(_BLANKS))
    key_end, value_start = _split(content[indent:])
    separator = content[indent + key_end : indent + value_start]
    if not separator.strip(_BLANKS) or _continues(content[: indent + value_start]):
        # A key that ends by white space only, or goes on in the next line, is written in the usual way.
        return _Line(f"{_escaped_key(key)}={_escaped_value(value)}{terminator}", key, value)
    return _Line(f"{content[: indent + value_start]}{_escaped_value(value)}{terminator}", key, value)


def _escaped_key(text: str) -> str:
    return "".join("\\" + letter if letter in " :=#!" else _escaped(letter) for letter in text)


def _escaped_value(text: str) -> str:
    body = text.lstrip(" ")
    return "\\ " * (len(text) - len(body)) + "".join(_escaped(letter) for letter in body)


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if " " <= letter <= "~":
        return letter
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place] << 8 | units[place + 1]:04x}" for place in range(0, len(units), 2))
