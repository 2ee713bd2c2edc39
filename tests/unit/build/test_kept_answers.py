"""Answers that are known already are read once for all gateways, and anew when there are others."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.build import asking, reading
from pipeline.formats import canonical_json
from pipeline.host.digests import write_atomically
from pipeline.host.workspace import Workspace
from pipeline.model.reader_answer import ReaderAnswer, ReaderVerdict


def _answer(message: str) -> ReaderAnswer:
    return ReaderAnswer("test.reader", "/etc/x", ReaderVerdict.YES, message, program="/bin/x", source="image")


def _keep(workspace: Workspace, base: str, **answers: str) -> None:
    told = {key: {**asking._json(_answer(message)), "gateway": "gw-1"} for key, message in answers.items()}
    write_atomically(workspace.answers, canonical_json.dumps({"key": base, "answers": told}), 0o600)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """One whose base has the key "base"."""
    monkeypatch.setattr(asking, "base_key", lambda _: "base")
    (tmp_path / ".build").mkdir()
    asking._kept.cache_clear()
    return Workspace(tmp_path)


def test_the_file_is_read_once_while_it_stays_the_same(workspace: Workspace) -> None:
    _keep(workspace, "base", one="well")
    for _ in range(5):
        known = asking._read_known(workspace)
        assert known["one"].answer.message == "well"
        known.clear()  # it is the caller's
    assert asking._kept.cache_info().misses == 1


def test_other_answers_are_seen(workspace: Workspace) -> None:
    assert asking._read_known(workspace) == {}
    _keep(workspace, "base", one="well")
    assert set(asking._read_known(workspace)) == {"one"}
    _keep(workspace, "base", one="well", two="well")
    assert set(asking._read_known(workspace)) == {"one", "two"}
    _keep(workspace, "another base", one="well")
    assert asking._read_known(workspace) == {}
    workspace.answers.write_bytes(b'{"key": "base", "answers": []}')
    assert asking._read_known(workspace) == {}


def test_a_gateway_has_its_place_in_the_inventory(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, object] = dict.fromkeys(("gw-b", "gw-a"))
    monkeypatch.setattr(reading, "gateways_of", lambda _: names)
    reading._positions_of.cache_clear()
    assert [reading.position_of(workspace, name) for name in ("gw-a", "gw-b")] == [1, 0]
    assert reading._positions_of.cache_info().misses == 1
    monkeypatch.undo()
    reading.forget_inputs()
    assert reading._positions_of.cache_info().currsize == 0
