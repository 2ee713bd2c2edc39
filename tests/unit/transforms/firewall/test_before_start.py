"""Kura 5.1 and later, from power-on until the framework has started: as closed as after, and SSH answers."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.network.iptables.rules import Table
from pipeline.formats.network.iptables.text import parse
from pipeline.formats.network.iptables.walk import Packet, opening, refusal
from pipeline.model.gateway import Gateway, Interface
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer
from pipeline.model.tree import Tree
from pipeline.transforms import firewall
from tests.support.kura import KURA, a_kura, a_kura_golden, with_values
from tests.support.network import IPTABLES
from tests.support.release import a_release

PERSISTENT = "/etc/iptables/rules.v4"
COPY = f"{KURA}/.data/iptables"
PID = "org.eclipse.kura.net.admin.FirewallConfigurationService"
DATA = Path(__file__).resolve().parents[4] / "../shared/data/kura"
NOTHING: Mapping[str, bytes | str | None] = {}
MILL = Gateway("gw-mill-01", interfaces={"eth0": Interface("eth0", "lan", "static", "192.168.21.1/24")})


def written(files: Mapping[str, bytes | str | None] = NOTHING) -> Layer:
    layer, _ = firewall.restrict(a_kura_golden(), a_kura(files), a_release(), MILL)
    return layer


def text(layer: Layer, path: str) -> str:
    entry = layer.by_path[GuestPath(path)]
    assert isinstance(entry, FileEntry)
    return entry.content.decode()


def table(content: str) -> Table:
    found = parse(content, "test").table("filter")
    assert found is not None
    return found


STRANGER, VPN = IPv4Address("198.51.100.7"), IPv4Address("10.234.7.7")


@pytest.mark.parametrize("source", [STRANGER, VPN, IPv4Address("192.168.21.9")])
@pytest.mark.parametrize("interface", ["eth0", "eth1", "wlan0", "unheard0"])
def test_closed_before_the_start(source: IPv4Address, interface: str) -> None:
    rules = table(text(written(), IPTABLES))
    for port in (22, 80, 1450, 5002, 8000):
        assert opening(rules, "INPUT", Packet(source, interface, "tcp", port)) is None, port
    for port in (443, 4443):
        found = opening(rules, "INPUT", Packet(source, interface, "tcp", port))
        assert (found is not None) == (source == VPN), port
    assert refusal(rules, "INPUT", Packet(source, interface, "tcp", 49153)) is None


def test_the_rules_stand_where_the_framework_empties_them() -> None:
    """Anywhere else they would stay, whatever is set in the console."""
    rules = table(text(written(), IPTABLES))
    assert [rule.text for rule in rules.of("INPUT")] == ["-A INPUT -j input-kura"]
    assert rules.of("input-kura")[-1].text == "-A input-kura -j RETURN"
    assert {chain.name: chain.policy for chain in rules.chains if chain.policy != "-"} == {
        "INPUT": "DROP", "FORWARD": "DROP", "OUTPUT": "ACCEPT",
    }  # fmt: skip
    assert any("--icmp-type 8" in rule.text for rule in rules.of("input-kura"))
    # Only what leads to further chains, which are empty: nothing is forwarded yet.
    leads = [rule.text for rule in rules.of("forward-kura")]
    assert leads == [f"-A forward-kura -j {name}" for name in ("forward-kura-ipf", "forward-kura-pf", "RETURN")]
    for name in ("forward-kura-pf", "forward-kura-ipf"):
        assert [rule.text for rule in rules.of(name)] == [f"-A {name} -j RETURN"]


def test_it_says_what_the_snapshot_says() -> None:
    layer, settings = firewall.restrict(a_kura_golden(), a_kura(), a_release(), MILL)
    (stated,) = [setting.values for setting in settings if setting.name == "firewall.open.ports"]
    assert stated is not None
    entries = {tuple(entry.split(",")[:2]) for entry in stated[0].split(";")}
    rules = table(text(layer, IPTABLES)).of("input-kura")
    assert entries == {(rule.value("--dport"), rule.value("-p")) for rule in rules if rule.destination_ports()}


def test_wherever_the_image_has_it_and_after_a_reset() -> None:
    layer = written({PERSISTENT: "*filter\nCOMMIT\n"})
    assert text(layer, IPTABLES) == text(layer, PERSISTENT) == text(layer, COPY)
    assert GuestPath(PERSISTENT) not in written().by_path
    assert GuestPath(COPY) not in written({COPY: None}).by_path


def test_owner_and_mode_stay_the_framework_s() -> None:
    vanilla = a_kura()
    place = vanilla.tree.resolve(GuestPath(IPTABLES))
    node = replace(vanilla.tree.nodes[place], uid=990, gid=991, mode=0o640)
    vanilla = replace(vanilla, tree=Tree({**vanilla.tree.nodes, place: node}))
    layer, _ = firewall.restrict(a_kura_golden(), vanilla, a_release(), MILL)
    entry = layer.by_path[GuestPath(IPTABLES)]
    assert isinstance(entry, FileEntry)
    assert (entry.uid, entry.gid, entry.mode) == (990, 991, 0o640)


@pytest.mark.parametrize("vendor", [None, "no rules\n", "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n", b"\xff"])
def test_without_a_vendor_s_file_that_can_be_used(vendor: str | bytes | None) -> None:
    rules = table(text(written({IPTABLES: vendor}), IPTABLES))
    assert [rule.text for rule in rules.of("INPUT")] == ["-A INPUT -j input-kura"]
    assert opening(rules, "INPUT", Packet(STRANGER, "eth0", "tcp", 443)) is None


def test_a_way_in_that_only_the_vendor_had_is_gone() -> None:
    vendor = (
        "*nat\n:PREROUTING ACCEPT [0:0]\n:prerouting-kura - [0:0]\n-I PREROUTING -j prerouting-kura\n"
        "-A PREROUTING -p tcp --dport 9 -j REDIRECT --to-ports 443\nCOMMIT\n"
        "*filter\n:INPUT ACCEPT [3:9]\n:FORWARD ACCEPT [0:0]\n:input-kura - [0:0]\n:own - [0:0]\n"
        "-I INPUT -j input-kura\n-A INPUT -j own\n-A own -p tcp --dport 443 -j ACCEPT\n"
        "-A input-kura -j RETURN\nCOMMIT\n"
    )
    content = text(written({IPTABLES: vendor}), IPTABLES)
    assert "REDIRECT" not in content
    assert "-A PREROUTING -j prerouting-kura" in content
    assert [rule.text for rule in table(content).of("own")] == []
    assert opening(table(content), "INPUT", Packet(STRANGER, "eth0", "tcp", 443)) is None


def test_a_golden_sample_that_would_lock_everybody_out_is_refused_for_this_too() -> None:
    golden = a_kura_golden(with_values(PID, firewall_open_ports="443,tcp,,,,,,#"))
    with pytest.raises(PipelineError, match="before the framework starts: SSH"):
        firewall.restrict(golden, a_kura(), a_release(), MILL)


@pytest.mark.tools
@pytest.mark.parametrize("vendor", ["demo", "none", "kura-develop"])
def test_the_kernel_s_own_tools_take_the_rules(vendor: str) -> None:
    files: dict[str, bytes | str | None] = {} if vendor == "demo" else {IPTABLES: None}
    if vendor == "kura-develop":
        place = DATA / "kura-develop-2024-10-24/distrib/common/iptables/iptables"
        if not place.exists():
            pytest.skip("the collection of real Kura files is not beside this checkout")
        files = {IPTABLES: place.read_text().replace("ETH_INTERFACE_0", "eth0").replace("WIFI_INTERFACE_0", "wlan0")}
    content = text(written(files), IPTABLES)
    command = ["unshare", "--map-root-user", "--net", "/usr/sbin/iptables-restore", "--test"]
    done = subprocess.run(command, input=content, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    broken = content.replace("-A input-kura -i lo", "-A input-kura --no-such-option")
    assert subprocess.run(command, input=broken, text=True, capture_output=True, check=False).returncode != 0
