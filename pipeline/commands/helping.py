"""``--help`` behind any command, and parsing errors without the inside of doit's parser."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from doit.cmd_base import Command
from doit.cmdparse import CmdParseError
from doit.doit_cmd import DoitMain


class Helping(Command):
    """The first base of every command."""

    def parse_execute(self, in_args: Sequence[str]) -> int:
        """Print help where it is asked for, wherever the option stands; else as doit does it."""
        words = list(in_args)
        asked = words[: words.index("--")] if "--" in words else words
        if "--help" in asked or ("-h" in asked and self.cmdparser.get_option("-h")[0] is None):
            return self._help([word for word in asked if not word.startswith("-")])
        try:
            result: Any = super().parse_execute(words)
        except CmdParseError as error:
            sys.stderr.write(f"doit {self.name}: {_reason(error)}\n  fix: doit help {self.name} shows its options\n")
            return 3
        return int(result or 0)

    def _help(self, names: Sequence[str]) -> int:
        if self.name == "run" and names:  # of a task: doit build --help
            return int(DoitMain().run(["help", names[0]]) or 0)
        sys.stdout.write(f"{self.help()}\n")
        return 0


def _reason(error: CmdParseError) -> str:
    return str(error).partition(" (parsing options")[0].removeprefix("Error parsing Command: ")
