"""PKCS #12 keystores: what keytool writes and what the demo's own writer writes, read; anything else refused."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pipeline.demo import pkcs12 as demo
from pipeline.errors import PipelineError
from pipeline.formats.crypto import pkcs12
from tests.support.trust import certificate, pkcs8_of, rsa_key

KEY = rsa_key("installer")
STORE = demo.write_keystore("localhost", pkcs8_of(KEY), (certificate("CN=Kura", KEY),), "changeit")


def test_a_key_with_its_certificate() -> None:
    (entry,) = pkcs12.read_keystore(STORE, "changeit", "test")
    assert (entry.alias, entry.certificates) == ("localhost", (certificate("CN=Kura", KEY),))
    assert entry.pkcs8 == pkcs8_of(KEY)
    assert "pkcs8" not in repr(entry)


def test_the_same_key_gives_the_same_file() -> None:
    again = demo.write_keystore("localhost", pkcs8_of(KEY), (certificate("CN=Kura", KEY),), "changeit")
    assert again == STORE
    assert pkcs12.is_pkcs12(STORE)
    assert not pkcs12.is_pkcs12(b"\xfe\xed\xfe\xed")


@pytest.mark.parametrize("content", [b"", b"\x30", STORE[:-1], STORE[:200], b"\x30\x03\x02\x01\x03", bytes(100)])
def test_a_damaged_one_is_refused(content: bytes) -> None:
    with pytest.raises(PipelineError, match="test: it is a PKCS #12 that is damaged, or has another password"):
        pkcs12.read_keystore(content, "changeit", "test")


def test_another_password_is_refused() -> None:
    with pytest.raises(PipelineError, match="another password"):
        pkcs12.read_keystore(STORE, "changeme", "test")


@pytest.mark.tools
def test_what_keytool_itself_writes(tmp_path: Path) -> None:
    store = tmp_path / "https.ks"
    subprocess.run(
        ["keytool", "-genkeypair", "-alias", "localhost", "-keyalg", "RSA", "-keystore", str(store), "-deststoretype",
         "pkcs12", "-dname", "CN=Kura", "-storepass:env", "STORE", "-keypass:env", "STORE"],
        check=True, capture_output=True, env={"PATH": os.environ["PATH"], "STORE": "changeit"},
    )  # fmt: skip
    (entry,) = pkcs12.read_keystore(store.read_bytes(), "changeit", "test")
    assert entry.alias == "localhost"
    assert entry.pkcs8
