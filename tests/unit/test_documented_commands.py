"""No command line of the documents without somebody who runs it; names of commands, tasks and modules are right."""

from __future__ import annotations

import importlib.util
import re
import tomllib

import pytest

from tests.support.documented import CHECKOUT, all_commands, commands_in
from tests.support.documented_walk import MODULES, STEPS, Needs
from tests.support.workspaces import doit

COMMANDS = all_commands()
BARE = re.compile(
    r"doit [a-z-]+( keys)?( (import|export|-[a-zA-Z]|--[a-z]+))?|(openssl|ssh-keygen|sh|sha256sum) \S+( -f)?"
)


def is_bare(line: str) -> bool:
    """Only names a command, with an option perhaps, in the middle of a sentence."""
    return BARE.fullmatch(line) is not None


def test_every_line_is_run_by_somebody() -> None:
    walked = {step.line for step in STEPS}
    left = [
        f"{places[0]}: {line}"
        for line, places in COMMANDS.items()
        if line not in walked and not is_bare(line) and not line.startswith(MODULES)
    ]
    assert left == []


def test_nothing_is_walked_that_no_document_has() -> None:
    assert [step.line for step in STEPS if step.line not in COMMANDS] == []


def test_steps_that_others_run_are_run_there() -> None:
    for step in STEPS:
        if step.needs is Needs.ELSEWHERE:
            assert (CHECKOUT / step.run).exists(), step


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("python -m ")])
def test_modules_are_there(line: str) -> None:
    assert importlib.util.find_spec(line.split()[2]) is not None


def test_names_of_commands_and_tasks_are_right() -> None:
    entry_points = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["entry-points"]["doit.COMMAND"]
    words = {*entry_points, "help"}
    listed = {line.split()[0] for line in doit(CHECKOUT, "list").stdout.splitlines()}
    named = {line.split()[1].partition(":")[0] for line in COMMANDS if line.startswith("doit ")}
    assert {name for name in named if name.isalpha()} - words - listed == set()


def test_what_counts_as_a_command_line(tmp_path: object) -> None:
    """The reader itself: comments, continued lines, blocks of other languages."""
    assert isinstance(tmp_path, type(CHECKOUT))
    page = tmp_path / "page.md"
    page.write_text(
        "Type `doit plan GATEWAY` or `doit`.\n\n"
        "    doit verify \\\n        --deep out     # everything\n\n"
        "```\n$ ./ci/bootstrap doit list\nbase   Build\n```\n"
        "```toml\ndoit = 1\n```\n"
    )
    assert [line for _, line in commands_in(page)] == ["doit plan GATEWAY", "doit verify --deep out", "doit list"]
