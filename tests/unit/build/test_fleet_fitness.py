"""A release of deltas that its decisions forbid is refused before its base is built; one of images is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.build import base, reading
from pipeline.build.fleet_fitness import require_fit_for_deltas
from pipeline.build.names import FLEET_FROM
from pipeline.commands import plan as plan_command
from pipeline.commands.manifest import Manifest
from pipeline.commands.plan import Plan
from pipeline.errors import PipelineError
from pipeline.fleet import build
from pipeline.host.workspace import Workspace
from tests.support.keys.signing_workspace import edit, signing_workspace
from tests.support.trust import LEAF, ROOT, chain_of, rsa_key

AWAY = "the manifest key manifests is elsewhere (detached: in keys/keys.toml)"
FORM = ('# form = "auto"', 'form = "fleet" #')


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A release of three gateways, whose manifest key is elsewhere."""
    made = signing_workspace(tmp_path / "build", rsa_key("company"), chain_of(LEAF, ROOT, "company"))
    edit(made, "keys/keys.toml", "file:manifest", "detached:signatures")
    monkeypatch.chdir(made.root)
    return made


def _refused(workspace: Workspace) -> list[str]:
    with pytest.raises(PipelineError) as caught:
        require_fit_for_deltas(workspace)
    assert all('form = "images"' in problem.remedy for problem in caught.value.problems)
    return [problem.what for problem in caught.value.problems]


def test_images_may_be_signed_elsewhere(workspace: Workspace) -> None:
    require_fit_for_deltas(workspace)
    edit(workspace, "gateway.toml", '# writer = "auto"', 'writer = "guestfs" #')
    require_fit_for_deltas(workspace)


def test_deltas_may_not(workspace: Workspace) -> None:
    edit(workspace, "gateway.toml", *FORM)
    (told,) = _refused(workspace)
    assert told.endswith(AWAY)
    assert "\n" not in told
    edit(workspace, "gateway.toml", '# writer = "auto"', 'writer = "guestfs" #')
    assert [AWAY in what for what in _refused(workspace)] == [True, False]
    edit(workspace, "keys/keys.toml", "detached:signatures", "file:manifest")
    (told,) = _refused(workspace)
    assert 'writer is "guestfs"' in told


def test_nor_may_those_that_are_deltas_by_their_number(workspace: Workspace) -> None:
    rows = (f'[[gateway]]\nname = "gw-{number}"\n' for number in range(FLEET_FROM))
    (workspace.root / "devices.toml").write_text("".join(rows))
    reading.forget_inputs()
    assert len(_refused(workspace)) == 1


def test_everything_that_takes_time_asks_first(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The vanilla image does not even exist here."""
    edit(workspace, "gateway.toml", *FORM)
    monkeypatch.setattr(plan_command, "inputs_first", lambda _: None)
    for step in (base.build_base, build.build_fleet):
        with pytest.raises(PipelineError) as caught:
            step(workspace, lambda _: None)
        assert AWAY in str(caught.value)
    assert Plan().execute({}, []) == 2
    assert AWAY in capfd.readouterr().err
    assert Manifest().execute({"emit": "x", "take": ""}, []) == 2
    assert AWAY in capfd.readouterr().err
