"""The same inputs give the same bytes, whoever builds, where, when, in what locale, time zone and umask."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.acceptance.conftest import GATEWAYS, Built
from tests.support.workspaces import CHECKOUT, a_workspace, doit, edit

pytestmark = pytest.mark.appliance


def digests(release: Path) -> dict[str, str]:
    found = {}
    for path in sorted(release.rglob("*")):
        if path.is_file():
            with path.open("rb") as stream:
                found[str(path.relative_to(release))] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


def test_another_place_user_time_zone_locale_and_umask(built: Built, demo_inputs: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="two-builds-") as name:
        place = Path(name) / "a rather different place, with spaces"
        inputs = Path(name) / "inputs"
        inputs.mkdir()
        parts = [str(demo_inputs / part) for part in ("vanilla.img", "golden", "keys", "secrets", "record.json")]
        subprocess.run(["cp", "-a", "--sparse=always", *parts, str(inputs)], check=True)
        workspace = a_workspace(place / "w", inputs)
        # As a plugin: somebody else's dodo.py, and inputs that are simply files.
        (workspace / "dodo.py").write_text('"""Our gateways."""\n\nfrom pipeline.tasks import *\n')
        environment = {"TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "HOME": name}
        environment["LIBGUESTFS_CACHEDIR"] = name  # that user's appliance goes when the test does
        ran = doit(workspace, "-n", "2", "build", env=environment, umask=0o077, prefix=another_user(Path(name)))
        assert ran.status == 0, ran.text
        assert digests(workspace / "out" / "demo-1.0") == digests(built.release)


def another_user(place: Path) -> tuple[str, ...]:
    """How to run as somebody else, to whom everything below `place` now belongs.

    Only root can, and only where that user may read the checkout; elsewhere the build is the same user's.
    """
    reachable = all(above.stat().st_mode & 0o005 == 0o005 for above in (CHECKOUT, *CHECKOUT.parents))
    if os.geteuid() != 0 or not reachable:
        return ()
    subprocess.run(["chown", "-R", "12345:12345", str(place)], check=True)
    return ("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups")


def test_both_writers_make_the_same_tree(built: Built, demo_inputs: Path, tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path / "w", demo_inputs)
    edit(workspace / "gateway.toml", '# writer = "auto"', 'writer = "guestfs"')
    ran = doit(workspace, f"image:{GATEWAYS[0]}")
    assert ran.status == 0, ran.text
    ours, theirs = (
        json.loads((release / GATEWAYS[0] / "manifest.json").read_bytes())
        for release in (built.release, workspace / "out" / "demo-1.0")
    )
    assert ours["tree"] == theirs["tree"]
    shutil.rmtree(workspace)
