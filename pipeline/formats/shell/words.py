"""The words of a shell script: quotes, escapes, comments, continued lines, here-documents, nested substitutions.

As POSIX shell 2.3 (Token Recognition) has it. Nothing is expanded and nothing is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_OPERATORS = re.compile(r"&&|\|\||;;|<<<|<<-|<<|>>|<&|>&|<>|>\||[;&|()<>\n]")
_GAP = re.compile(r"(?:[ \t]|\\\n)*")


@dataclass(frozen=True)
class Word:
    """One word: its place in the text and what it says without quotes (substitutions are left as written)."""

    start: int
    end: int
    value: str


def tokens(text: str) -> Iterator[Word | str]:
    """Words and operators in order; comments and the text of here-documents are neither."""
    position = 0
    here_documents: list[tuple[str, bool]] = []
    while position < len(text):
        if gap := _GAP.match(text, position):
            position = gap.end()
        if position >= len(text):
            return
        if text[position] == "#":
            position = _until(text, position, "\n")
            continue
        operator = _OPERATORS.match(text, position)
        if operator is None:
            word = word_at(text, position)
            position = word.end
            if word.value.isdigit() and text[position : position + 1] in ("<", ">"):
                continue
            yield word
            continue
        position = operator.end()
        if operator[0] in ("<<", "<<-"):
            word = word_at(text, _skip(text, position))
            here_documents.append((word.value, operator[0] == "<<-"))
        yield operator[0]
        if operator[0] == "\n" and here_documents:
            for delimiter, tabs in here_documents:
                position = _after_here_document(text, position, delimiter, tabs=tabs)
            here_documents = []


def _skip(text: str, position: int) -> int:
    gap = _GAP.match(text, position)
    return gap.end() if gap else position


def _until(text: str, position: int, mark: str) -> int:
    found = text.find(mark, position)
    return len(text) if found < 0 else found


def _after_here_document(text: str, position: int, delimiter: str, *, tabs: bool) -> int:
    while position < len(text):
        end = _until(text, position, "\n")
        line = text[position:end]
        position = end + 1
        if (line.lstrip("\t") if tabs else line) == delimiter:
            break
    return min(position, len(text))


def word_at(text: str, start: int) -> Word:
    """The word that begins at a place; an empty one where an operator or a blank stands."""
    pieces: list[str] = []
    position = start
    while position < len(text):
        letter = text[position]
        if letter in " \t" or _OPERATORS.match(text, position):
            break
        end, said = _piece(text, position)
        pieces.append(said)
        position = end
    return Word(start, position, "".join(pieces))


def _piece(text: str, position: int) -> tuple[int, str]:
    """One quoted, escaped, substituted or plain piece of a word: where it ends and what it says."""
    letter = text[position]
    if letter == "\\":
        following = text[position + 1 : position + 2]
        return min(position + 2, len(text)), "" if following == "\n" else following
    if letter == "'":
        end = _until(text, position + 1, "'")
        return min(end + 1, len(text)), text[position + 1 : end]
    if letter == '"':
        return _double_quoted(text, position)
    if letter == "`":
        return _closed_by(text, position, "`")
    if letter == "$" and text[position + 1 : position + 2] in ("(", "{"):
        return _closed_by(text, position, ")" if text[position + 1] == "(" else "}")
    return position + 1, letter


def _double_quoted(text: str, position: int) -> tuple[int, str]:
    pieces: list[str] = []
    position += 1
    while position < len(text) and text[position] != '"':
        letter = text[position]
        if letter == "\\" and text[position + 1 : position + 2] in ("$", "`", '"', "\\", "\n"):
            pieces.append("" if text[position + 1] == "\n" else text[position + 1])
            position += 2
        elif letter == "`" or text[position : position + 2] in ("$(", "${"):
            position, said = _piece(text, position)
            pieces.append(said)
        else:
            pieces.append(letter)
            position += 1
    return min(position + 1, len(text)), "".join(pieces)


def _closed_by(text: str, start: int, closing: str) -> tuple[int, str]:
    """A substitution, left as written."""
    position = start + (1 if closing == "`" else 2)
    while position < len(text) and text[position] != closing:
        letter = text[position]
        nested = text[position : position + 2] in ("$(", "${") or (closing == ")" and letter == "`")
        if letter in "'\"\\" or nested:
            position, _ = _piece(text, position)
        elif closing == ")" and letter == "(":
            position, _ = _closed_by(text, position - 1, ")")
        else:
            position += 1
    return min(position + 1, len(text)), text[start : position + 1]
