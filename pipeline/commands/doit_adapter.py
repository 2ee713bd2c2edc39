"""Where doit and the pipeline meet: actions, up-to-date checks, and what the user sees of a run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from doit.exceptions import InvalidDodoFile, TaskFailed, UnmetDependency
from doit.reporter import ConsoleReporter
from doit.task import Task

from pipeline.commands.holding import hold_workspace
from pipeline.errors import MissingLibraryError, PipelineError
from pipeline.host.machine_faults import as_problem
from pipeline.host.progress import Progress

Result = TypeVar("Result")

# Of the commands that have something signed where the key is.
EMIT_OR_TAKE = (
    {
        "name": "emit",
        "short": "",
        "long": "emit",
        "type": str,
        "default": "",
        "help": "write what is to be signed into this directory, which must be empty or new",
    },
    {
        "name": "take",
        "short": "",
        "long": "take",
        "type": str,
        "default": "",
        "help": "take signatures back from this directory",
    },
)


# Of the task that builds everything; those it depends on are told by `Lines`, before the first runs.
PROGRESS = {
    "name": "progress",
    "long": "progress",
    "type": str,
    "default": "text",
    "choices": (("text", "for people only"), ("json", "JSON lines for programs too, on standard output")),
    "help": "how a release of base and deltas tells how far it is",
}


_INTERRUPTED = 128 + 2  # as a shell says of a program that SIGINT ended


def attempt(step: Callable[..., None], *arguments: object) -> TaskFailed | None:
    """Run one step as the action of a task.

    What a user can mend becomes a failed task with its line and remedy; a bug keeps its traceback. Nothing else is
    returned, because doit keeps what an action returns in its database.
    """
    try:
        hold_workspace()  # held already, unless somebody's own runner or command started this
        with Progress().running() as say:
            step(*arguments, say)
    except (PipelineError, MissingLibraryError) as error:
        return TaskFailed(str(error))
    except OSError as error:
        problem = as_problem(error)
        if problem is None:
            raise
        return TaskFailed(str(problem))
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; incomplete results were removed, complete ones were kept\n")
        raise SystemExit(_INTERRUPTED) from None
    return None


def action(step: Callable[..., None], *arguments: object) -> tuple[Callable[..., TaskFailed | None], list[object]]:
    """A doit action for a step; the step's last parameter is how it tells its progress."""
    return attempt, [step, *arguments]


def with_names(step: Callable[..., None], *arguments: object) -> Callable[..., TaskFailed | None]:
    """A doit action for a step that is told what the user named behind the task; its last but one parameter."""

    def act(names: list[str]) -> TaskFailed | None:
        return attempt(step, *arguments, tuple(names))

    return act


def with_progress_lines(step: Callable[..., None], *arguments: object) -> Callable[[], TaskFailed | None]:
    """A doit action for a step that tells programs how far it is, in its argument ``lines``, where that was asked."""

    def act() -> TaskFailed | None:
        return attempt(partial(step, lines=sys.stdout if Lines.for_programs else None), *arguments)

    return act


def when_asked(option: str, step: Callable[..., None], *arguments: object) -> Callable[..., TaskFailed | None]:
    """A doit action for a step that runs only with an option of the task."""

    def act(**options: object) -> TaskFailed | None:
        return attempt(step, *arguments) if options[option] else None

    return act


def unless_asked(option: str) -> Callable[[Task], bool]:
    """Up to date without the option: there is nothing to do then."""

    def uptodate(task: Task) -> bool:
        return not (task.options or {}).get(option)  # none where doit only shows the task

    return uptodate


def current(check: Callable[..., bool], *arguments: object) -> Callable[[], bool]:
    """An up-to-date check; an input that cannot be read counts as changed, so that the step itself reports it."""

    def uptodate() -> bool:
        try:
            return check(*arguments)
        except PipelineError:
            return False

    return uptodate


def load(read: Callable[..., Result], *arguments: object) -> Result:
    """Read something while ``dodo.py`` is loaded; doit prints the problem in one piece, without a traceback."""
    try:
        return read(*arguments)
    except (PipelineError, MissingLibraryError) as error:
        raise InvalidDodoFile(str(error)) from None


class Lines(ConsoleReporter):
    """What a run prints: one line for each task that works, problems as problem and remedy."""

    desc = "one line per task, problems with their remedy"
    for_programs = False
    """Whether the user asked for JSON lines; of the class, because worker processes have a reporter of their own."""

    def initialize(self, tasks: Mapping[str, Task], selected_tasks: Sequence[str]) -> None:
        """A run begins: options are read, nothing has been done."""
        super().initialize(tasks, selected_tasks)
        build = tasks.get("build")
        Lines.for_programs = build is not None and (build.options or {}).get("progress") == "json"
        if Lines.for_programs and "fleet" not in tasks:
            sys.stderr.write("--progress json: a release of whole images tells people only\n")

    def execute_task(self, task: Task) -> None:
        """A task starts."""
        if task.actions and not task.name.startswith("_"):
            self.write(f"{task.title()}\n")
            self.outstream.flush()

    def skip_uptodate(self, task: Task) -> None:
        """A task has nothing to do: worth a line only when it was asked for by name, which doit does not tell."""

    def _write_failure(self, result: Mapping[str, object], write_exception: bool = True) -> None:  # noqa: FBT001, FBT002 - doit's signature
        failure = result["exception"]
        task = result["task"]
        if isinstance(failure, UnmetDependency):
            return  # the task it depends on has been reported
        if not isinstance(failure, TaskFailed) or not isinstance(task, Task):
            super()._write_failure(result, write_exception)
            return
        sys.stdout.flush()
        sys.stderr.write(f"error in {task.name}\n{failure.get_msg().rstrip()}\n")
        sys.stderr.flush()

    def complete_run(self) -> None:
        """The run is over; problems were shown when they came up."""
        for message in self.runtime_errors:
            sys.stderr.write(f"error: {message}\n")


def options_first(arguments: Sequence[str], valued: Sequence[str]) -> list[str]:
    """Arguments of a command with its options moved to the front, where doit looks for them; ``--`` ends them.

    Args:
        valued: options that take the next argument as their value.
    """
    options: list[str] = []
    others: list[str] = []
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            return [*options, *others, *waiting]
        if not word.startswith("-") or word == "-":
            others.append(word)
            continue
        options.append(word)
        if word in valued and waiting:
            options.append(waiting.pop(0))
    return [*options, *others]


def as_typed(command: str, arguments: Sequence[str]) -> list[str]:
    """All words behind a command: doit takes away those with an equals sign, such as distinguished names."""
    if command in sys.argv[1:]:
        typed = sys.argv[sys.argv.index(command, 1) + 1 :]
        if [word for word in typed if word.startswith("-") or "=" not in word] == list(arguments):
            return typed
    return list(arguments)
