"""The stand-in for a vanilla ESF 5 against what the documents say and the programs that read such files."""

from __future__ import annotations

import subprocess
from pathlib import Path

import jks
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from pipeline.demo import esf
from pipeline.demo.members import Member
from pipeline.demo.vendor import VendorIdentity, vendor_identity
from pipeline.errors import PipelineError
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind

EPOCH = 1_700_000_000
NAMESPACE = "{http://eurotech.com/esf/2.0}"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vendor") / "keys"


@pytest.fixture(scope="module")
def vendor(keys: Path) -> VendorIdentity:
    return vendor_identity(keys)


@pytest.fixture(scope="module")
def tree(vendor: VendorIdentity) -> dict[GuestPath, Member]:
    return esf.esf5(vendor, {"com.eurotech.demo_1.0.0.jar": b"PK"}, epoch=EPOCH)


def read(tree: dict[GuestPath, Member], path: str) -> bytes:
    place = path if path.startswith("/") else f"{esf.INSTALLATION}/{path}"
    return tree[GuestPath(place)].read()


def test_layout_is_that_of_the_documents(tree: dict[GuestPath, Member]) -> None:
    link = tree[esf.SYMLINK]
    assert (link.kind, link.target) == (Kind.LINK, "/opt/eurotech/esf_5.0.0")
    for path in (
        "kura/kura.properties",
        "kura/kura_custom.properties",
        "kura/config.ini",
        "kura/dpa.properties",
        "kura/security.policy",
        "kura/certificates.ks",
        "security/cacerts.ks",
        "security/policy_backup/security.policy",
        "data/snapshots/snapshot_0.xml",
        "data/kuranet.conf",
        "bin/start_kura_background.sh",
        ".data/.recoverDefaultConfig.sh",
        "plugins/com.eurotech.demo_1.0.0.jar",
    ):
        assert tree[esf.INSTALLATION / path].kind is Kind.FILE, path
    assert not [path for path in tree if "dot." in path]
    assert tree[GuestPath("/etc/monitrc")].mode == 0o700
    assert tree[GuestPath("/etc/init.d/kura")].mode == 0o755
    assert tree[GuestPath("/etc/init.d/firewall_cust")].mode == 0o644


def test_restore_copies_are_the_delivered_files(tree: dict[GuestPath, Member]) -> None:
    for name, original in (
        ("snapshot_0.xml", "data/snapshots/snapshot_0.xml"),
        ("kuranet.conf", "data/kuranet.conf"),
        ("iptables", "/etc/sysconfig/iptables"),
        ("interfaces", "/etc/network/interfaces"),
        ("hostapd-wlan0.conf", "/etc/hostapd-wlan0.conf"),
        ("dhcpd-eth0.conf", "/etc/dhcpd-eth0.conf"),
    ):
        assert read(tree, f".data/{name}") == read(tree, original)
        assert f"/{name}".encode() in read(tree, ".data/.recoverDefaultConfig.sh")


def test_snapshot_has_the_weak_defaults_that_are_to_be_hardened(tree: dict[GuestPath, Member]) -> None:
    root = etree.fromstring(read(tree, "data/snapshots/snapshot_0.xml"))
    found = {
        configuration.get("pid"): {
            entry.get("name"): (entry.get("type"), entry.findtext(f"{NAMESPACE}value"))
            for entry in configuration.iter(f"{NAMESPACE}property")
        }
        for configuration in root
    }
    console = found["org.eclipse.kura.web.Console"]
    assert console["console.username.value"] == ("String", "admin")
    assert console["console.password.value"] == ("Password", "admin")
    ports = found["org.eclipse.kura.net.admin.FirewallConfigurationService"]["firewall.open.ports"][1] or ""
    assert {"8000", "1450"} <= {rule.split(",")[0] for rule in ports.split(";")}
    assert found["org.eclipse.kura.ssl.SslManagerService"]["ssl.keystore.password"] == ("Password", "changeit")
    assert found["org.eclipse.kura.data.DataService"]["connect.auto-on-startup"] == ("Boolean", "false")
    # Absent in every factory snapshot of that generation, and then enabled without a password (formats 2).
    assert "org.eclipse.kura.cloud.app.command.CommandCloudApp" not in found


def test_snapshot_is_what_the_device_can_load(tree: dict[GuestPath, Member]) -> None:
    content = read(tree, "data/snapshots/snapshot_0.xml")
    assert content.isascii()
    assert b"<esf:configurations " in content
    for entry in etree.fromstring(content).iter(f"{NAMESPACE}property"):
        value = entry.findtext(f"{NAMESPACE}value") or ""
        assert value == value.strip()
        if entry.get("type") in ("Integer", "Short", "Long"):
            int(value)
        if entry.get("type") == "Boolean":
            assert value in ("true", "false")


