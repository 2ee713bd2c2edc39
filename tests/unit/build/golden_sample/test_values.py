"""What was decided to stay with the golden sample is looked for in finished images; what travels is not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.build import reading
from pipeline.build.golden_sample import values as golden_values
from pipeline.classification.assemble import assemble, judge
from pipeline.classification.item import Decision, Key, Kind
from pipeline.classification.lock import Entry, Lock
from pipeline.classification.review import accepted
from pipeline.host.workspace import Workspace
from pipeline.model.golden import Export
from tests.support.golden import a_property, a_snapshot

PID = "org.eclipse.kura.core.db.H2DbServer"
COMMAND = "-tcp -tcpPort 9123 -tcpPassword Hidden-Value-77"
WORKSPACE = Workspace(Path("/nowhere"))


@pytest.mark.parametrize("decision", [Decision.STAYS, Decision.TRAVELS])
def test_a_secret_that_stays_must_be_nowhere(decision: Decision, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = a_snapshot(
        {
            PID: {
                "db.server.commandline": COMMAND,
                "db.password": a_property("db.password", "Password", "Hidden-Other-88"),
            }
        }
    )
    export = Export("5.5.0", {"snapshot_5.xml": snapshot}, {}, "golden", (), "Kura")
    items = judge(export)
    lock = accepted(items, Lock())
    entries = dict(lock.entries)
    for name in ("db.server.commandline", "db.password"):
        key = Key(Kind.PROPERTY, PID, name)
        assert entries[key].decision is Decision.UNDECIDED
        entries[key] = Entry(entries[key].sort, decision, "so")
    golden = assemble(export, items, Lock(entries))
    monkeypatch.setattr(golden_values, "judged", lambda *_: (export, items))
    monkeypatch.setattr(golden_values, "read_lock", lambda *_: Lock(entries))
    monkeypatch.setattr(reading, "release_of", lambda _: SimpleNamespace(golden="golden"))
    monkeypatch.setattr(reading, "golden_of", lambda _: golden)
    found = {one.value.decode() for one in golden_values._staying(WORKSPACE)}
    assert found == ({COMMAND, "Hidden-Other-88"} if decision is Decision.STAYS else set())
