"""What a shell script is made of: lists, conditions, loops, cases, functions, and the simple commands in them."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.formats.shell.words import Word


@dataclass(frozen=True)
class Simple:
    """One command: its words as written, and where its input comes from (``<``)."""

    words: tuple[Word, ...]
    reads: Word | None = None


@dataclass(frozen=True)
class Pipeline:
    """Commands that read one another; `negated` by ``!``."""

    commands: tuple[Command, ...]
    negated: bool = False


@dataclass(frozen=True)
class AndOr:
    """Pipelines joined by ``&&`` and ``||``."""

    first: Pipeline
    rest: tuple[tuple[str, Pipeline], ...] = ()


@dataclass(frozen=True)
class If:
    """Conditions with what is run where they hold; `otherwise` may be empty."""

    branches: tuple[tuple[Body, Body], ...]
    otherwise: Body


@dataclass(frozen=True)
class Loop:
    """``while``, ``until`` (with a condition) or ``for`` (with a name and words)."""

    name: str
    words: tuple[Word, ...]
    condition: Body
    body: Body


@dataclass(frozen=True)
class Case:
    """A word and the patterns it is compared with."""

    word: Word
    branches: tuple[tuple[tuple[Word, ...], Body], ...]


@dataclass(frozen=True)
class Group:
    """Braces or a subshell."""

    body: Body


@dataclass(frozen=True)
class Function:
    """A function that is defined here; it runs where it is called."""

    name: str
    body: Body


@dataclass(frozen=True)
class Lost:
    """From here on nothing was understood."""

    position: int


Command = Simple | If | Loop | Case | Group | Function | Lost
Body = tuple[AndOr, ...]
