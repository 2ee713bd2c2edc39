"""Keystores that keytool reads, the same bytes every time; what is no JKS keystore is named for what it is."""

from __future__ import annotations

import contextlib
import random
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from pipeline.errors import PipelineError
from pipeline.formats.crypto import jks
from pipeline.formats.crypto.jks import PrivateKey, TrustedCertificate, certificates_in, read_keystore, write_keystore
from tests.support.trust import LEAF, ROOT, certificate, chain_of, ec_key, rsa_key

PASSWORD = "correct-Horse.7"
SALT = b"salt" * 8
CHAIN = chain_of(LEAF, ROOT, "store")
EPOCH_MS = 1_767_225_600_000


def pkcs8(key: object) -> bytes:
    assert hasattr(key, "private_bytes")
    made: bytes = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made


ENTRIES = (
    PrivateKey("client", pkcs8(rsa_key("store")), CHAIN, EPOCH_MS),
    PrivateKey("ec", pkcs8(ec_key()), (certificate("CN=ec", ec_key()),), EPOCH_MS),
    TrustedCertificate("root", CHAIN[1], EPOCH_MS),
)
STORE = write_keystore(ENTRIES, PASSWORD, SALT, "test.ks")


def test_what_is_written_is_read_and_repeats() -> None:
    assert read_keystore(STORE, PASSWORD, "x") == ENTRIES
    assert write_keystore(reversed(ENTRIES), PASSWORD, SALT, "x") == STORE


def test_vectors_differ_wherever_anything_differs() -> None:
    """The same key stream for two contents would give both away."""
    other = {write_keystore(ENTRIES[:1], password, salt, "x")[-400:] for password in (PASSWORD, "other-Horse.7")
             for salt in (SALT, b"other")}  # fmt: skip
    assert len(other) == 4


def test_certificates_are_seen_without_the_password() -> None:
    seen = certificates_in(STORE)
    assert [(entry.alias, entry.subject) for entry in seen] == [
        ("client", LEAF),
        ("client", ROOT),
        ("ec", "CN=ec"),
        ("root", ROOT),
    ]
    assert seen[0].der == CHAIN[0]
    with pytest.raises(PipelineError, match="not a JKS"):
        certificates_in(b"x")


@pytest.mark.tools
def test_keytool_lists_and_recovers_every_entry(tmp_path: Path) -> None:
    store = tmp_path / "test.ks"
    store.write_bytes(STORE)
    listed = subprocess.run(
        ["keytool", "-list", "-keystore", store, "-storepass", PASSWORD], capture_output=True, text=True, check=True
    ).stdout
    assert "Keystore type: JKS" in listed
    assert "Your keystore contains 3 entries" in listed
    # importing needs the private keys themselves
    subprocess.run(
        [
            "keytool",
            "-importkeystore",
            "-noprompt",
            "-srckeystore",
            store,
            "-srcstorepass",
            PASSWORD,
            "-destkeystore",
            tmp_path / "out.p12",
            "-deststoretype",
            "PKCS12",
            "-deststorepass",
            PASSWORD,
        ],
        capture_output=True,
        check=True,
    )


@pytest.mark.tools
def test_what_keytool_writes_is_read(tmp_path: Path) -> None:
    store = tmp_path / "theirs.ks"
    subprocess.run(
        [
            "keytool",
            "-genkeypair",
            "-alias",
            "mine",
            "-keyalg",
            "RSA",
            "-dname",
            "CN=x",
            "-storetype",
            "JKS",
            "-keystore",
            store,
            "-storepass",
            PASSWORD,
            "-keypass",
            PASSWORD,
        ],
        capture_output=True,
        check=True,
    )
    (entry,) = read_keystore(store.read_bytes(), PASSWORD, "x")
    assert isinstance(entry, PrivateKey)
    key = serialization.load_der_private_key(entry.pkcs8, None)
    assert key.public_key() == x509.load_der_x509_certificate(entry.chain[0]).public_key()


def pkcs12_store() -> bytes:
    return pkcs12.serialize_key_and_certificates(
        b"k", rsa_key("store"), x509.load_der_x509_certificate(CHAIN[0]), None, serialization.NoEncryption()
    )


@pytest.mark.parametrize(
    ("data", "password", "reason"),
    [
        (b"", PASSWORD, "it is no keystore, not JKS"),
        (b"-----BEGIN CERTIFICATE-----", PASSWORD, "it is no keystore"),
        (pkcs12_store(), PASSWORD, "it is PKCS #12, not JKS"),
        (b"\xce\xce\xce\xce" + STORE[4:], PASSWORD, "it is JCEKS, not JKS"),
        (STORE, "wrong-Horse.7", "password is wrong"),
        (STORE[:-1] + b"\0", PASSWORD, "password is wrong"),
        (STORE[:500], PASSWORD, "cut short"),
        (STORE[:4], PASSWORD, "cut short"),
        (STORE[:7] + b"\3" + STORE[8:], PASSWORD, "version"),
        (STORE + b"trailing", PASSWORD, "bytes follow"),
    ],
    ids=range(10),
)
def test_malformed_keystores_are_named(data: bytes, password: str, reason: str) -> None:
    with pytest.raises(PipelineError, match=reason) as caught:
        read_keystore(data, password, "certificates.ks")
    assert password not in str(caught.value)


@pytest.mark.parametrize(
    ("entries", "password", "reason"),
    [
        ([TrustedCertificate("a", CHAIN[1]), TrustedCertificate("a", CHAIN[0])], PASSWORD, "alias a is there twice"),
        ([TrustedCertificate("Größe", CHAIN[1])], PASSWORD, "cannot be read back"),
        ([TrustedCertificate("Upper", CHAIN[1])], PASSWORD, "cannot be read back"),
        ([TrustedCertificate("a", CHAIN[1])], "short", "too short"),
        ([TrustedCertificate("a", CHAIN[1])], "pässwörter", "not ASCII"),
    ],
    ids=range(5),
)
def test_what_java_would_read_differently_is_not_written(
    entries: list[TrustedCertificate], password: str, reason: str
) -> None:
    with pytest.raises(PipelineError, match=reason):
        write_keystore(entries, password, SALT, "x")


def test_a_key_under_another_password_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    original = jks._protected
    monkeypatch.setattr(jks, "_protected", lambda entry, _, salt: original(entry, "another-Horse.7", salt))
    monkeypatch.setattr(jks, "read_keystore", lambda *_: ENTRIES[:1])
    store = write_keystore(ENTRIES[:1], PASSWORD, SALT, "x")
    monkeypatch.undo()
    with pytest.raises(PipelineError, match="private key client has a password other than the keystore's"):
        read_keystore(store, PASSWORD, "x")


def test_changed_bytes_give_our_errors_only() -> None:
    source = random.Random(5)
    for _ in range(1500):
        broken = bytearray(STORE)
        for _ in range(source.randint(1, 3)):
            broken[source.randrange(len(broken))] = source.randrange(256)
        cut = bytes(broken[: source.randint(0, len(broken))] if source.random() < 0.3 else broken)
        for read in (lambda data: read_keystore(data, PASSWORD, "fuzz"), certificates_in):
            with contextlib.suppress(PipelineError):
                read(cut)
