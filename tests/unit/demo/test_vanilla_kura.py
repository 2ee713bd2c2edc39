"""The stand-in for a vanilla Kura 5 against its layout and the programs and loaders that read such files."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from pipeline.demo import kura
from pipeline.demo.members import Member, with_parents
from pipeline.demo.vendor import https_identity, vendor_identity
from pipeline.formats.crypto import jks
from pipeline.formats.esf import esf_snapshot
from pipeline.formats.network.iptables.text import parse as parse_iptables
from pipeline.image.read.layout_detection import detect
from pipeline.inputs.layout_files import load_layouts
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind, Node, Tree

EPOCH = 1_700_000_000


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> dict[GuestPath, Member]:
    keys = tmp_path_factory.mktemp("vendor") / "keys"
    vendor, https = vendor_identity(keys), https_identity(keys)
    made = kura.kura5(vendor, https, {"org.example_1.0.0.jar": b"PK"}, epoch=EPOCH)
    assert kura.kura5(vendor, https_identity(keys), {"org.example_1.0.0.jar": b"PK"}, epoch=EPOCH) == made
    return with_parents(made, mtime=EPOCH)


def read(tree: dict[GuestPath, Member], path: str) -> bytes:
    place = path if path.startswith("/") else f"{kura.INSTALLATION}/{path}"
    return tree[GuestPath(place)].read()


def test_it_is_found_to_be_what_it_stands_for(tree: dict[GuestPath, Member]) -> None:
    nodes = {path: Node(member.kind, member.mode, target=member.target) for path, member in tree.items()}
    found = detect(Tree(nodes), load_layouts(), lambda path: tree[path].read())
    assert found is not None
    assert (found.layout.name, found.version) == ("kura-5", "5.6.0")
    for path in (found.layout.snapshots, found.layout.cacerts, found.layout.custom_properties,
                 found.layout.restore, *found.layout.start_scripts):  # fmt: skip
        assert Tree(nodes).get(Tree(nodes).resolve(path)) is not None, path
    # The deployment agent makes it at its first start.
    assert Tree(nodes).get(Tree(nodes).resolve(found.layout.packages)) is None


def test_everything_of_the_installation_is_the_process_s_own(tree: dict[GuestPath, Member]) -> None:
    below = {path: member for path, member in tree.items() if path.is_under(GuestPath("/opt/eclipse"))}
    # But for the keystore of the console: keytool makes it as root when owners and modes have been set.
    https = below.pop(kura.INSTALLATION / "user/security/httpskeystore.ks")
    assert (https.uid, https.gid, https.mode) == (0, 0, 0o644)
    assert {(member.uid, member.gid) for member in below.values()} == {(kura.UID, kura.GID)}
    assert not [path for path, member in below.items() if member.kind is not Kind.LINK and member.mode & 0o077]
    assert tree[GuestPath("/opt/eclipse")].mode == 0o755
    assert f"User={kura.USER}".encode() in read(tree, "/usr/lib/systemd/system/kura.service")


def test_the_snapshot_loads_and_is_as_weak_as_a_vendor_s(tree: dict[GuestPath, Member]) -> None:
    loaded = esf_snapshot.load(read(tree, "user/snapshots/snapshot_0.xml"), "C")
    assert loaded.malformations == ()
    assert loaded.snapshot is not None
    https = loaded.snapshot.get("HttpsKeystore")
    assert https is not None
    assert https.text("keystore.password") == "changeit"
    firewall = loaded.snapshot.get("org.eclipse.kura.net.admin.FirewallConfigurationService")
    assert firewall is not None
    assert "8000,tcp" in firewall.text("firewall.open.ports")
    assert read(tree, ".data/snapshot_0.xml") == read(tree, "user/snapshots/snapshot_0.xml")


def test_keystores_open_and_the_console_s_key_is_in_every_copy(tree: dict[GuestPath, Member]) -> None:
    store = pkcs12.load_pkcs12(read(tree, "user/security/httpskeystore.ks"), b"changeit")
    assert store.key is not None
    assert store.cert is not None
    assert store.cert.friendly_name == b"localhost"
    assert [entry.alias for entry in jks.read_keystore(read(tree, "user/security/cacerts.ks"), "changeit", "test")] == [
        "demo-cloud-ca"
    ]


def test_units_are_enabled_as_systemctl_does(tree: dict[GuestPath, Member]) -> None:
    for name in kura.UNITS:
        link = tree[GuestPath(f"/etc/systemd/system/multi-user.target.wants/{name}.service")]
        place = "/etc/systemd/system" if name == "firstboot" else "/lib/systemd/system"
        assert (link.kind, link.target) == (Kind.LINK, f"{place}/{name}.service")
        assert b"WantedBy=multi-user.target" in read(tree, link.target.replace("/lib/", "/usr/lib/", 1))


def test_the_firewall_can_be_read(tree: dict[GuestPath, Member]) -> None:
    assert parse_iptables(read(tree, "/etc/sysconfig/iptables").decode(), "test").table("filter") is not None


@pytest.mark.tools
def test_scripts_are_shell(tree: dict[GuestPath, Member], tmp_path: Path) -> None:
    scripts = [path for path in tree if path.name.endswith(".sh") or path.name == "firewall"]
    assert len(scripts) == 6
    for path in scripts:
        file = tmp_path / hashlib.sha256(path.encode()).hexdigest()
        file.write_bytes(tree[path].read())
        done = subprocess.run(["bash", "-n", str(file)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{path}: {done.stderr}"


@pytest.mark.tools
def test_the_start_configuration_names_the_bundles(tree: dict[GuestPath, Member], tmp_path: Path) -> None:
    for path in ("bin/gen_config_ini.sh", "framework/config.ini"):
        (tmp_path / Path(path).name).write_bytes(read(tree, path))
    (tmp_path / "plugins/4s").mkdir(parents=True)
    (tmp_path / "plugins/4s/a.jar").touch()
    (tmp_path / "plugins/2").mkdir()
    (tmp_path / "plugins/2/b.jar").touch()
    done = subprocess.run(
        ["sh", "gen_config_ini.sh", "config.ini", "plugins"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    last = done.stdout.splitlines()[-1]
    assert last == "osgi.bundles=reference:file:plugins/2/b.jar@2,reference:file:plugins/4s/a.jar@4:start,"


@pytest.mark.tools
def test_keytool_opens_the_console_s_keystore_as_its_own(tree: dict[GuestPath, Member], tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.write_bytes(read(tree, "user/security/httpskeystore.ks"))
    done = subprocess.run(
        ["keytool", "-list", "-keystore", str(store), "-storepass:env", "STORE"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", "STORE": "changeit"},
    )
    assert "Keystore type: PKCS12" in done.stdout
    assert "localhost" in done.stdout
    assert "PrivateKeyEntry" in done.stdout


def test_what_the_installer_changes_outside_its_own_tree(tree: dict[GuestPath, Member]) -> None:
    for path in (
        "/etc/netplan/zz-kura-use-nm.yaml", "/etc/netplan/50-cloud-init.yaml.kurasave", "/etc/default/dnsmasq",
        "/etc/NetworkManager/conf.d/99-kura-nm.conf", "/etc/apparmor.d/usr.sbin.named", "/etc/cron.d/logrotate-kura",
        "/etc/tmpfiles.d/kura.conf", "/etc/cloud/cloud.cfg.d/99-disable-network-config.cfg", "/etc/bind/rndc.key",
    ):  # fmt: skip
        assert GuestPath(path) in tree, path
    assert tree[GuestPath("/etc/bind/rndc.key")].mode == 0o600


LISTING = Path(__file__).resolve().parents[3] / "../shared/data/kura/installed/kura-5.6.0-generic-x86_64.txt"


@pytest.mark.skipif(not LISTING.exists(), reason="the listing of a genuine installation is not here")
def test_it_has_what_a_genuine_listing_has(tree: dict[GuestPath, Member]) -> None:
    nodes = Tree({path: Node(member.kind, member.mode, target=member.target) for path, member in tree.items()})
    rows = [line.split("\t") for line in LISTING.read_text("utf-8").splitlines() if line.startswith("/")]
    assert len(rows) > 30
    kinds = {"file": Kind.FILE, "directory": Kind.DIRECTORY, "link": Kind.LINK}
    missing = []
    for path, kind, _, target in rows:
        node = nodes.get(nodes.resolve(GuestPath(path), follow_last=False))
        if path.endswith(".jar"):
            continue
        if node is None or node.kind is not kinds[kind] or node.target != target:
            missing.append((path, kind, node))
    assert not missing
    listed = {path for path, *_ in rows}
    assert not [path for path in tree if path.parent == kura.INSTALLATION and path not in listed]
