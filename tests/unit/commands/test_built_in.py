"""doit as people type it: options anywhere, help anywhere, and one build in a workspace whatever the reporter is."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from doit.cmd_base import CmdOption  # type: ignore[attr-defined]
from doit.cmd_run import Run
from doit.cmdparse import CmdParse

from pipeline.commands.built_in import options_before_names
from tests.support.workspaces import CHECKOUT, doit

_PARSER = CmdParse([CmdOption(option) for option in Run.cmd_options])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("build -n 2", "-n 2 build"),
        ("build -n2 image:gw", "-n2 build image:gw"),
        ("build --process=2", "--process=2 build"),
        ("build --process 2 -a", "--process 2 -a build"),
        ("-n 2 build", "-n 2 build"),
        ("build --twice", "build --twice"),
        ("test -- -n 2 -a", "test -- -n 2 -a"),
        ("build -c -- -a", "-c build -- -a"),
        ("build -n", "-n build"),
        ("build -", "build -"),
        ("", ""),
    ],
)
def test_options_stand_where_people_put_them(typed: str, meant: str) -> None:
    assert options_before_names(typed.split(), _PARSER) == meant.split()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("workspace")
    for name in ("dodo.py", "gateway.toml", "golden.lock", "devices.toml", "overlays", "keys", "golden"):
        (place / name).symlink_to(CHECKOUT / name)
    return place


@pytest.fixture
def held(workspace: Path) -> Iterator[Path]:
    """The workspace while another process has it."""
    (workspace / ".build").mkdir(exist_ok=True)
    lock = os.open(workspace / ".build/lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    yield workspace
    os.close(lock)


@pytest.mark.parametrize(
    "typed",
    [
        "build", "run -r console build", "run -r json build", "run -r zero -a build", "-n 2 -P thread build",
        "build -n 2", "run -s base", "clean", "manifest --take nowhere",
    ],
)  # fmt: skip
def test_a_workspace_in_use_is_in_use_for_everybody(held: Path, typed: str) -> None:
    ran = doit(held, *typed.split())
    assert ran.status in (2, 3)
    assert "this workspace is in use by" in ran.text
    assert "Traceback" not in ran.text


def test_what_only_looks_goes_on_meanwhile(held: Path) -> None:
    assert doit(held, "list").status == 0


@pytest.mark.parametrize(
    "command",
    [
        "verify", "plan", "audit", "diff", "explain", "doctor", "keys", "secrets", "bundles", "manifest", "golden",
        "capture", "boottest", "run", "clean", "list", "info", "forget", "ignore", "reset-dep",
    ],
)  # fmt: skip
def test_help_is_printed_wherever_it_is_asked_for(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    from doit.doit_cmd import DoitMain  # noqa: PLC0415 - what it knows depends on what is installed

    assert DoitMain().run([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("PURPOSE")
    assert f" {command}" in shown


def test_an_unknown_option_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    from doit.doit_cmd import DoitMain  # noqa: PLC0415

    assert DoitMain().run(["verify", "--frobnicate"]) == 3
    assert capsys.readouterr().err == (
        "doit verify: option --frobnicate not recognized\n  fix: doit help verify shows its options\n"
    )


def test_a_task_has_help_too(workspace: Path) -> None:
    ran = doit(workspace, "build", "--help")
    assert ran.status == 0
    assert "Build, sign and verify" in ran.stdout
