"""Keys in PKCS #11 tokens: SoftHSM signs, the bytes are those of a key in a file, and what is wrong is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pipeline.errors import PipelineError
from pipeline.inputs.key_config import read_keys
from pipeline.signing.bundles.bundle import sign_bundle
from pipeline.signing.keys import passphrase, token
from pipeline.signing.keys.private_keys import LocalKey
from pipeline.signing.keys.signers import BundleSigner, ManifestSigner, open_bundle_signer, open_manifest_signer
from pipeline.signing.manifests import sshsig
from tests.support.programs.softhsm import MODULE, PIN, Token
from tests.support.trust import LEAF, a_bundle, a_chain_signer, certificate, chain_of, ec_key

ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
pytestmark = pytest.mark.tools


@pytest.fixture
def keys(hsm: Token, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key file that names the token's keys, and the PIN in the environment."""
    monkeypatch.setenv("TOKEN_PIN", PIN)
    monkeypatch.setattr(token, "_REFUSED", set())
    passphrase.forget()
    for number, der in enumerate(chain_of(LEAF, "CN=Example CA,O=Example,C=US", "company")):
        (tmp_path / f"{number}.crt").write_bytes(der)
    public = ED25519.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    (tmp_path / "manifest.pub").write_bytes(public + b"\n")
    (tmp_path / "keys.toml").write_text(f"""\
[company]
use = "bundle"
key = "{hsm.uri("bundles")}"
passphrase = "env:TOKEN_PIN"
certificates = ["0.crt", "1.crt"]

[manifests]
use = "manifest"
key = "{hsm.uri("manifests")}"
passphrase = "env:TOKEN_PIN"
public = "manifest.pub"
principal = "release@example.com"
""")
    return tmp_path


def edited(keys: Path, old: str, new: str) -> BundleSigner:
    text = (keys / "keys.toml").read_text()
    assert old in text
    (keys / "keys.toml").write_text(text.replace(old, new))
    return open_bundle_signer(read_keys(keys / "keys.toml"), "company")


def test_the_bytes_are_those_of_a_key_in_a_file(keys: Path) -> None:
    signer = open_bundle_signer(read_keys(keys / "keys.toml"), "company")
    assert sign_bundle(a_bundle(), signer) == sign_bundle(a_bundle(), a_chain_signer())
    assert PIN not in repr(signer)
    assert PIN not in repr(signer._key)


def test_manifests_too(keys: Path) -> None:
    signer = open_manifest_signer(read_keys(keys / "keys.toml"), "manifests")
    local = ManifestSigner("x", "x", ED25519.public_key().public_bytes_raw(), False, LocalKey(ED25519))
    assert sshsig.sign(b"{}", signer, "test") == sshsig.sign(b"{}", local, "test")


def test_a_forked_worker_signs_too(keys: Path) -> None:
    """doit -n forks workers after the library was in use."""
    signer = open_bundle_signer(read_keys(keys / "keys.toml"), "company")
    signed = sign_bundle(a_bundle(), signer)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writing, b"same" if sign_bundle(a_bundle(), signer) == signed else b"other")
        finally:
            os._exit(0)
    os.close(writing)
    assert os.read(reading, 10) == b"same"
    os.waitpid(child, 0)
    os.close(reading)
    assert sign_bundle(a_bundle(), signer) == signed


def test_a_wrong_pin_is_tried_once(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More tries would lock the token, and a release has many bundles."""
    monkeypatch.setenv("TOKEN_PIN", "planted-wrong-pin")
    signer = open_bundle_signer(read_keys(keys / "keys.toml"), "company")
    opened = []
    library = token._library
    monkeypatch.setattr(token, "_library", lambda path: opened.append(path) or library(path))
    for _ in range(4):
        with pytest.raises(PipelineError, match="the token refuses the PIN") as caught:
            sign_bundle(a_bundle(), signer)
        assert "planted" not in str(caught.value)
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("object=bundles", "object=nobody", "has no such private key"),
        ("token=release%20keys", "token=nothing", "there is no such token"),
        ("object=bundles", "object=other", "is not a signature by the key of its certificate"),
        ("token=release%20keys", "serial=0000", "there is no such token"),
        ("token=release%20keys", "slot-id=99", "there is no such token"),
    ],
)
def test_what_the_token_lacks_is_named(keys: Path, old: str, new: str, reason: str) -> None:
    with pytest.raises(PipelineError, match=reason):
        sign_bundle(a_bundle(), edited(keys, old, new))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (MODULE, "/nowhere/lib.so", "the token's library is not there"),
        ('passphrase = "env:TOKEN_PIN"\ncertificates', "certificates", "PIN is missing"),
        (f"?module-path={MODULE}", "", "module-path does not give"),
        ("object=bundles", "object=bundles;pin-value=planted", "pin-value does not belong"),
        ('"0.crt", "1.crt"', '"ec.crt"', "signatures with a random number"),
    ],
)
def test_what_cannot_work_is_named_at_once(keys: Path, old: str, new: str, reason: str) -> None:
    (keys / "ec.crt").write_bytes(certificate("CN=x", ec_key()))
    with pytest.raises(PipelineError, match=reason) as caught:
        edited(keys, old, new)
    assert "planted" not in str(caught.value)


def test_no_library_at_all(keys: Path) -> None:
    with pytest.raises(PipelineError, match=r"is not a PKCS #11 library"):
        sign_bundle(a_bundle(), edited(keys, MODULE, str(keys / "keys.toml")))


def test_the_package_is_optional(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    with pytest.raises(PipelineError, match="need the Python package python-pkcs11"):
        open_bundle_signer(read_keys(keys / "keys.toml"), "company")


def test_the_pin_is_in_no_argument_and_no_output(keys: Path) -> None:
    """Another process signs, once with the PIN and once with a wrong one: neither shows up anywhere."""
    code = (
        "import sys; from pathlib import Path\n"
        "from pipeline.inputs.key_config import read_keys\n"
        "from pipeline.signing.keys.signers import open_bundle_signer\n"
        "open_bundle_signer(read_keys(Path(sys.argv[1])), 'company').block(b'x', 'bundle')\n"
        "print(Path('/proc/self/cmdline').read_bytes())\n"
    )
    root = Path(__file__).resolve().parents[4]
    for pin, works in ((PIN, True), ("planted-wrong-pin", False)):
        done = subprocess.run(
            [sys.executable, "-c", code, keys / "keys.toml"],
            env={**os.environ, "TOKEN_PIN": pin, "PYTHONPATH": str(root)},
            capture_output=True,
            check=False,
        )
        assert (done.returncode == 0) == works, done.stderr
        assert b"planted" not in done.stdout + done.stderr
