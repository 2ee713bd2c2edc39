"""Open-source Kura 5 the whole way: its example builds and verifies, and what comes out is what a Kura 5 reads."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.formats.esf import esf_snapshot
from pipeline.formats.esf.esf_snapshot import Configuration, Snapshot
from pipeline.formats.network.iptables import text as iptables
from tests.support.media.image_files import check_filesystem, extract, extract_tree, read_file
from tests.support.programs.boot_tests import boot_test, digests_of
from tests.support.workspaces import an_example, doit

pytestmark = [pytest.mark.appliance, pytest.mark.tools]

GATEWAY = "gw-mill-01"
KURA = "/opt/eclipse/kura_5.6.0_generic-x86_64"
KURAD = 990
QUIET = {**os.environ, "JAVA_TOOL_OPTIONS": "", "LC_ALL": "C.UTF-8"}
# The documents' nine, those their list forgets, and what NetworkManager keeps (A:181 to A:199).
NETWORK_FILES = (
    "/etc/network/", "/etc/sysconfig/", "/etc/dhcpd-", "/etc/udhcpd-", "/etc/hostapd-", "/etc/wpa_supplicant-",
    "/etc/ppp/", "/etc/bind/", "/etc/init.d/firewall", "/etc/NetworkManager/", f"{KURA}/user/kuranet.conf",
)  # fmt: skip


@dataclass(frozen=True)
class Finished:
    """One gateway's results."""

    workspace: Path
    image: Path
    manifest: dict[str, Any]

    def snapshot(self, path: str = f"{KURA}/user/snapshots/snapshot_0.xml") -> Snapshot:
        """A snapshot of the image as Kura's own loader takes it."""
        loaded = esf_snapshot.load(read_file(self.image, path), "C")
        assert loaded.snapshot is not None
        assert not loaded.malformations
        return loaded.snapshot

    def component(self, pid: str) -> Configuration:
        """A component of the snapshot that must be there."""
        found = self.snapshot().get(pid)
        assert found is not None, pid
        return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    workspace = an_example(tmp_path_factory.mktemp("kura") / "workspace", "kura-5")
    ran = doit(workspace, f"image:{GATEWAY}")
    assert ran.status == 0, ran.text
    assert "Kura 5.6.0" in ran.text
    assert f"{GATEWAY}: verified" in ran.text
    directory = workspace / "out/kura-demo-1.0" / GATEWAY
    return Finished(workspace, directory / "image.img", json.loads((directory / "manifest.json").read_bytes()))


def test_the_file_system_is_clean(finished: Finished) -> None:
    assert check_filesystem(finished.image).returncode == 0


def test_stock_ssh_keygen_verifies_the_manifest(finished: Finished) -> None:
    signers = finished.workspace / ".demo/keys/allowed_signers"
    directory = finished.image.parent
    command = [
        "ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", signers.read_text().split()[0],
        "-n", "gateway-image-manifest", "-s", str(directory / "manifest.json.sig"),
    ]  # fmt: skip
    content = (directory / "manifest.json").read_bytes()
    assert subprocess.run(command, input=content, capture_output=True, check=False).returncode == 0


def test_no_linux_network_file_is_touched(finished: Finished) -> None:
    paths = list(finished.manifest["changes"])
    assert any(path.endswith("/snapshot_0.xml") for path in paths)
    # But for the one that is in force before the framework has started and makes it anew, and the name server's control
    # key, which the installer made for all copies of the image: that goes.
    changed = [path for path in paths if path.startswith(NETWORK_FILES)]
    assert changed == ["/etc/bind/rndc.key", "/etc/sysconfig/iptables"]


def test_before_the_framework_starts_the_firewall_says_what_the_snapshot_says(finished: Finished) -> None:
    content = read_file(finished.image, "/etc/sysconfig/iptables")
    assert content == read_file(finished.image, f"{KURA}/.data/iptables")
    table = iptables.parse(content.decode(), "image").table("filter")
    assert table is not None
    ports = finished.component("org.eclipse.kura.net.admin.FirewallConfigurationService").text("firewall.open.ports")
    stated = {tuple(entry.split(",")[:2]) for entry in ports.split(";")}
    rules = [rule for rule in table.of("input-kura") if rule.destination_ports()]
    assert {(rule.value("--dport"), rule.value("-p")) for rule in rules} == stated
    assert [rule.text for rule in table.of("INPUT")] == ["-A INPUT -j input-kura"]
    outcomes = finished.manifest["rules"]["outcomes"]
    for name in ("firewall.before_start", "firewall.loaded", "firewall.factory_restore", "reachability.after_reset"):
        assert outcomes[name]["outcome"] == "pass", outcomes[name]


