"""`doit keys` with keys in tokens: a company's authority in one, and signing keys that were never anywhere else."""

from __future__ import annotations

import subprocess
from copy import copy, deepcopy
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pipeline.commands.keys import Keys
from pipeline.inputs.key_config import read_keys
from pipeline.signing.bundles.bundle import sign_bundle
from pipeline.signing.keys import passphrase, token
from pipeline.signing.keys.signers import open_bundle_signer
from pipeline.signing.keys.token_rsa import open_token_rsa
from tests.support.keys.signing_workspace import private
from tests.support.programs.softhsm import PIN, Token
from tests.support.trust import ROOT, a_bundle, certificate, rsa_key

pytestmark = pytest.mark.tools

DN = "CN=Bundle Signing,O=Company Name,C=US"


@pytest.fixture(autouse=True)
def place(hsm: Token, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOKEN_PIN", PIN)
    monkeypatch.setattr(token, "_REFUSED", set())
    monkeypatch.chdir(tmp_path)
    passphrase.forget()
    private(tmp_path / "ca.pem", rsa_key("authority").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "ca.crt").write_bytes(certificate(ROOT, rsa_key("authority"), ca=True, serial=1))
    return tmp_path


def run(*arguments: str) -> int:
    return Keys().execute({}, list(arguments))


def new(name: str, *arguments: str) -> int:
    return run("new", name, "--dn", DN, "--from", "2026-01-01", *arguments)


def pinned(uri: str) -> tuple[str, ...]:
    return ("--key", uri, "--passphrase", "env:TOKEN_PIN")


def openssl(*arguments: str | Path) -> str:
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True).stdout


def signs(capfd: pytest.CaptureFixture[str], name: str) -> None:
    """What the command says goes into keys.toml, put there: it signs bundles."""
    text = capfd.readouterr().out
    Path("keys/keys.toml").write_text(text[text.index(f"[{name}]") :])
    signer = open_bundle_signer(read_keys(Path("keys/keys.toml")), name)
    Path("bundle.jar").write_bytes(sign_bundle(a_bundle(), signer))
    done = subprocess.run(["jarsigner", "-verify", "bundle.jar"], capture_output=True, text=True, check=False)
    assert "jar verified" in done.stdout


def test_the_authority_s_key_is_in_a_token(place: Path, hsm: Token) -> None:
    """The certificate is the one that the same authority issues from a file, to the byte but for the key in it."""
    ca = ("--ca", hsm.uri("authority"), "--ca-passphrase", "env:TOKEN_PIN", "--ca-cert", "ca.crt")
    assert new("signer", "--bits", "2048", *ca) == 0
    leaf, root = x509.load_pem_x509_certificates((place / "keys/signer.crt").read_bytes())
    leaf.verify_directly_issued_by(root)
    (place / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
    assert "keys/signer.crt: OK" in openssl("verify", "-CAfile", "root.pem", "keys/signer.crt")
    again = ("--ca", "file:ca.pem", "--ca-cert", "ca.crt", "--key", "file:keys/private/signer.pem")
    assert new("again", *again) == 0
    assert (place / "keys/again.crt").read_bytes() == (place / "keys/signer.crt").read_bytes()


def test_a_key_in_a_token_gets_a_certificate_of_its_own(
    place: Path, hsm: Token, capfd: pytest.CaptureFixture[str]
) -> None:
    assert new("company", *pinned(hsm.uri("bundles"))) == 0
    openssl("verify", "-CAfile", "keys/company.crt", "keys/company.crt")
    assert not (place / "keys/private").exists()
    signs(capfd, "company")


def test_a_key_in_a_token_asks_for_one(place: Path, hsm: Token, capfd: pytest.CaptureFixture[str]) -> None:
    """Out as a request, issued by openssl, taken back: signing with the token from then on."""
    assert run("csr", "company", "--dn", DN, *pinned(hsm.uri("bundles"))) == 0
    assert "pkcs11:token=release%20keys" in capfd.readouterr().out
    openssl("req", "-in", "keys/company.csr", "-verify", "-noout")
    (place / "ca.x509").write_text(openssl("x509", "-inform", "DER", "-in", "ca.crt"))
    openssl(
        *("x509", "-req", "-in", "keys/company.csr", "-CA", "ca.x509", "-CAkey", "ca.pem"),
        *("-days", "365", "-copy_extensions", "copy", "-out", "issued.crt"),
    )
    assert run("import", "company", "issued.crt", "ca.crt", *pinned(hsm.uri("bundles"))) == 0
    assert not (place / "keys/private").exists()
    signs(capfd, "company")
    # the request may be made anew: it is the same
    first = (place / "keys/company.csr").read_bytes()
    assert run("csr", "company", "--dn", DN, *pinned(hsm.uri("bundles"))) == 0
    assert (place / "keys/company.csr").read_bytes() == first


@pytest.mark.parametrize(
    ("name", "pin", "reason"),
    [
        ("elliptic", PIN, "it is not an RSA key"),
        ("manifests", PIN, "it is not an RSA key"),
        ("short", PIN, "its RSA key has 1024 bits"),
        ("nobody", PIN, "the token has no such private key"),
        ("bundles", "planted-wrong", "the token refuses the PIN"),
    ],
)
def test_what_is_wrong_is_named(
    place: Path,
    hsm: Token,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    name: str,
    pin: str,
    reason: str,
) -> None:
    monkeypatch.setenv("TOKEN_PIN", pin)
    for work in (lambda: new("x", *pinned(hsm.uri(name))), lambda: run("csr", "x", "--dn", DN, *pinned(hsm.uri(name)))):
        assert work() == 2
        told = capfd.readouterr().err
        assert reason in told
        assert "planted" not in told
    assert not (place / "keys").exists()


def test_the_authority_s_certificate_must_be_that_of_the_key(
    place: Path, hsm: Token, capfd: pytest.CaptureFixture[str]
) -> None:
    ca = ("--ca", hsm.uri("bundles"), "--ca-passphrase", "env:TOKEN_PIN", "--ca-cert", "ca.crt")
    assert new("signer", *ca) == 2
    assert "is not a signature by the key of its certificate" in capfd.readouterr().err
    assert not (place / "keys").exists()


def test_a_certificate_is_not_replaced(place: Path, hsm: Token, capfd: pytest.CaptureFixture[str]) -> None:
    assert new("company", *pinned(hsm.uri("bundles"))) == 0
    first = (place / "keys/company.crt").read_bytes()
    assert new("company", *pinned(hsm.uri("bundles"))) == 2
    assert "there is a key or certificate of this name already" in capfd.readouterr().err
    assert (place / "keys/company.crt").read_bytes() == first


def test_the_key_gives_nothing_away(hsm: Token) -> None:
    key = open_token_rsa(hsm.uri("bundles"), "env:TOKEN_PIN", Path(), "x")
    assert PIN not in repr(key) + repr(vars(key))
    assert key.public_key() == rsa_key("company").public_key()
    assert key.key_size == 2048
    assert copy(key) is key
    assert deepcopy(key) is key
    for use in (
        key.private_numbers,
        lambda: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        lambda: key.decrypt(b"", padding.PKCS1v15()),
        lambda: key.sign(b"", padding.PKCS1v15(), hashes.SHA1()),  # noqa: S303
    ):
        with pytest.raises(TypeError):
            use()
