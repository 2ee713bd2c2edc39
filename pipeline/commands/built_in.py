"""doit's own commands, as people expect them: options behind names too, ``--help``, one workspace for one run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, cast

from doit.cmd_clean import Clean
from doit.cmd_dumpdb import DumpDB
from doit.cmd_forget import Forget
from doit.cmd_ignore import Ignore
from doit.cmd_info import Info
from doit.cmd_list import List
from doit.cmd_resetdep import ResetDep
from doit.cmd_run import Run
from doit.cmdparse import CmdParse, CmdParseError
from doit.exceptions import InvalidCommand

from pipeline.commands.helping import Helping
from pipeline.commands.holding import hold_workspace, release_workspace
from pipeline.errors import PipelineError


def options_before_names(arguments: Sequence[str], parser: CmdParse) -> list[str]:
    """Options of a command that stand behind names of tasks, moved to the front, where doit looks for them.

    What the command does not know is left in its place: it may be an option of the task before it. ``--`` ends them.
    """
    front: list[str] = []
    rest: list[str] = []
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            rest += [word, *waiting]
            break
        option, valued, attached = _option(word, parser)
        if option is None:
            rest.append(word)
            continue
        front.append(word)
        if valued and not attached and waiting:
            front.append(waiting.pop(0))
    return [*front, *rest]


def _option(word: str, parser: CmdParse) -> tuple[Any, bool, bool]:
    """The option a word is, whether it takes a value, and whether the value is in the word."""
    name, equals, _ = word.partition("=")
    if word.startswith("--"):
        option, _ = parser.get_option(name)
        return option, option is not None and option.type is not bool, bool(equals)
    if word.startswith("-") and len(word) > 1:
        option, _ = parser.get_option(word[:2])
        return option, option is not None and option.type is not bool, len(word) > 2
    return None, False, False


def _same_options(execute: Callable[..., int]) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """doit asks a command which options it wants by the names of its parameters."""

    def mark(method: Callable[..., int]) -> Callable[..., int]:
        cast(Any, method).__signature__ = inspect.signature(execute)
        return method

    return mark


class RunTasks(Helping, Run):
    """``doit run``, and what is run without a command."""

    name = "run"

    def parse_execute(self, in_args: Sequence[str]) -> int:
        """As doit does it, with options behind the names of tasks as well."""
        return int(super().parse_execute(options_before_names(in_args, self.cmdparser)))

    @_same_options(Run._execute)
    def _execute(self, **options: object) -> int:
        """Hold the workspace before workers are forked; a run whose tasks do not touch it goes without."""
        tasks = {task.name: task for task in self.task_list}
        first = tasks.get((self.sel_tasks or [""])[0])
        if first is None or not (first.meta or {}).get("unlocked"):
            _hold()
        try:
            return int(super()._execute(**options) or 0)
        except CmdParseError as error:
            raise InvalidCommand(_short(error)) from None
        finally:
            release_workspace()


class CleanTasks(Helping, Clean):
    """``doit clean``: not while a build works."""

    name = "clean"

    def parse_execute(self, in_args: Sequence[str]) -> int:
        """As doit does it, with options behind the names of tasks as well."""
        return int(super().parse_execute(options_before_names(in_args, self.cmdparser)) or 0)

    @_same_options(Clean._execute)
    def _execute(self, **options: object) -> int:
        _hold()
        try:
            return int(super()._execute(**options) or 0)
        finally:
            release_workspace()


def _hold() -> None:
    try:
        hold_workspace()
    except PipelineError as error:
        raise InvalidCommand(str(error)) from None


def _short(error: CmdParseError) -> str:
    """doit's text shows the inside of its parser."""
    return str(error).partition(" (parsing options")[0]


class ListTasks(Helping, List):
    """``doit list``."""

    name = "list"


class InfoTask(Helping, Info):
    """``doit info``."""

    name = "info"


class ForgetTasks(Helping, Forget):
    """``doit forget``."""

    name = "forget"


class IgnoreTasks(Helping, Ignore):
    """``doit ignore``."""

    name = "ignore"


class ResetDependencies(Helping, ResetDep):
    """``doit reset-dep``."""

    name = "reset-dep"


class DumpDatabase(Helping, DumpDB):
    """``doit dumpdb``."""

    name = "dumpdb"
