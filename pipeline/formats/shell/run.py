"""What is known while a shell script is followed, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pipeline.formats.shell.expansion import Variables
from pipeline.formats.shell.structure import Body

ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
# Commands that run the command they are given.
BEFORE = {"exec", "command", "nohup", "setsid", "time", "builtin", "sudo", "env", "nice", "ionice", "start-stop-daemon"}


@dataclass(frozen=True)
class Ran:
    """One command.

    Attributes:
        words: program and arguments, expanded; `UNKNOWN` stands for what cannot be known.
        reads: the file it reads by ``<`` or from ``cat``; empty when none.
        certain: it runs whatever happens.
        path: the script it stands in.
        line: from 1.
    """

    words: tuple[str, ...]
    reads: str
    certain: bool
    path: str
    line: int

    @property
    def program(self) -> str:
        """The last name of the program's path."""
        return self.words[0].rpartition("/")[2] if self.words else ""


@dataclass(frozen=True)
class System:
    """What a trace may ask about the system the script runs on.

    Attributes:
        script: the text of a file, or None where there is none or nobody read it.
        exists: whether there is a file (``f``), a directory (``d``), anything (``e``), a program (``x``).
    """

    script: Callable[[str], str | None]
    exists: Callable[[str, str], bool | None]


@dataclass
class Run:
    """A script on its way.

    Attributes:
        certain: what comes next runs in any case.
        found: the commands so far, of all scripts together.
        stopped: ``exit`` or ``return``, where nothing more of this text runs.
        may_have_exited: an ``exit`` was passed that may or may not have been run.
    """

    system: System
    variables: Variables
    path: str
    text: str
    certain: bool = True
    found: list[Ran] = field(default_factory=list)
    functions: dict[str, Body] = field(default_factory=dict)
    depth: int = 0
    stopped: str = ""
    may_have_exited: bool = False


def numbered(arguments: Sequence[str]) -> dict[str, str]:
    """The variables a script gets for its arguments."""
    return {
        **{str(number): word for number, word in enumerate(arguments, 1)},
        "#": str(len(arguments)),
        "@": " ".join(arguments),
        "*": " ".join(arguments),
    }


def after_prefix(words: list[str]) -> list[str]:
    """The command that a command of `BEFORE` runs; nothing when it runs none."""
    name, rest = words[0].rpartition("/")[2], words[1:]
    if name == "start-stop-daemon":
        after = rest.index("--") + 1 if "--" in rest else len(rest)
        for option in ("--exec", "-x", "--startas", "-a"):
            if option in rest[: after - 1] and "--stop" not in rest:
                return [rest[rest.index(option) + 1], *rest[after:]]
        return []
    while rest and (rest[0].startswith("-") or ASSIGNMENT.match(rest[0])):
        rest = rest[1:]
    return rest
