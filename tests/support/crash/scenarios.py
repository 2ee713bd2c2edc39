"""What is interrupted: builds, publications, and whatever else writes records, results or secrets."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from pipeline.build import cleaning, reading
from pipeline.commands import holding
from pipeline.host.workspace import Workspace
from tests.support.crash.fleet import build_fleet
from tests.support.crash.keys import KEYS
from tests.support.crash.states import Place, Scenario
from tests.support.crash.workspace import GATEWAYS, build, make_workspace, set_inputs

FIRST, SECOND = dict.fromkeys(GATEWAYS, "1"), {GATEWAYS[0]: "2", GATEWAYS[1]: "1"}
_DISK = 8 << 16  # bytes, of the small disk


def _new(*, compress: str = "none", across: bool = False, deltas: bool = False) -> Callable[[Place], None]:
    """Nothing is built."""

    def prepare(place: Place) -> None:
        workspace = make_workspace(place.near, compress=compress)
        workspace.raw.parent.mkdir(parents=True)
        workspace.raw.write_bytes(bytes(_DISK))
        if deltas:
            text = workspace.release_file.read_text()
            workspace.release_file.write_text(text.replace("[output]\n", '[output]\nform = "fleet"\n'))
            workspace.base.parent.mkdir(parents=True)
            workspace.base.write_bytes(bytes(_DISK))
        if across:
            (place.far / "out").mkdir()
            (place.near / "out").symlink_to(place.far / "out")

    return prepare


def _built(versions: dict[str, str], *, compress: str = "none", across: bool = False) -> Callable[[Place], None]:
    """Everything is published; then the inputs change."""

    def prepare(place: Place) -> None:
        _new(compress=compress, across=across)(place)
        build(place.near)
        set_inputs(Workspace(place.near), versions)

    return prepare


def _built_fleet(versions: dict[str, str]) -> Callable[[Place], None]:
    def prepare(place: Place) -> None:
        _new(deltas=True)(place)
        build_fleet(place.near)
        set_inputs(Workspace(place.near), versions)

    return prepare


def _build(place: Place) -> None:
    build(place.near)


def _build_fleet(place: Place) -> None:
    build_fleet(place.near)


def _clean(place: Place) -> None:
    """What ``doit clean`` runs: what is made last goes first."""
    os.chdir(place.near)
    workspace = Workspace(place.near)
    holding.hold_workspace()
    cleaning.clean_release(workspace, dryrun=False)
    for name in GATEWAYS:
        cleaning.clean_result(workspace, name, dryrun=False)
        cleaning.clean_candidate(workspace, name, dryrun=False)
    cleaning.clean_base(workspace, dryrun=False)
    holding.release_workspace()


def _lost(place: Place) -> None:
    """A published gateway was damaged, and a stray of ours lies in the release."""
    _built(FIRST)(place)
    (place.release / GATEWAYS[1] / "image.img").write_bytes(b"damaged")
    (place.release / ".report.html.4194305.new").write_bytes(b"half")


def _without_state(place: Place) -> None:
    """The workspace's private state is lost, the release is there."""
    _built(FIRST)(place)
    shutil.rmtree(Path(place.near) / ".build")
    _new_raw(place)


def _new_raw(place: Place) -> None:
    workspace = Workspace(place.near)
    workspace.raw.parent.mkdir(parents=True)
    workspace.raw.write_bytes(bytes(_DISK))
    reading.forget_inputs()


SCENARIOS = (
    Scenario("first build", _new(), _build),
    Scenario("one gateway replaced", _built(SECOND), _build),
    Scenario("all replaced, packed", _built(dict.fromkeys(GATEWAYS, "2"), compress="zst"), _build),
    Scenario("first build across file systems", _new(across=True), _build),
    Scenario("replaced across file systems", _built(SECOND, across=True), _build),
    Scenario("a gateway retired", _built({GATEWAYS[0]: "1"}), _build),
    Scenario("a damaged one mended", _lost, _build, damaged=True),
    Scenario("state lost", _without_state, _build),
    Scenario("clean, then build", _built(FIRST), _clean, afterwards=_build),
    Scenario("fleet: first build", _new(deltas=True), _build_fleet, deltas=True),
    Scenario("fleet: one replaced", _built_fleet(SECOND), _build_fleet, deltas=True),
    Scenario("fleet: one retired", _built_fleet({GATEWAYS[0]: "1"}), _build_fleet, deltas=True),
    *KEYS,
)
"""On any file system."""

WITHOUT_EXCHANGE = (Scenario("replaced where names cannot be exchanged", _built(SECOND), _build, unseen=True),)
"""Where the file system cannot exchange two names in one step."""
