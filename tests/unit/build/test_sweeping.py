"""What a killed build left behind goes before the next begins; what people put there stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.build import sweeping
from pipeline.host.records import write_record
from pipeline.host.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    found = Workspace(tmp_path)
    found.make_state()
    monkeypatch.setattr(sweeping, "_results_of", lambda _: found.results("r"))
    return found


def _plant(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"secret")
    return path


STRAYS = (
    ".build/appliance/stamp-abc/content-3",
    ".build/appliance/verify-abc/0.img",
    ".build/candidates/gw-1/.manifest.json.123.new",
    ".build/candidates/gw-2/image.img",
    ".build/candidates/.gw-1.old/image.img",
    ".build/fleet/candidates/.gw-1.placing/delta.zst",
    ".build/staging/.SHA256SUMS.123.new",
    ".build/records/.base.json.77.new",
    ".build/base/base.growing",
    ".build/.fingerprint.key.8.new",
    "out/r/.SHA256SUMS.123.new",
    "out/r/gw-1/.image.img.123.new",
    "out/.publishing/gw-1/image.img",
    "out/r/.publishing/gw-1/image.img",
)
KEPT = (
    ".build/base/base.img",
    ".build/candidates/gw-1/image.img",
    "out/r/gw-1/image.img",
    "out/r/notes.txt",
    "out/r/.hidden",
    "out/r/people/.notes.new",
    "out/r/gw-1/.DS_Store",
)


def test_strays_go_and_nothing_else(workspace: Workspace) -> None:
    for name in (*STRAYS, *KEPT):
        _plant(workspace.root / name)
    write_record(workspace.record("stamp-gw-1"), "key", [workspace.candidate("gw-1") / "image.img"])
    sweeping.sweep(workspace)
    assert [name for name in STRAYS if (workspace.root / name).exists()] == []
    assert [name for name in KEPT if not (workspace.root / name).exists()] == []
    assert not list((workspace.state / "appliance").glob("*-*"))


@pytest.mark.parametrize(
    "place", [".build/candidates", ".build/fleet/candidates", "out/.publishing", "out/r/.publishing"]
)
def test_a_gateway_that_had_gone_aside_comes_back(workspace: Workspace, place: str) -> None:
    _plant(workspace.root / place / "gw-1.leaving" / "image.img")
    workspace.results("r").mkdir(parents=True, exist_ok=True)
    sweeping.sweep(workspace)
    assert (workspace.root / "out/r/gw-1/image.img").exists()


def test_one_that_was_replaced_goes(workspace: Workspace) -> None:
    _plant(workspace.root / ".build/candidates/gw-1.leaving/image.img")
    _plant(workspace.root / "out/r/gw-1/image.img").write_bytes(b"new")
    sweeping.sweep(workspace)
    assert (workspace.root / "out/r/gw-1/image.img").read_bytes() == b"new"
    assert not (workspace.root / ".build/candidates/gw-1.leaving").exists()


def test_a_workspace_without_state_has_nothing_to_sweep(tmp_path: Path) -> None:
    sweeping.sweep(Workspace(tmp_path))
    assert list(tmp_path.iterdir()) == []
