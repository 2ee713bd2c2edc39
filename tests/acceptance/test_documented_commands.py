"""The command lines of the documents that need no appliance, in order, in a fresh clone; the others: tests/long."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.acceptance.conftest import Built
from tests.support.documented_walk import STEPS, Needs
from tests.support.walking import fresh_clone, have, left_in_git, walk

pytestmark = [pytest.mark.appliance, pytest.mark.tools]

# What the documents tell people to write and commit, or have here in the place of what a person has elsewhere.
_COMMITTED = {"golden.lock", "keys/keys.toml", "keys/signer.crt", "keys/signer.csr", "keys/manifest-signer.pub"}
_BROUGHT = {
    "authority.crt", "authority.pem", "certificates.ks", "heater.jar", "heater_1.0.0.dp", "intermediate.crt",
    "root.crt", "secret", "signer-issued.crt", "signer-public.pem", "signer.cer", ".demo", "out",
}  # fmt: skip


def test_in_order_in_a_fresh_clone(built: Built, tmp_path: Path) -> None:
    clone = fresh_clone(tmp_path / "clone")
    home = tmp_path / "home"
    (clone / ".demo").symlink_to(built.workspace / ".demo")
    (clone / "out").symlink_to(built.workspace / "out")
    for name in ("vanilla", "records/inspect.json"):  # what `doit inspect` leaves, the one step that needs an appliance
        source, target = built.workspace / ".build" / name, clone / ".build" / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A copy, not a link: what a step finds current is told by the identity of the files of its own workspace.
        subprocess.run(["cp", "-a", "--sparse=always", source, target], check=True)
    have(clone, home)
    steps = [step for step in STEPS if step.needs in (Needs.NOTHING, Needs.RELEASE)]
    assert len(steps) > 30
    assert list(walk(clone, home, steps)) == []
    left = {line[3:] for line in left_in_git(clone)} - _COMMITTED - _BROUGHT
    assert [name for name in left if not name.startswith("people/")] == []
