"""A tester's key that cannot be used is the tester's matter, told before anything is booted."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipeline.commands.boottest import _key
from pipeline.errors import PipelineError


def made(path: Path, passphrase: str) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path)], check=True)
    return path


@pytest.mark.tools
def test_a_key_is_judged_before_the_gateway_is(tmp_path: Path) -> None:
    assert _key(str(made(tmp_path / "plain", ""))) == tmp_path / "plain"
    with pytest.raises(PipelineError, match="locked: has a passphrase"):
        _key(str(made(tmp_path / "locked", "secret words")))
    note = tmp_path / "note"
    note.write_text("no key\n")
    note.chmod(0o600)
    with pytest.raises(PipelineError, match="note: is not a private key"):
        _key(str(note))
    with pytest.raises(PipelineError, match="cannot be read"):
        _key(str(tmp_path / "missing"))
