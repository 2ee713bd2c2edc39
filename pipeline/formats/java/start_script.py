"""Shell scripts that start Java: the options of its command line, found by tokenising, changed word by word.

This knows as much of the shell's grammar as it takes to find simple commands and assignments; it runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from pipeline.formats.shell.words import Word, tokens

_MOST_KEPT = 64  # scripts; every gateway of a release is asked about the same few, key by key
_ENDS_COMMAND = {";", "&", "|", "&&", "||", "(", ")", "\n", ";;"}
_REDIRECTIONS = {"<", ">", ">>", "<&", ">&", "<>", ">|"}
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
# Words that may stand before the program of a simple command.
_BEFORE_PROGRAM = {"nohup", "exec", "command", "env", "time", "if", "then", "else", "elif", "while", "until", "do", "!",
                   "{", "eval", "setsid"}  # fmt: skip
_INSIDE = re.compile(r"(?:\$\([^)]*\)|[^\s\\]|\\[^\n])+")
_EXPORTS = {"export", "readonly", "local", "declare"}
# Options of the java program that take the next word as their value.
_WITH_VALUE = set(
    """-cp -classpath --class-path -p --module-path --add-modules --add-opens --add-exports --add-reads
    --upgrade-module-path --limit-modules --patch-module""".split()
)


@dataclass(frozen=True)
class JavaCommand:
    """A command that starts a Java program.

    Attributes:
        program: the word that names the java program.
        options: words for the virtual machine, up to ``-jar`` or the main class.
        arguments: ``-jar`` or the main class, and what comes after it.
        line: of the program word, from 1.
    """

    program: Word
    options: tuple[Word, ...]
    arguments: tuple[Word, ...]
    line: int


@dataclass(frozen=True)
class Assignment:
    """A variable that is given a value, exported or not."""

    name: str
    value: str
    word: Word
    line: int


@lru_cache(maxsize=_MOST_KEPT)
def java_commands(text: str) -> tuple[JavaCommand, ...]:
    """Every command that starts a program in Java; ``java -version`` and the like start none.

    One that stands in a variable and is run by ``eval``, as in Kura 6, is found in the variable's value.
    """
    found: list[JavaCommand] = []
    for words in (*_commands(text), *_evaluated(text)):
        place = _program(words)
        if place is None or not (_is_java(words[place].value) or _leads_to_java(text, words[place].value)):
            continue
        rest = words[place + 1 :]
        split = _main(rest)
        if split is not None:
            line = text.count("\n", 0, words[place].start) + 1
            found.append(JavaCommand(words[place], tuple(rest[:split]), tuple(rest[split:]), line))
    return tuple(found)


@lru_cache(maxsize=_MOST_KEPT)
def assignments(text: str) -> tuple[Assignment, ...]:
    """Every assignment that stands before a command, alone, or after ``export``."""
    found: list[Assignment] = []
    for words in _commands(text):
        for word in words:
            head = _ASSIGNMENT.match(text[word.start : word.end])
            if head:
                name = head[0][:-1]
                line = text.count("\n", 0, word.start) + 1
                found.append(Assignment(name, word.value[len(name) + 1 :], word, line))
            elif word.value not in _EXPORTS and word.value not in _BEFORE_PROGRAM:
                break
    return tuple(found)


@lru_cache(maxsize=_MOST_KEPT)
def words_of(text: str) -> tuple[str, ...]:
    """Every word of every command, without quotes: for finding what a script refers to."""
    return tuple(word.value for words in _commands(text) for word in words)


def with_words(text: str, changes: Iterable[tuple[Word, str | None]]) -> str:
    """The text with words replaced, or taken away with the gap before them; everything else stays as it is."""
    for word, new in sorted(changes, key=lambda change: change[0].start, reverse=True):
        start = word.start
        if new is None:
            while start and (text[start - 1] in " \t" or text[start - 2 : start] == "\\\n"):
                start -= 1 if text[start - 1] in " \t" else 2
        text = text[:start] + (new or "") + text[word.end :]
    return text


def with_word_after(text: str, word: Word, new: str) -> str:
    """The text with a word added after another one."""
    return f"{text[: word.end]} {new}{text[word.end :]}"


def quoted(value: str) -> str:
    """A value in single quotes, as one word of the shell."""
    return "'" + value.replace("'", "'\\''") + "'"


def _evaluated(text: str) -> Iterator[list[Word]]:
    """The words inside of variables that ``eval`` runs, each where it stands in the text."""
    run = {
        name
        for words in _commands(text)
        if words and words[0].value == "eval"
        for word in words[1:]
        for name in re.findall(r"\$\{?(\w+)", word.value)
    }
    for item in assignments(text):
        if item.name in run:
            start = item.word.start + len(item.name) + 1
            raw = text[start : item.word.end]
            inside = slice(1, -1) if raw[:1] == raw[-1:] == '"' else slice(0, None)
            start += 1 if inside.start else 0
            yield [
                Word(start + hit.start(), start + hit.end(), re.sub(r'\\(.)|"', r"\1", hit[0]))
                for hit in _INSIDE.finditer(raw[inside])
            ]


def _leads_to_java(text: str, word: str) -> bool:
    """Whether a word is a variable whose value ends in the program: ``exec java``, ``nohup java``."""
    name = re.fullmatch(r"\$\{?(\w+)\}?", word)
    values = [item.value for item in assignments(text) if name and item.name == name[1]]
    return bool(values) and all(value.split() and _is_java(value.split()[-1]) for value in values)


def _is_java(value: str) -> bool:
    return value.rsplit("/", 1)[-1] == "java" or re.fullmatch(r"\$\{?JAVA(?:_BIN|_CMD|CMD)?\}?", value) is not None


def _program(words: list[Word]) -> int | None:
    for place, word in enumerate(words):
        if word.value not in _BEFORE_PROGRAM and not _ASSIGNMENT.match(word.value):
            return place
    return None


def _main(words: list[Word]) -> int | None:
    """Where the options end: at ``-jar``, or at the first word that is neither an option nor a variable."""
    skip = False
    for place, word in enumerate(words):
        if skip:
            skip = False
        elif word.value in ("-jar", "-m", "--module"):
            return place
        elif word.value in _WITH_VALUE:
            skip = True
        elif not word.value.startswith(("-", "$", "@", "`")):
            return place
    return None


def _commands(text: str) -> Iterator[list[Word]]:
    """The words of each simple command, redirections taken out."""
    words: list[Word] = []
    drop_next = False
    for token in tokens(text):
        if isinstance(token, Word):
            if drop_next:
                drop_next = False
            else:
                words.append(token)
        elif token in _ENDS_COMMAND:
            if words:
                yield words
            words, drop_next = [], False
        elif token in _REDIRECTIONS or token.startswith("<<"):
            # The file descriptor before it is a word of digits that touches it; it is no argument.
            drop_next = True
    if words:
        yield words
