"""When the demo makes its Debian root file system, and what it asks of mmdebstrap."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.demo.rootfs import Init, debian_rootfs
from pipeline.errors import PipelineError
from pipeline.host import tools

EPOCH = 1_700_000_000


class Host:
    """A host on which programs only write down that they were run."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, ...]] = []
        self.version = "1.0"
        self.failing: set[str] = set()
        self.environment: dict[str, str] = {}

    def run(self, program: str, *arguments: str | Path, **options: object) -> tools.Finished:
        words = tuple(str(argument) for argument in arguments)
        self.runs.append((program, *words))
        if program in self.failing and not options.get("ok"):
            raise PipelineError(f"{program}: failed", "none")
        if program == "mmdebstrap":
            environment = options["env"]
            assert isinstance(environment, dict)
            self.environment = environment
            Path(words[-2]).write_bytes(b"tar")
        if program == "apt-cache":
            text = "".join(f"{name}:\n  Installed: (none)\n  Candidate: {self.version}\n" for name in words[1:])
            return tools.Finished(0, text.encode(), b"")
        return tools.Finished(1 if program in self.failing else 0, b"", b"Operation not permitted")

    def count(self, program: str) -> int:
        return sum(run[0] == program for run in self.runs)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    made = Host()
    monkeypatch.setattr(tools, "run", made.run)
    return made


def make(work: Path, *, epoch: int = EPOCH, init: Init = "sysv", say: Callable[[str], None] = lambda _: None) -> Path:
    return debian_rootfs(work, epoch=epoch, init=init, progress=say)


def test_it_is_made_once(host: Host, tmp_path: Path) -> None:
    lines: list[str] = []
    first = make(tmp_path, say=lines.append)
    second = make(tmp_path, say=lines.append)
    assert first == second
    assert host.count("mmdebstrap") == 1
    assert "mmdebstrap" in lines[0]
    assert "already there" in lines[1]
    assert host.environment["SOURCE_DATE_EPOCH"] == str(EPOCH)


@pytest.mark.parametrize("change", ["version", "epoch", "init"])
def test_it_is_made_anew_and_the_old_one_goes_when_something_changes(host: Host, tmp_path: Path, change: str) -> None:
    first = make(tmp_path)
    if change == "version":
        host.version = "1.1"
    second = make(tmp_path, epoch=EPOCH + (change == "epoch"), init="systemd" if change == "init" else "sysv")
    assert second != first
    assert not first.exists()
    assert host.count("mmdebstrap") == 2


def test_a_failure_leaves_no_archive(host: Host, tmp_path: Path) -> None:
    host.failing = {"mmdebstrap"}
    with pytest.raises(PipelineError):
        make(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["init.d"]


def test_who_may_not_make_one_is_told_what_to_do(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    host.failing = {"unshare"}
    with pytest.raises(PipelineError, match="Operation not permitted") as caught:
        make(tmp_path)
    assert "uidmap" in caught.value.problems[0].remedy
    assert host.count("mmdebstrap") == 0


@pytest.mark.parametrize(
    ("uid", "may_mount", "expected"),
    [(0, True, "--mode=root"), (0, False, "--skip=check/canmount"), (1000, True, "--mode=unshare")],
)
def test_mode_is_chosen_by_what_this_user_may(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, may_mount: bool, expected: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    host.failing = set() if may_mount else {"unshare"}
    make(tmp_path)
    command = next(run for run in host.runs if run[0] == "mmdebstrap")
    assert expected in command
    assert ("--skip=check/canmount" in command) == (expected == "--skip=check/canmount")
