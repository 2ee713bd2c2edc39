"""Keys are opened once everything about them is right, and say what is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption

from pipeline.errors import PipelineError
from pipeline.inputs.key_config import allowed_signers, read_keys
from pipeline.signing.keys.signers import DEVELOPMENT_UNIT, BundleSigner, open_bundle_signer, open_manifest_signer
from tests.support.trust import LEAF, ROOT, certificate, chain_of, ec_key, rsa_key

CHAIN = chain_of(LEAF, ROOT, "signers")
ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

KEYS = """\
[bundles]
use = "bundle"
key = "file:bundle.pem"
certificates = ["leaf.crt", "root.crt"]

[manifests]
use = "manifest"
key = "file:manifest"
public = "manifest.pub"
principal = "release@example.com"
"""


def pem(key: object, passphrase: bytes | None = None) -> bytes:
    assert hasattr(key, "private_bytes")
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    made: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return made


def to_pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)


def private(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    path.touch(0o600)
    path.write_bytes(data)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    private(tmp_path / "bundle.pem", pem(rsa_key("signers")))
    (tmp_path / "leaf.crt").write_bytes(to_pem(CHAIN[0]))
    (tmp_path / "root.crt").write_bytes(CHAIN[1])
    private(tmp_path / "manifest", pem(ED25519))
    public = ED25519.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    (tmp_path / "manifest.pub").write_bytes(public + b" a comment\n")
    (tmp_path / "keys.toml").write_text(KEYS)
    return tmp_path


def test_both_signers_open(keys: Path) -> None:
    ring = read_keys(keys / "keys.toml")
    bundles = open_bundle_signer(ring, "bundles")
    assert [entry.subject for entry in bundles.certificates] == [LEAF, ROOT]
    assert [entry.alias for entry in bundles.certificates] == ["bundles", "bundles-ca"]
    manifests = open_manifest_signer(ring, "manifests")
    assert manifests.public == ED25519.public_key().public_bytes_raw()
    line = allowed_signers(ring, "manifests").decode()
    assert line.startswith('release@example.com namespaces="gateway-image-manifest" ssh-ed25519 ')
    assert "PRIVATE" not in repr((bundles, manifests, ring))


def test_a_passphrase_comes_from_its_source(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private(keys / "bundle.pem", pem(rsa_key("signers"), b"open sesame"))
    with pytest.raises(PipelineError, match="has a passphrase"):
        open_bundle_signer(read_keys(keys / "keys.toml"), "bundles")
    text = KEYS.replace('"file:bundle.pem"\n', '"file:bundle.pem"\npassphrase = "env:BUNDLE_PASSPHRASE"\n')
    (keys / "keys.toml").write_text(text)
    monkeypatch.setenv("BUNDLE_PASSPHRASE", "open sesame\n")
    assert open_bundle_signer(read_keys(keys / "keys.toml"), "bundles")
    monkeypatch.setenv("BUNDLE_PASSPHRASE", "wrong sesame")
    with pytest.raises(PipelineError, match="cannot be decrypted") as caught:
        open_bundle_signer(read_keys(keys / "keys.toml"), "bundles")
    assert "sesame" not in str(caught.value)
    private(keys / "bundle.pem", pem(rsa_key("signers")))
    with pytest.raises(PipelineError, match="has no passphrase"):
        open_bundle_signer(read_keys(keys / "keys.toml"), "bundles")


def test_a_key_comes_from_the_environment(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (keys / "keys.toml").write_text(KEYS.replace("file:bundle.pem", "env:BUNDLE_KEY"))
    with pytest.raises(PipelineError, match="BUNDLE_KEY is not set"):
        open_bundle_signer(read_keys(keys / "keys.toml"), "bundles")
    monkeypatch.setenv("BUNDLE_KEY", pem(rsa_key("signers")).decode())
    assert open_bundle_signer(read_keys(keys / "keys.toml"), "bundles")


def spoil_mode(keys: Path) -> None:
    (keys / "bundle.pem").chmod(0o640)


def spoil_pkcs11(keys: Path) -> None:
    (keys / "keys.toml").write_text(KEYS.replace("file:bundle.pem", "pkcs11:token=x"))


def spoil_scheme(keys: Path) -> None:
    (keys / "keys.toml").write_text(KEYS.replace("file:bundle.pem", "ftp:x"))


def other_key(key: object) -> Callable[[Path], None]:
    return lambda keys: private(keys / "bundle.pem", pem(key))


def other_root(data: bytes) -> Callable[[Path], None]:
    def write(keys: Path) -> None:
        (keys / "root.crt").write_bytes(data)

    return write


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (spoil_mode, r"can be read by others than its owner \(mode 0640\)"),
        (spoil_pkcs11, "module-path does not give the absolute path"),
        (spoil_scheme, "not a known kind of source"),
        (lambda keys: (keys / "bundle.pem").unlink(), "cannot be read: No such file"),
        (lambda keys: private(keys / "bundle.pem", b"junk"), "damaged or of an unknown kind"),
        (other_key(ec_key()), "elliptic curve key; the framework of ESF 5"),
        (other_key(ED25519), "is not an RSA key"),
        (other_key(rsa_key("stranger")), "first certificate belongs to another key"),
        (other_key(rsa_key("weak", 1024)), "1024 bits"),
        (other_root(b"junk"), "holds no X.509 certificate"),
        (other_root(certificate("CN=Other", rsa_key("stranger"), ca=True)), "is not issued by the next"),
        (other_root(to_pem(CHAIN[1]) + to_pem(CHAIN[0])), "not a self-signed root"),
        (lambda keys: (keys / "root.crt").unlink(), "root.crt cannot be read"),
    ],
    ids=range(13),
)
def test_what_is_wrong_with_a_bundle_key_is_named(keys: Path, spoil: Callable[[Path], None], reason: str) -> None:
    spoil(keys)
    with pytest.raises(PipelineError, match=reason) as caught:
        open_bundle_signer(read_keys(keys / "keys.toml"), "bundles")
    assert "PRIVATE KEY" not in str(caught.value)


@pytest.mark.parametrize(
    ("chain", "reason"),
    [
        ([], "has no certificate"),
        (list(CHAIN[:1]), "not a self-signed root"),
        (list(reversed(CHAIN)), "belongs to another key"),
        ([certificate("CN=a*b", rsa_key("signers"))], "need escaping"),
    ],
    ids=range(4),
)
def test_what_is_wrong_with_a_chain_is_named(chain: list[bytes], reason: str) -> None:
    with pytest.raises(PipelineError, match=reason):
        BundleSigner.of("x", rsa_key("signers"), chain)


def test_development_certificates_are_known_by_their_unit() -> None:
    made = certificate(f"CN=x,OU={DEVELOPMENT_UNIT},O=y", rsa_key("signers"))
    assert BundleSigner.of("x", rsa_key("signers"), [made]).certificates[0].development


def test_what_is_wrong_with_a_manifest_key_is_named(keys: Path) -> None:
    ring = read_keys(keys / "keys.toml")
    for name, reason in (("nobody", "there is no key nobody"), ("bundles", "is for use 'bundle'")):
        with pytest.raises(PipelineError, match=reason):
            open_manifest_signer(ring, name)
    with pytest.raises(PipelineError, match="no manifest key"):
        allowed_signers(ring, "bundles")
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    private(keys / "manifest", pem(other))
    with pytest.raises(PipelineError, match="belongs to another key"):
        open_manifest_signer(ring, "manifests")
    private(keys / "manifest", pem(rsa_key("signers")))
    with pytest.raises(PipelineError, match="not an Ed25519 key"):
        open_manifest_signer(ring, "manifests")
    (keys / "manifest.pub").write_text("junk")
    with pytest.raises(PipelineError, match=r"manifest\.pub"):
        allowed_signers(ring, "manifests")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "names no key"),
        ("[a]\nuse = 'frobnicate'\n", "is not one of the values known"),
        ("[a]\nuse = 'bundle'\n", "certificates: no certificate"),
        (KEYS.replace("principal", "principle"), "principle: unknown key"),
        (KEYS.replace("file:bundle.pem", "bundle.pem"), "is not a URI"),
        (KEYS.replace("release@example.com", "two words"), "is not an address"),
        ("[a\n", "not TOML"),
    ],
    ids=range(7),
)
def test_a_malformed_key_file_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "keys.toml").write_text(text)
    with pytest.raises(PipelineError, match=reason):
        read_keys(tmp_path / "keys.toml")


def test_the_committed_key_file_is_read_and_agrees_with_the_release() -> None:
    root = Path(__file__).resolve().parents[4]
    ring = read_keys(root / "keys" / "keys.toml")
    assert {entry.use for entry in ring.entries.values()} == {"bundle", "manifest"}
    assert all(entry.development for entry in ring.entries.values())
