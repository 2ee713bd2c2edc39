"""``sshd_config``: lines as OpenSSH reads them, what is in effect, and edits that keep everything else as it was.

The rules are those of OpenSSH's ``servconf.c`` (9.2): keywords in any case, an optional ``=``, quotes, CRLF, comments;
the first value of a keyword wins, except for those that add up; ``Include`` takes part where it stands; everything
after ``Match`` belongs to that block until the next one or the end of the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

_MOST_INCLUDES = 16  # SERVCONF_MAX_DEPTH

# Names that mean another keyword; a list of keywords to replace is a list of meanings.
_ALIASES = {
    "challengeresponseauthentication": "kbdinteractiveauthentication",
    "skeyauthentication": "kbdinteractiveauthentication",
    "dsaauthentication": "pubkeyauthentication",
    "pubkeyacceptedkeytypes": "pubkeyacceptedalgorithms",
    "hostbasedacceptedkeytypes": "hostbasedacceptedalgorithms",
    "authorizedkeysfile2": "authorizedkeysfile",
}
CUMULATIVE = frozenset(
    "port listenaddress hostkey hostcertificate allowusers denyusers allowgroups denygroups acceptenv subsystem".split()
)
_KEYWORD = re.compile(r'[ \t\r\n]*=?[ \t\r\n]*([^ \t\r\n"=]*)(?:"([^"]*)"[ \t\r\n]*|[ \t\r\n]*=?[ \t\r\n]*)')


class SshdConfigError(ValueError):
    """sshd would refuse the file; the text names file and line."""


@dataclass(frozen=True)
class Line:
    """One line.

    Attributes:
        text: as it stands in the file, with its line end.
        keyword: lower case; empty for a blank line or a comment.
        arguments: unquoted.
    """

    number: int
    text: str
    keyword: str = ""
    arguments: tuple[str, ...] = ()

    @property
    def meaning(self) -> str:
        """The keyword, or the one it is another name for."""
        return _ALIASES.get(self.keyword, self.keyword)


@dataclass(frozen=True)
class Statement:
    """A keyword in the order sshd meets it; ``match`` itself is one, in front of what is for its block.

    Attributes:
        file: as the caller calls it.
        match: criteria of the ``Match`` blocks it stands in, outermost first; empty outside.
    """

    file: str
    line: int
    keyword: str
    arguments: tuple[str, ...]
    match: tuple[str, ...] = ()

    @property
    def meaning(self) -> str:
        """The keyword, or the one it is another name for."""
        return _ALIASES.get(self.keyword, self.keyword)


@dataclass(frozen=True)
class Effective:
    """What is in effect: for everybody, and what each ``Match`` block changes; keywords by their meaning."""

    everywhere: Mapping[str, tuple[Statement, ...]]
    matches: Mapping[tuple[str, ...], Mapping[str, tuple[Statement, ...]]]

    def value(self, keyword: str) -> str | None:
        """The one value of a keyword outside ``Match``, None when sshd's default is in force."""
        found = self.everywhere.get(keyword.lower())
        return " ".join(found[0].arguments) if found else None


# Pattern of an Include to the files it means, in sshd's order, each with its content.
Find = Callable[[str], Sequence[tuple[str, bytes]]]


def parse(data: bytes, name: str = "sshd_config") -> tuple[Line, ...]:
    """The lines of a file.

    Raises:
        SshdConfigError: a quote is not closed, or a keyword has no argument.
    """
    text = data.decode("utf-8", "surrogateescape")
    return tuple(_parse_line(number, line, name) for number, line in enumerate(re.findall(r"[^\n]*\n|[^\n]+", text), 1))


def render(lines: Sequence[Line]) -> bytes:
    """The file of these lines; those of `parse` give the same bytes back."""
    return "".join(line.text for line in lines).encode("utf-8", "surrogateescape")


