"""The keystores we write, opened by keytool and by a program that does what gateways do."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.model.trust import ClientIdentity
from pipeline.transforms.esf.keystores import install
from tests.support.keys.client_keys import a_client_chain
from tests.support.release import a_release
from tests.support.trust import a_chain_signer, a_trust, pkcs8_of
from tests.unit.transforms.esf.test_keystores import CACERTS, CERTIFICATES, SECRETS, vanilla

pytestmark = pytest.mark.tools

PROGRAM = Path(__file__).resolve().parents[3] / "support/java/LoadKeystore.java"
QUIET = {**os.environ, "JAVA_TOOL_OPTIONS": "", "LC_ALL": "C.UTF-8"}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key, chain = a_client_chain("gw-north-01")
    secrets = replace(SECRETS, client_keys=(ClientIdentity("client", pkcs8_of(key), chain),))
    layer, _, _ = install(vanilla(), a_release(), a_trust(signer=a_chain_signer()), secrets)
    place = tmp_path_factory.mktemp("stores")
    for entry in layer.files():
        (place / entry.path.name).write_bytes(entry.content)
    assert {entry.path for entry in layer.files()} == {CERTIFICATES, CACERTS}
    return place


def opened(store: Path, password: str | None) -> subprocess.CompletedProcess[str]:
    environment = QUIET if password is None else {**QUIET, "STORE": password}
    command = ["java", "-XX:TieredStopAtLevel=1", str(PROGRAM), str(store)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_the_framework_reads_it_without_a_password(stores: Path) -> None:
    done = opened(stores / "certificates.ks", None)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "company certificate CN=Bundle Signing,O=Example,C=US",
        "company-ca certificate CN=Example CA,O=Example,C=US",
        "vendor certificate CN=Vendor Software CA,O=Vendor,C=IT",
    ]


def test_tls_reads_it_with_the_password_and_its_own_key_opens(stores: Path) -> None:
    done = opened(stores / "cacerts.ks", SECRETS.cacerts_password)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["client key EC, 2 certificates, opens", "cloud certificate CN=Cloud"]
    assert "password was incorrect" in opened(stores / "cacerts.ks", "another password").stderr


@pytest.mark.parametrize("name", ["certificates.ks", "cacerts.ks"])
def test_keytool_lists_it(stores: Path, name: str) -> None:
    password = SECRETS.certificates_password if name == "certificates.ks" else SECRETS.cacerts_password
    command = ["keytool", "-list", "-storetype", "JKS", "-keystore", str(stores / name), "-storepass:env", "STORE"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**QUIET, "STORE": password})
    assert done.returncode == 0, done.stdout
    assert ("PrivateKeyEntry" in done.stdout) is (name == "cacerts.ks")
