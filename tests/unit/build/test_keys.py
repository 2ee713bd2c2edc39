"""What a step depends on: a decision that makes inspection read another file makes the facts old."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.build import keys, reading
from pipeline.host.workspace import Workspace
from pipeline.model.release import Bootloader
from tests.support.release import a_release


def test_facts_depend_on_what_is_read_besides_the_usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path)
    monkeypatch.setattr(reading, "vanilla_digest_of", lambda _: "a" * 64)
    found = set()
    release = replace(a_release(), layout="auto")
    for changed in (
        release,
        replace(release, layout="esf-5"),
        replace(release, vanilla_root="2"),
        replace(release, bootloader=Bootloader(environment="/boot/firmware/uboot.env")),
        replace(release, bootloader=Bootloader(environment="")),
    ):
        monkeypatch.setattr(reading, "release_of", lambda _, changed=changed: changed)
        found.add(keys.inspect_key(workspace))
    assert len(found) == 5