def test_the_network_is_in_the_snapshot(finished: Finished) -> None:
    network = finished.component("org.eclipse.kura.net.admin.NetworkConfigurationService")
    told = {name: network.text(f"net.interface.{name}") for name in (
        "eth0.config.ip4.address", "eth0.config.dhcpServer4.rangeStart", "wlan0.config.wifi.master.ssid",
        "1-2.config.ip4.status", "1-2.config.password", "eth1.config.ip6.status", "eth0.mac",
    )}  # fmt: skip
    assert told == {
        "eth0.config.ip4.address": "192.168.21.1",
        "eth0.config.dhcpServer4.rangeStart": "192.168.21.100",
        "wlan0.config.wifi.master.ssid": "mill_ap",
        "1-2.config.ip4.status": "netIPv4StatusDisabled",
        "1-2.config.password": "",
        "eth1.config.ip6.status": "netIPv6StatusDisabled",
        "eth0.mac": "",
    }
    ports = finished.component("org.eclipse.kura.net.admin.FirewallConfigurationService").text("firewall.open.ports")
    entries = [entry.split(",") for entry in ports.split(";")]
    assert {entry[2] for entry in entries if entry[0] in ("443", "4443")} == {"10.234.0.0/16"}
    assert "49153" in [entry[0] for entry in entries]
    assert not {"22", "8000", "1450"} & {entry[0] for entry in entries}


def test_a_reset_restores_what_was_delivered(finished: Finished) -> None:
    assert finished.snapshot(f"{KURA}/.data/snapshot_0.xml") == finished.snapshot()


def test_only_the_release_s_console_user_is_there(finished: Finished) -> None:
    roles = finished.component("org.eclipse.kura.internal.useradmin.store.RoleRepositoryStoreImpl")
    (user,) = json.loads(roles.text("users.config"))
    assert user["name"] == "kura.user.admin"
    assert user["properties"] == {"kura.need.password.change": "true"}
    stored = user["credentials"]["kura.password"]
    weak = ("admin", "kura.user.admin", "Golden-Console-Pw-7", GATEWAY, "")
    assert stored not in {base64.b64encode(hashlib.sha256(word.encode()).digest()).decode() for word in weak}
    assert len(base64.b64decode(stored, validate=True)) == 32
    members = [name for group in json.loads(roles.text("groups.config")) for name in group.get("basicMembers", [])]
    assert members == ["kura.user.admin"]


def test_keytool_opens_each_keystore_with_the_snapshot_s_password(finished: Finished, tmp_path: Path) -> None:
    wanted = {
        "SSLKeystore": ("cacerts.ks", "trustedCertEntry"),
        "HttpsKeystore": ("httpskeystore.ks", "PrivateKeyEntry"),
    }
    passwords = set()
    for pid, (name, kind) in wanted.items():
        service = finished.component(pid)
        assert service.text("randomize.password") == "true"
        assert service.text("keystore.path") == f"/opt/eclipse/kura/user/security/{name}"
        passwords.add(service.text("keystore.password"))
        store = extract(finished.image, f"{KURA}/user/security/{name}", tmp_path)
        done = subprocess.run(
            ["keytool", "-list", "-v", "-keystore", str(store), "-storepass:env", "STORE"],
            capture_output=True,
            text=True,
            check=False,
            env={**QUIET, "STORE": service.text("keystore.password")},
        )
        assert done.returncode == 0, done.stdout
        assert f"Entry type: {kind}" in done.stdout
        assert (f"Owner: CN={GATEWAY}" in done.stdout) == (pid == "HttpsKeystore")
    assert len(passwords) == 2
    assert "changeit" not in passwords


def test_files_belong_to_the_process_that_reads_them(finished: Finished) -> None:
    secret = {f"{KURA}/user/snapshots/snapshot_0.xml", f"{KURA}/framework/kura.properties",
              f"{KURA}/user/security/cacerts.ks", f"{KURA}/user/security/httpskeystore.ks"}  # fmt: skip
    changes = finished.manifest["changes"]
    found = {path: change for path, change in changes.items() if path in secret}
    assert set(found) == secret
    assert {(change["mode"], change["uid"], change["gid"]) for change in found.values()} == {("0600", KURAD, KURAD)}
    below = [change for path, change in changes.items() if path.startswith(KURA)]
    assert {change["uid"] for change in below if "uid" in change} == {KURAD}


