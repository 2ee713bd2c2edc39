"""``named.conf`` (BIND 9): statements with their place in the text, so that one value changes and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipeline.errors import PipelineError

_REMEDY = "`named-checkconf FILE` on the golden gateway names what BIND does not understand"
_TOKEN = re.compile(
    r"(?P<skip>\s+|//[^\n]*|#[^\n]*|/\*.*?\*/)|(?P<mark>[{};])|\"(?P<string>[^\"\n]*)\"|(?P<word>[^\s{};\"]+)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Statement:
    """Words, then perhaps a block, then a semicolon.

    Attributes:
        block: the statements in braces; None without braces.
        start / end: of the text between the braces; of the whole statement without a block.
    """

    words: tuple[str, ...]
    block: tuple[Statement, ...] | None
    start: int
    end: int
    line: int

    def find(self, *words: str) -> Statement | None:
        """The first statement in the block that begins with these words."""
        return next((s for s in self.block or () if s.words[: len(words)] == words), None)


@dataclass(frozen=True)
class NamedConf:
    """The file: its text and its statements."""

    text: str
    statements: tuple[Statement, ...]

    def find(self, *words: str) -> Statement | None:
        """The first statement at the top that begins with these words."""
        return Statement((), self.statements, 0, 0, 0).find(*words)

    def every(self, *words: str) -> Iterator[Statement]:
        """All statements at the top that begin with these words."""
        return (s for s in self.statements if s.words[: len(words)] == words)

    def with_list(self, statement: Statement, entries: Iterable[str]) -> str:
        """The text with the entries of a list such as ``allow-query { … }`` replaced."""
        inside = "".join(f" {entry};" for entry in entries) + " "
        return self.text[: statement.start] + inside + self.text[statement.end :]


def parse(text: str, where: str) -> NamedConf:
    """Read the file; quoted strings lose their quotation marks in ``words`` only.

    Raises:
        PipelineError: braces or quotation marks that do not close, or a statement without a semicolon; with its line.
    """
    try:
        tokens = list(_tokens(text))
        statements, place = _block(tokens, 0, inner=False)
        if place != len(tokens):
            raise _BrokenError(tokens[place][2], "'}' without a block")
    except _BrokenError as broken:
        line = text.count("\n", 0, broken.place) + 1
        raise PipelineError(f"{where}: line {line}: {broken}", _REMEDY) from None
    return NamedConf(text, tuple(_numbered(statement, text) for statement in statements))


class _BrokenError(Exception):
    def __init__(self, place: int, message: str) -> None:
        super().__init__(message)
        self.place = place


_Token = tuple[str, str, int, int]  # kind, text, start, end


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None or (text.startswith("/*", place) and found.lastgroup != "skip"):
            raise _BrokenError(place, "a quotation mark or a comment is not closed")
        kind = found.lastgroup or ""
        if kind != "skip":
            yield kind, found[kind], found.start(), found.end()
        place = found.end()


def _block(tokens: list[_Token], place: int, *, inner: bool) -> tuple[list[Statement], int]:
    """Statements up to the closing brace or the end, and where reading stopped."""
    statements: list[Statement] = []
    while place < len(tokens) and tokens[place][:2] != ("mark", "}"):
        start = tokens[place][2]
        words: list[str] = []
        block: tuple[Statement, ...] | None = None
        span = (start, start)
        while place < len(tokens) and not (tokens[place][0] == "mark" and tokens[place][1] in ";}"):
            kind, word, _, end = tokens[place]
            place += 1
            if kind == "mark":
                inside, place = _block(tokens, place, inner=True)
                block, span = tuple(inside), (end, tokens[place][2])
                place += 1
            else:
                words.append(word)
                span = span if block is not None else (start, end)
        if place >= len(tokens) or tokens[place][1] != ";":
            raise _BrokenError(start, f"{' '.join(words)!r} without ';'")
        place += 1
        statements.append(Statement(tuple(words), block, *span, line=0))
    if inner and place >= len(tokens):
        raise _BrokenError(tokens[-1][2], "'{' is not closed")
    return statements, place


def _numbered(statement: Statement, text: str) -> Statement:
    block = None if statement.block is None else tuple(_numbered(inner, text) for inner in statement.block)
    line = text.count("\n", 0, statement.start) + 1
    return Statement(statement.words, block, statement.start, statement.end, line)
