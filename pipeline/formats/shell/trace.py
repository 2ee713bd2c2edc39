"""What a shell script would run, followed without running anything: variables, branches, functions, other scripts.

Every command is told with how sure that is: whether it runs in any case, or only where something holds that cannot be
seen here. A value nobody can know here is `UNKNOWN`; so is a script that was not read. Comments, texts that are printed
and functions nobody calls are not run, and are not told.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from pipeline.formats.shell import conditions
from pipeline.formats.shell.expansion import UNKNOWN, Variables, expanded, fields
from pipeline.formats.shell.run import ASSIGNMENT, BEFORE, Ran, Run, System, after_prefix, numbered
from pipeline.formats.shell.structure import (
    AndOr,
    Body,
    Case,
    Command,
    Function,
    Group,
    If,
    Loop,
    Lost,
    Pipeline,
    Simple,
)
from pipeline.formats.shell.syntax import parse as parsed
from pipeline.formats.shell.words import Word

_SHELLS = {"sh", "bash", "dash", "ash", "busybox"}
_EXPORTS = {"export", "readonly", "local", "declare", "typeset"}
_DEEPEST = 12
_LONGEST = 4000
"""Commands of one trace; a script that runs more is not followed further."""


def trace(
    path: str, system: System, arguments: Sequence[str] = (), variables: Mapping[str, str] | None = None
) -> tuple[Ran, ...]:
    """The commands of a script in the order they would run; one it calls follows where it is called.

    A script that is not read is told as a command with `UNKNOWN` for its only word.
    """
    text = system.script(path)
    if text is None:
        return (Ran((UNKNOWN,), "", certain=True, path=path, line=0),)
    given = Variables({**(variables or {}), "0": path, **numbered(arguments)})
    run = Run(system, given, path, text)
    _body(run, parsed(text))
    return tuple(run.found)


def trace_line(
    command: str, path: str, line: int, system: System, variables: Mapping[str, str] | None = None
) -> tuple[Ran, ...]:
    """The same of one command line that stands in another file, such as a unit or inittab."""
    run = Run(system, Variables({**(variables or {}), "0": "sh"}), path, command)
    _body(run, parsed(command))
    return tuple(replace(item, line=line) if item.path == path else item for item in run.found)


def _body(run: Run, body: Body) -> bool | None:
    status: bool | None = True
    for item in body:
        if run.stopped or len(run.found) > _LONGEST:
            return status
        status = _and_or(run, item)
    return status


def _and_or(run: Run, item: AndOr) -> bool | None:
    status = _pipeline(run, item.first)
    for operator, following in item.rest:
        if run.stopped:
            return status
        goes_on = status if operator == "&&" else None if status is None else not status
        if goes_on is True:
            status = _pipeline(run, following)
        elif goes_on is None:
            _perhaps(run, partial(_pipeline, run, following))
            status = None
    return status


def _perhaps(run: Run, go: Callable[[], object]) -> None:
    """Something that runs only where what cannot be seen holds: what it sets may be, and where it stops, may not."""
    before, certain = dict(run.variables.known), run.certain
    run.certain = False
    go()
    stopped, run.stopped = run.stopped, ""
    # After a branch that may have ended the script, the rest runs only perhaps.
    run.certain = certain and not stopped
    run.may_have_exited = run.may_have_exited or stopped == "exit"
    for name in {*before, *run.variables.known}:
        if before.get(name) != run.variables.known.get(name):
            run.variables.known[name] = before.get(name, UNKNOWN) if stopped else UNKNOWN


def _pipeline(run: Run, item: Pipeline) -> bool | None:
    given = ""
    status: bool | None = None
    for command in item.commands:
        if isinstance(command, Simple):
            words = _words(run, command)
            source = _input(run, command) or given
            given = words[1] if len(words) == 2 and words[0].rpartition("/")[2] == "cat" else ""
            status = _simple(run, command, words, source)
        else:
            status = _compound(run, command)
    if item.negated:
        return None if status is None else not status
    return status


def _compound(run: Run, command: Command) -> bool | None:
    if isinstance(command, Lost):
        run.found.append(Ran((UNKNOWN,), "", run.certain, run.path, _line(run, command.position)))
        run.stopped = "exit"
    elif isinstance(command, Function):
        run.functions[command.name] = command.body
        return True
    elif isinstance(command, Group):
        return _body(run, command.body)
    elif isinstance(command, If):
        return _if(run, command)
    elif isinstance(command, Loop):
        _loop(run, command)
    elif isinstance(command, Case):
        _case(run, command)
    return None


def _if(run: Run, command: If) -> bool | None:
    undecided = False
    for test, body in command.branches:
        holds = _body(run, test)
        if run.stopped:
            return None
        if holds is True and not undecided:
            return _body(run, body)
        if holds is not False:
            _perhaps(run, partial(_body, run, body))
            undecided = True
    if undecided:
        _perhaps(run, partial(_body, run, command.otherwise))
        return None
    return _body(run, command.otherwise)


def _loop(run: Run, command: Loop) -> None:
    if command.name:
        values = [value for word in command.words for value in fields(run.text, word, run.variables)]
        if not values or len(values) > 50 or any(UNKNOWN in value for value in values):
            run.variables.known[command.name] = UNKNOWN
            _perhaps(run, partial(_body, run, command.body))
            return
        for value in values:
            run.variables.known[command.name] = value
            _body(run, command.body)
        return
    holds = _body(run, command.condition)
    if holds is not False:
        _perhaps(run, partial(_body, run, command.body))


def _case(run: Run, command: Case) -> None:
    value = expanded(run.text, command.word, run.variables)
    for patterns, body in command.branches:
        for word in patterns:
            pattern = expanded(run.text, word, run.variables)
            if UNKNOWN in value or UNKNOWN in pattern:
                _perhaps(run, partial(_body, run, body))
                break
            if conditions.matches(value, pattern):
                _body(run, body)
                return


def _words(run: Run, command: Simple) -> list[str]:
    return [value for word in command.words for value in fields(run.text, word, run.variables)]


def _input(run: Run, command: Simple) -> str:
    return expanded(run.text, command.reads, run.variables) if command.reads is not None else ""


def _simple(run: Run, command: Simple, words: list[str], source: str) -> bool | None:
    at = _line(run, command.words[0].start) if command.words else 0
    rest = _assigned(run, command, words)
    while rest and rest[0].rpartition("/")[2] in BEFORE:
        rest = after_prefix(rest)
    if not rest:
        return True
    name = rest[0].rpartition("/")[2]
    if name in run.functions:
        return _called(run, run.functions[name], rest[1:])
    if name in ("[", "test", "[[", "true", ":", "false"):
        return conditions.holds(rest, run.system.exists)
    if name in ("exit", "return"):
        run.stopped = name
        return None
    if name in ("source", "."):
        return _sourced(run, rest[1] if len(rest) > 1 else "", at)
    if name == "eval":
        inner = replace(run, text=" ".join(rest[1:]))
        _body(inner, parsed(inner.text))
        run.stopped = inner.stopped
        return None
    run.found.append(Ran(tuple(rest), source, run.certain, run.path, at))
    _other_script(run, rest)
    return None


def _assigned(run: Run, command: Simple, words: list[str]) -> list[str]:
    """Takes the assignments before a command, or of an export, into account; the words that are left."""
    values: dict[str, str] = {}
    number = 0
    exports = bool(words) and words[0] in _EXPORTS
    for word in command.words[1:] if exports else command.words:
        raw = run.text[word.start : word.end]
        if not ASSIGNMENT.match(raw):
            if not exports:
                break
            continue
        name, _, _ = raw.partition("=")
        value = expanded(run.text, Word(word.start + len(name) + 1, word.end, ""), run.variables)
        old = run.variables.known.get(name.rstrip("+"), "")
        values[name.rstrip("+")] = old + value if name.endswith("+") else value
        run.variables.known.update(values)
        number += 1
    if exports:
        return []
    return [value for word in command.words[number:] for value in fields(run.text, word, run.variables)]


def _called(run: Run, body: Body, arguments: Sequence[str]) -> bool | None:
    if run.depth >= _DEEPEST:
        return None
    saved = {name: value for name, value in run.variables.known.items() if name.isdigit() or name in "#@*"}
    run.variables.known.update(numbered(arguments))
    certain, run.depth = run.certain, run.depth + 1
    status = _body(run, body)
    run.depth -= 1
    _returned(run, certain)
    run.variables.known.update(saved)
    return status


def _returned(run: Run, certain: bool) -> None:  # noqa: FBT001 - what was so before
    """Back from a function or a sourced file: ``return`` ends only that."""
    if run.stopped == "return":
        run.stopped = ""
    if not run.may_have_exited:
        run.certain = certain


def _sourced(run: Run, path: str, at: int) -> bool | None:
    text = run.system.script(path) if UNKNOWN not in path else None
    if text is None:
        if UNKNOWN in path or run.system.exists("f", path) is not False:
            run.found.append(Ran((UNKNOWN, path), "", run.certain, run.path, at))
        return None
    if run.depth >= _DEEPEST:
        return None
    certain = run.certain
    inner = replace(run, text=text, path=path, depth=run.depth + 1)
    _body(inner, parsed(text))
    run.stopped, run.certain, run.may_have_exited = inner.stopped, inner.certain, inner.may_have_exited
    _returned(run, certain)
    return None


def _other_script(run: Run, words: list[str]) -> None:
    """Follows a command that is a script itself, or a shell that is given one."""
    name, rest = words[0].rpartition("/")[2], words[1:]
    if name in _SHELLS:
        if name == "busybox":
            rest = rest[1:]
        if rest[:1] and re.fullmatch(r"-\w*c", rest[0]):
            if len(rest) > 1:
                inner = replace(
                    run, text=rest[1], variables=Variables({**_environment(run), "0": name, **numbered(rest[3:])})
                )
                _body(inner, parsed(rest[1]))
            return
        while rest and rest[0].startswith("-"):
            rest = rest[1:]
        if not rest:
            return
        words = rest
    path = posixpath.normpath(words[0]) if words[0].startswith("/") else words[0]
    if UNKNOWN in path or run.depth >= _DEEPEST:
        if UNKNOWN in path:
            run.found.append(Ran((UNKNOWN, path), "", run.certain, run.path, 0))
        return
    text = run.system.script(path) if path.startswith("/") else None
    if text is None:
        if path.startswith("/") and run.system.exists("f", path) and name in _SHELLS:
            run.found.append(Ran((UNKNOWN, path), "", run.certain, run.path, 0))
        return
    inner = Run(
        run.system,
        Variables({**_environment(run), "0": path, **numbered(words[1:])}),
        path,
        text,
        run.certain,
        run.found,
        depth=run.depth + 1,
    )
    _body(inner, parsed(text))


def _environment(run: Run) -> dict[str, str]:
    """What a script it calls may see; more than is exported, which only makes more known."""
    return {name: value for name, value in run.variables.known.items() if not name.isdigit()}


def _line(run: Run, position: int) -> int:
    return run.text.count("\n", 0, position) + 1