def test_start_scripts_have_the_options_production_mode_looks_at(tree: dict[GuestPath, Member]) -> None:
    background = read(tree, "bin/start_kura_background.sh")
    assert b"-XX:HeapDumpPath=/var/log/" in background
    assert b"-Xrunjdwp" not in background
    assert b"address=8000" in read(tree, "bin/start_kura_debug.sh")


def test_plugins_are_started(tree: dict[GuestPath, Member]) -> None:
    config = read(tree, "kura/config.ini").decode()
    assert "osgi.bundles=reference\\:file\\:/opt/eurotech/esf/plugins/com.eurotech.demo_1.0.0.jar@4\\:start\n" in config


def test_keystores_open_with_their_published_passwords(tree: dict[GuestPath, Member], vendor: VendorIdentity) -> None:
    properties = read(tree, "kura/kura.properties").decode()
    for path, password, aliases in (
        ("security/cacerts.ks", esf.CACERTS_PASSWORD, {"demo-cloud-ca"}),
        ("kura/certificates.ks", esf.CERTIFICATES_PASSWORD, {"demo-vendor-ca", "demo-vendor-software"}),
    ):
        store = jks.KeyStore.loads(read(tree, path), password)
        assert set(store.certs) == aliases
        assert {entry.timestamp for entry in store.certs.values()} == {EPOCH * 1000}
        assert f"={password}\n" in properties


@pytest.mark.tools
def test_keytool_lists_the_keystores(tree: dict[GuestPath, Member], tmp_path: Path) -> None:
    store = tmp_path / "certificates.ks"
    store.write_bytes(read(tree, "kura/certificates.ks"))
    command = ["keytool", "-J-Duser.language=en", "-list", "-keystore", str(store)]
    done = subprocess.run(
        command, input=esf.CERTIFICATES_PASSWORD + "\n", capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("trustedCertEntry") == 2
    assert "Keystore type: JKS" in done.stdout


@pytest.mark.tools
def test_shell_and_firewall_accept_their_files(tree: dict[GuestPath, Member], tmp_path: Path) -> None:
    scripts = [path for path, member in tree.items() if member.read().startswith(b"#!/bin/sh")]
    assert len(scripts) == 8
    for path in scripts:
        subprocess.run(["sh", "-n"], input=tree[path].read(), check=True)
    # In a name space of its own: even a test load asks the kernel, which only root of a network may.
    command = ["unshare", "--user", "--map-root-user", "--net", "iptables-restore", "--test"]
    subprocess.run(command, input=read(tree, "/etc/sysconfig/iptables"), check=True, capture_output=True)


def test_equal_keys_give_equal_certificates_and_stores(
    keys: Path, vendor: VendorIdentity, tree: dict[GuestPath, Member]
) -> None:
    again = vendor_identity(keys)
    assert again.signer_chain == vendor.signer_chain
    assert again.cloud_ca == vendor.cloud_ca
    assert esf.esf5(again, {"com.eurotech.demo_1.0.0.jar": b"PK"}, epoch=EPOCH) == tree


def test_private_keys_are_private(keys: Path, vendor: VendorIdentity) -> None:
    found = sorted(keys.iterdir())
    assert [path.name for path in found] == ["cloud-ca.pem", "vendor-ca.pem", "vendor-signer.pem"]
    assert {path.stat().st_mode & 0o777 for path in found} == {0o600}
    assert keys.stat().st_mode & 0o777 == 0o700
    assert "signer_key" not in repr(vendor)


@pytest.mark.tools
def test_the_chain_is_good_for_signing_code(keys: Path, vendor: VendorIdentity, tmp_path: Path) -> None:
    for name, certificate in zip(("leaf", "root"), vendor.signer_chain, strict=True):
        (tmp_path / name).write_bytes(certificate.public_bytes(Encoding.PEM))
    command = ["openssl", "verify", "-x509_strict", "-purpose", "any", "-CAfile", str(tmp_path / "root")]
    subprocess.run([*command, str(tmp_path / "leaf")], check=True, capture_output=True)


@pytest.mark.parametrize(
    "content", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_damaged_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "vendor-ca.pem").write_bytes(content)
    with pytest.raises(PipelineError, match=r"vendor-ca\.pem: not an"):
        vendor_identity(tmp_path)
