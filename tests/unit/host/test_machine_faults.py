"""A full or failing disk ends a step in one line; what may be a bug keeps its traceback."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from doit.exceptions import TaskFailed

from pipeline.commands import doit_adapter
from pipeline.commands.answering import or_say_why
from pipeline.host.digests import write_atomically
from pipeline.host.machine_faults import as_problem


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doit_adapter, "hold_workspace", lambda: None)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO])
def test_a_disk_that_is_full_while_signing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], free: None, number: int
) -> None:
    def full(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    def step(say: object = None) -> int:
        write_atomically(tmp_path / "manifest.json.sig", b"x", 0o644)
        return 0

    monkeypatch.setattr(os, "fsync", full)
    failed = doit_adapter.attempt(step)
    assert isinstance(failed, TaskFailed)
    assert f"manifest.json.sig: {os.strerror(number)}\n  fix: " in failed.get_msg()
    assert or_say_why(step) == 2
    assert capsys.readouterr().err.count("\n") >= 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.tools
def test_the_real_thing_says_so() -> None:
    """/dev/full answers as a full disk does."""
    with pytest.raises(OSError) as caught, Path("/dev/full").open("wb", buffering=0) as stream:
        stream.write(b"x")
    assert as_problem(caught.value) is not None


def test_a_bug_is_none(free: None) -> None:
    assert as_problem(FileNotFoundError(errno.ENOENT, "no such file", "x")) is None

    def step(say: object) -> None:
        raise FileNotFoundError(errno.ENOENT, "no such file", "x")

    with pytest.raises(FileNotFoundError):
        doit_adapter.attempt(step)
