"""Gateways of a release are compared also when each was verified in another run."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.build import reading
from pipeline.build.checks import comparing
from pipeline.build.checks.comparing import OWN, clones_of_published, compare_release, own_note
from pipeline.errors import PipelineError
from pipeline.host.records import write_record
from pipeline.host.workspace import Workspace
from pipeline.verification.own_values import OwnValue
from pipeline.verification.uniqueness import Uniqueness


@pytest.fixture(autouse=True)
def _a_golden_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    values = (
        OwnValue("machine id", "/etc/machine-id", b"9" * 32, secret=False),
        OwnValue("host name", "/etc/hostname", b"golden", secret=False),
        OwnValue("password of a service", "snapshot_0.xml apn", b"shared", own=False),
    )
    monkeypatch.setattr(comparing, "golden_values", lambda workspace: values)


def published(workspace: Workspace, name: str, machine_id: bytes, passphrase: bytes = b"shared") -> None:
    """A gateway published in a run of its own."""
    known = Uniqueness()
    values = [OwnValue("machine id", "/etc/machine-id", machine_id, secret=False),
              OwnValue("password of a service", "snapshot_0.xml apn", passphrase, own=False)]  # fmt: skip
    known.add(name, values)
    write_record(workspace.record(f"publish-{name}"), "key", (), notes={OWN: own_note(workspace, known, name)})


def test_a_clone_of_another_run_is_named_with_both(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for name, machine_id in (("gw-a", b"1" * 32), ("gw-b", b"2" * 32), ("gw-c", b"1" * 32)):
        published(workspace, name, machine_id)
    with pytest.raises(PipelineError) as caught:
        compare_release(workspace, ("gw-a", "gw-b", "gw-c"))
    assert [problem.what for problem in caught.value.problems] == [
        "gw-a: /etc/machine-id: the same in gw-c (/etc/machine-id); wanted: machine id of gw-a alone",
        "gw-c: /etc/machine-id: the same in gw-a (/etc/machine-id); wanted: machine id of gw-c alone",
    ]


def test_what_differs_and_what_is_shared_is_told(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    published(workspace, "gw-a", b"1" * 32)
    published(workspace, "gw-b", b"2" * 32)
    assert compare_release(workspace, ("gw-a", "gw-b")) == (
        "2 gateways compared: machine id differ in all",
        "shared by policy: password of a service (2 gateways)",
        "nothing of the golden sample in any of them",
    )
    assert compare_release(workspace, ("gw-a",)) == ()


def test_a_record_tells_no_value_and_no_digest_of_one(tmp_path: Path) -> None:
    one, two = Workspace(tmp_path / "one"), Workspace(tmp_path / "two")
    for workspace in (one, two):
        published(workspace, "gw-a", b"1" * 32)
    contents = [workspace.record("publish-gw-a").read_bytes() for workspace in (one, two)]
    assert contents[0] != contents[1]  # each workspace has a key of its own
    assert not any(b"1" * 32 in content or b"shared" in content for content in contents)


def test_who_has_something_of_the_golden_sample_is_no_gateway(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    published(workspace, "gw-a", b"9" * 32)
    with pytest.raises(PipelineError) as caught:
        compare_release(workspace, ("gw-a",))
    assert [problem.what for problem in caught.value.problems] == [
        "gw-a: /etc/machine-id: the same in the golden sample (/etc/machine-id); wanted: machine id of gw-a alone"
    ]


def test_a_gateway_is_compared_with_the_published_ones_before_it_joins_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    monkeypatch.setattr(reading, "gateways_of", lambda workspace: {"gw-a": 0, "gw-b": 0, "gw-c": 0, "gw-new": 0})
    published(workspace, "gw-a", b"1" * 32)
    published(workspace, "gw-b", b"2" * 32)
    fresh = Uniqueness()
    for name, machine_id, host in (
        ("gw-b", b"1" * 32, b"b"),
        ("gw-c", b"3" * 32, b"golden"),
        ("gw-new", b"4" * 32, b"n"),
    ):
        fresh.add(
            name,
            (
                OwnValue("machine id", "/etc/machine-id", machine_id, secret=False),
                OwnValue("host name", "/etc/hostname", host, secret=False),
            ),
        )
    found = clones_of_published(workspace, fresh, ("gw-b", "gw-c", "gw-new"))
    assert [problem.what for problem in found["gw-b"]] == [
        "gw-b: /etc/machine-id: the same in gw-a (/etc/machine-id); wanted: machine id of gw-b alone"
    ]
    assert "the same in the golden sample" in found["gw-c"][0].what
    assert found["gw-new"] == ()