def test_bundles_are_signed_and_there_is_no_policy(finished: Finished, tmp_path: Path) -> None:
    packages = extract_tree(finished.image, f"{KURA}/packages", tmp_path)
    listed = (packages / "dpa.properties").read_text()
    bundles = 0
    for package in sorted(packages.glob("*.dp")):
        assert f"file\\:/opt/eclipse/kura/packages/{package.name}" in listed
        with zipfile.ZipFile(package) as archive:
            for name in archive.namelist():
                if name.endswith(".jar"):
                    jar = tmp_path / "bundle.jar"
                    jar.write_bytes(archive.read(name))
                    done = subprocess.run(
                        ["jarsigner", "-verify", "-strict", str(jar)],
                        capture_output=True, text=True, check=False, env=QUIET,
                    )  # fmt: skip
                    # 4: a chain this JDK does not know, as a self-signed one must be; 16 would be unsigned entries.
                    assert done.returncode in (0, 4), done.stdout
                    assert "jar verified" in done.stdout
                    bundles += 1
    assert bundles == 2
    tree = " ".join(finished.manifest["changes"])
    assert "security.policy" not in tree
    assert "certificates.ks" not in tree


def test_the_start_script_is_as_production_wants_it(finished: Finished) -> None:
    script = read_file(finished.image, f"{KURA}/bin/start_kura_background.sh").decode()
    assert "-XX:HeapDumpPath=/dev/null" in script
    assert "kura-heapdump" not in script
    assert f"{KURA}/bin/start_kura_debug.sh" in finished.manifest["changes"]


def test_nothing_of_the_golden_sample_s_secrets_is_in_the_image(finished: Finished) -> None:
    image = finished.image.read_bytes()
    for word in (b"Golden-Mqtt-Pw-1", b"Golden-AP-Pass-11", b"Golden-Apn-Pw-9", b"q8u1v5golden2ssl9ks4password0aa",
                 b"golden-sample-client", b"m.rossi", b"testKEYS"):  # fmt: skip
        assert word not in image
        assert base64.b64encode(word)[:-4] not in image


def test_the_rules_say_what_does_not_apply(finished: Finished) -> None:
    outcomes = {name: rule["outcome"] for name, rule in finished.manifest["rules"]["outcomes"].items()}
    assert "fail" not in outcomes.values()
    for name in ("policy.production", "bundles.trusted", "network.interface", "snapshot.provisioning"):
        assert outcomes[name] == "not applicable"
    for name in ("firewall.restrict", "firewall.console_from_vpn", "keystores.opens", "network.wifi_snapshot",
                 "reachability.ssh", "snapshot.console_password"):  # fmt: skip
        assert outcomes[name] == "pass"


@pytest.mark.boot
def test_it_boots_under_systemd_and_does_what_its_manifest_says(finished: Finished, tmp_path: Path) -> None:
    before = digests_of(finished.image.parent)
    key = finished.workspace / ".demo/keys/demo-user"
    tested = boot_test(finished.workspace, GATEWAY, key, tmp_path / "log")
    assert digests_of(finished.image.parent) == before
    assert tested.told["findings"] == [], tested.text
    assert tested.status == 0
    for word in ("started by systemd", "SSH on port 49153 with the manifest's host keys", "root and passwords refused",
                 "login with the key", "host name and machine id", "1 services off", "silent on mDNS's port", "users",
                 "firewall rules in the kernel"):  # fmt: skip
        assert word in tested.told["checks"], tested.text
    # A port that is let in and that nobody listens on refuses; one that is kept out says nothing at all.
    elsewhere, vpn = (tested.answers("eth1", where) for where in ("the same network", "the VPN"))
    assert {port: answer for port, answer in elsewhere.items() if answer != "silent"} == {49153: "open"}
    let_in = {port: answer for port, answer in vpn.items() if answer != "silent"}
    assert let_in == {49153: "open", 443: "refused", 4443: "refused"}
    assert {22, 80, 443, 1450, 4443, 8000} <= set(elsewhere)
