"""The way docs/guide/signing.md shows for signing with other programs works with a key that ssh-keygen made."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.tools
def test_a_key_of_ssh_keygen_signs_with_openssl(tmp_path: Path) -> None:
    page = (ROOT / "docs/guide/signing.md").read_text("utf-8")
    (command,) = re.findall(r"(?ms)^       (\(umask 077; python3 -c .*? KEY >KEY\.pem\))$", page)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "KEY"], cwd=tmp_path, check=True)
    # the interpreter that has the library; a station installs python3-cryptography
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").symlink_to(sys.executable)
    env = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    script = re.sub(r"(?m)^       ", "", command)
    subprocess.run(["sh", "-c", script], cwd=tmp_path, env=env, check=True)
    assert (tmp_path / "KEY.pem").stat().st_mode & 0o777 == 0o600
    (tmp_path / "NAME.provenance.dsse").write_bytes(b"DSSEv1 bytes")
    sign = re.search(r"`(openssl pkeyutl -sign [^`]*)`", page)
    assert sign is not None
    subprocess.run(sign[1].split(), cwd=tmp_path, check=True)
    verify = "openssl pkeyutl -verify -rawin -inkey KEY.pem -in NAME.provenance.dsse -sigfile NAME.provenance.dsse.sig"
    subprocess.run(verify.split(), cwd=tmp_path, check=True, capture_output=True)
