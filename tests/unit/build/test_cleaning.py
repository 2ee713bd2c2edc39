"""``doit clean`` says what goes, takes nothing that people may have flashed, and can be tried first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.build import cleaning, reading
from pipeline.host.workspace import Workspace
from tests.support.release import a_release


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    made = Workspace(tmp_path)
    release = replace(a_release(), production=False)
    monkeypatch.setattr(reading, "release_of", lambda _: release)
    for path in (made.raw, made.facts, made.result(release.name, "gw-1") / "image.img"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return made


def test_a_trial_takes_nothing_and_says_what_would_go(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    result = workspace.result(a_release().name, "gw-1")
    cleaning.clean_result(workspace, "gw-1", dryrun=True)
    cleaning.clean_inspect(workspace, dryrun=True)
    assert (result / "image.img").exists()
    assert workspace.raw.exists()
    assert f"would go: out/{a_release().name}/gw-1" in capsys.readouterr().out


def test_what_goes_is_named(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    cleaning.clean_result(workspace, "gw-1", dryrun=False)
    assert not workspace.result(a_release().name, "gw-1").exists()
    assert f"goes: out/{a_release().name}/gw-1" in capsys.readouterr().out
    cleaning.clean_inspect(workspace, dryrun=False)
    assert not workspace.raw.exists()


def test_what_a_production_release_has_published_stays(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reading, "release_of", lambda _: replace(a_release(), production=True))
    cleaning.clean_result(workspace, "gw-1", dryrun=False)
    cleaning.clean_release(workspace, dryrun=False)
    assert (workspace.result(a_release().name, "gw-1") / "image.img").exists()
    assert "stays: out/" in capsys.readouterr().out
