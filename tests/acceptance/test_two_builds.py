"""The same inputs give the same bytes, whoever builds, where, when, in what locale, time zone and umask."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from tests.acceptance.conftest import GATEWAYS, Built
from tests.support.workspaces import a_workspace, doit

pytestmark = pytest.mark.appliance


def digests(release: Path) -> dict[str, str]:
    found = {}
    for path in sorted(release.rglob("*")):
        if path.is_file():
            with path.open("rb") as stream:
                found[str(path.relative_to(release))] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


def test_another_place_user_time_zone_locale_and_umask(built: Built, demo_inputs: Path, tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path / "a rather different place, with spaces" / "w", demo_inputs)
    # As a plugin: somebody else's dodo.py, and inputs that are simply files.
    (workspace / "dodo.py").write_text('"""Our gateways."""\n\nfrom pipeline.tasks import *\n')
    environment = {"TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "HOME": str(tmp_path)}
    # In a user namespace: another user by every number a program can see, with access to the same files.
    other_user = ("unshare", "--map-user=12345", "--map-group=12345")
    ran = doit(workspace, "-n", "2", "build", env=environment, umask=0o077, prefix=other_user)
    assert ran.status == 0, ran.text
    assert digests(workspace / "out" / "demo-1.0") == digests(built.release)
    shutil.rmtree(workspace)


def test_both_writers_make_the_same_tree(built: Built, demo_inputs: Path, tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path / "w", demo_inputs)
    with (workspace / "gateway.toml").open("a") as stream:
        stream.write('writer = "guestfs"\n')
    ran = doit(workspace, f"image:{GATEWAYS[0]}")
    assert ran.status == 0, ran.text
    ours, theirs = (
        json.loads((release / GATEWAYS[0] / "manifest.json").read_bytes())
        for release in (built.release, workspace / "out" / "demo-1.0")
    )
    assert ours["tree"] == theirs["tree"]
    shutil.rmtree(workspace)
