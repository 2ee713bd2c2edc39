"""A release whose manifest key never meets the build machine: stopped, signed elsewhere, finished; the same bytes."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_ssh_private_key

from pipeline.manifest import NAMESPACE
from tests.acceptance.conftest import GATEWAYS, Built
from tests.support.workspaces import a_workspace, doit, edit

pytestmark = [pytest.mark.appliance, pytest.mark.tools]


def files_of(release: Path) -> dict[str, bytes]:
    """Everything but the images themselves, whose digests are in the manifests."""
    return {
        f"{gateway}/{file.name}": file.read_bytes()
        for gateway in GATEWAYS
        for file in sorted((release / gateway).iterdir())
        if file.name != "image.img"
    }


def sign_by_hand(request: Path, key: Path, pem: Path) -> int:
    """What `commands.txt` says, typed by a person at another machine with OpenSSH and OpenSSL."""
    lines = [
        line for line in (request / "commands.txt").read_text().splitlines() if line.startswith(("ssh", "openssl"))
    ]
    for line in lines:
        words = [{"KEY": str(key), "KEY.pem": str(pem)}.get(word, word) for word in shlex.split(line)]
        subprocess.run(words, cwd=request, check=True, capture_output=True)
    return len(lines)


def test_out_signed_and_back(demo_inputs: Path, built: Built, tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path / "workspace", demo_inputs)
    edit(workspace / "keys/keys.toml", "file:../.demo/keys/manifest-signer", "detached:signatures")
    stopped = doit(workspace, "build")
    assert stopped.status != 0
    first = re.findall(r"(\S+): manifest: \S+/keys/signatures/[0-9a-f]{64}\.sig: ", stopped.stderr)
    assert len(first) == 1
    assert f"{first[0]}: provenance: " in stopped.stderr
    assert "the signature by manifest-signer is missing" in stopped.stderr
    assert "doit manifest --emit DIRECTORY" in stopped.stderr
    assert "Traceback" not in stopped.text
    assert not (workspace / "out").exists()

    request = workspace / "request"
    emitted = doit(workspace, "manifest", "--emit", "request")
    assert emitted.status == 0, emitted.text
    assert "3 gateways of release demo-1.0 to be signed in request" in emitted.stdout
    nothing = doit(workspace, "manifest", "--take", "request")
    assert nothing.status == 1
    assert "0 signatures kept" in nothing.stdout
    assert "6 missing" in nothing.stdout

    # OpenSSL reads no key in OpenSSH's form; the station keeps the same key in PKCS #8 beside it
    key, pem = tmp_path / "key", tmp_path / "key.pem"
    for place in (key, pem):
        place.touch(0o600)
    key.write_bytes((demo_inputs / "keys/manifest-signer").read_bytes())
    pem.write_bytes(as_pkcs8(key))
    assert sign_by_hand(request, key, pem) == 2 * len(GATEWAYS)
    taken = doit(workspace, "manifest", "--take", "request")
    assert taken.status == 0, taken.text
    assert "6 signatures kept" in taken.stdout

    whole = doit(workspace, "build")
    assert whole.status != 0
    assert "release demo-1.0 as a whole: " in whole.stderr
    assert "doit manifest --emit DIRECTORY" in whole.stderr
    assert "release demo-1.0 as a whole to be signed" in doit(workspace, "manifest", "--emit", "second").stdout
    assert sign_by_hand(workspace / "second", key, pem) == 1
    assert doit(workspace, "manifest", "--take", "second").status == 0

    finished = doit(workspace, "build")
    assert finished.status == 0, finished.text
    release = workspace / "out" / "demo-1.0"
    assert not list(release.rglob("provenance.unsigned"))
    assert files_of(release) == files_of(built.release)
    for gateway in GATEWAYS:
        manifest = release / gateway / "manifest.json"
        command = ["ssh-keygen", "-Y", "verify", "-f", release / "allowed_signers", "-I", "release@demo.invalid"]
        command += ["-n", NAMESPACE, "-s", f"{manifest}.sig"]
        subprocess.run(command, input=manifest.read_bytes(), check=True, capture_output=True)
    assert (release / "release.json").read_bytes() == (built.release / "release.json").read_bytes()
    assert (release / "release.json.sig").read_bytes() == (built.release / "release.json.sig").read_bytes()
    alone = doit(workspace, "manifest")
    assert alone.status == 0, alone.text
    assert "nothing to sign" in doit(workspace, "manifest", "--emit", "again").stdout
    assert not (workspace / "again").exists()


def as_pkcs8(key: Path) -> bytes:
    loaded = load_ssh_private_key(key.read_bytes(), None)
    return loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