def statements(name: str, data: bytes, find: Find) -> tuple[Statement, ...]:
    """Every keyword in the order sshd reads it, includes followed.

    Raises:
        SshdConfigError: bad lines, or includes nested deeper than sshd goes (a file that includes itself).
    """
    return tuple(_walk(name, data, find, (), 0))


def effective(read: Sequence[Statement]) -> Effective:
    """Which statements win."""
    everywhere: dict[str, tuple[Statement, ...]] = {}
    matches: dict[tuple[str, ...], dict[str, tuple[Statement, ...]]] = {}
    for statement in read:
        keyword = statement.meaning
        if keyword == "match":
            continue
        values = matches.setdefault(statement.match, {}) if statement.match else everywhere
        if keyword in CUMULATIVE:
            values[keyword] = (*values.get(keyword, ()), statement)
        else:
            values.setdefault(keyword, (statement,))
    return Effective(everywhere, matches)


def comment_out(lines: Sequence[Line], meanings: Collection[str], reason: str) -> tuple[Line, ...]:
    """The lines with every occurrence of some keywords turned into a comment, inside ``Match`` blocks too."""
    return tuple(
        Line(line.number, f"# {reason}: {line.text.lstrip()}") if line.meaning in meanings else line for line in lines
    )


def _walk(name: str, data: bytes, find: Find, match: tuple[str, ...], depth: int) -> Iterator[Statement]:
    if depth > _MOST_INCLUDES:
        raise SshdConfigError(f"{name}: included more than {_MOST_INCLUDES} levels deep, by itself or in a circle")
    block: tuple[str, ...] = match
    for line in parse(data, name):
        if line.keyword == "match":
            # A Match block of an included file ends with that file.
            block = (*match, " ".join(line.arguments))
            yield Statement(name, line.number, line.keyword, line.arguments, match)
        elif line.keyword == "include":
            for pattern in line.arguments:
                for included, content in find(_absolute(pattern)):
                    yield from _walk(included, content, find, block, depth + 1)
        elif line.keyword:
            yield Statement(name, line.number, line.keyword, line.arguments, block)


def _absolute(pattern: str) -> str:
    return pattern if pattern.startswith("/") else f"/etc/ssh/{pattern}"


def _parse_line(number: int, text: str, name: str) -> Line:
    content = text.partition("\0")[0].rstrip(" \t\r\n\f")  # of C, where a NUL ends the line
    found = _KEYWORD.match(content)
    if found is None:  # pragma: no cover - the expression matches the empty string
        return Line(number, text)
    keyword = found[1] + (found[2] or "")
    # A quotation mark without its partner in the keyword: sshd passes over the whole line without a word.
    unclosed = found[2] is None and content[found.end(1) : found.end(1) + 1] == '"'
    if not keyword or keyword.startswith("#") or unclosed:
        return Line(number, text)
    rest = content[found.end() :]
    if not rest:
        raise SshdConfigError(f"{name} line {number}: no argument after keyword {keyword!r}")
    return Line(number, text, keyword.lower(), _split(rest, f"{name} line {number}"))


def _split(text: str, place: str) -> tuple[str, ...]:
    """Arguments as ``argv_split`` of OpenSSH's ``misc.c`` takes them, up to a comment."""
    words: list[str] = []
    word: list[str] | None = None
    quote = ""
    at = 0
    while at < len(text):
        letter = text[at]
        following = text[at + 1 : at + 2]
        if word is None:
            if letter == "#":
                break
            if letter in " \t":
                at += 1
                continue
            word = []
        if letter == "\\" and (following in ("'", '"', "\\") or (not quote and following == " ")) and following:
            word.append(following)
            at += 1
        elif not quote and letter in " \t":
            words.append("".join(word))
            word = None
        elif not quote and letter in "'\"":
            quote = letter
        elif quote and letter == quote:
            quote = ""
        else:
            word.append(letter)
        at += 1
    if quote:
        raise SshdConfigError(f"{place}: a quotation mark is not closed")
    if word is not None:
        words.append("".join(word))
    return tuple(words)
