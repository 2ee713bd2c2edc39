"""Snapshot, ``kuranet.conf``, DHCP servers and the firewall's file: a disagreement names both, each with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.model.gateway import Gateway
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.transforms import firewall
from tests.support.esf import every_layout
from tests.support.network import AS_GOLDEN, DHCPD, GATEWAYS, IPTABLES, KURANET, a_golden, an_image, committed
from tests.support.release import a_release

SNAPSHOT = "snapshot_1735689600000.xml"
DOWNLOADED = (Path(__file__).resolve().parents[4] / "golden" / SNAPSHOT).read_text()
RULES = committed(IPTABLES)
DATA = Path(__file__).resolve().parents[4] / "../shared/data/kura"
FIRST_INPUT = "-A INPUT -i lo"


def stated(name: str, value: str) -> str:
    """The committed snapshot with another value of a property of the firewall."""
    changed, count = re.subn(
        rf'(name="{re.escape(name)}"[^>]*>\s*)(?:<esf:value>[^<]*</esf:value>|<esf:value/>)',
        rf"\g<1><esf:value>{value}</esf:value>",
        DOWNLOADED,
    )
    assert count == 1
    return changed


def value_of(name: str) -> str:
    found = re.search(rf'name="{re.escape(name)}"[^>]*>\s*<esf:value>([^<]*)<', DOWNLOADED)
    return found[1] if found else ""


OPEN, NAT, FORWARDS = (value_of(f"firewall.{name}") for name in ("open.ports", "nat", "port.forwarding"))


def golden_of(files: Mapping[str, str | None], snapshot: str = DOWNLOADED) -> Golden:
    return replace(a_golden(files, snapshot=snapshot.encode()), snapshot_name=SNAPSHOT)


def found_in(golden: Golden) -> list[str]:
    with pytest.raises(PipelineError) as caught:
        firewall.restrict(golden, an_image(), a_release(), AS_GOLDEN)
    return [problem.what for problem in caught.value.problems]


def line(text: str, mark: str) -> int:
    assert mark in text, mark
    return text.count("\n", 0, text.index(mark)) + 1


def rules_with(*added: str, without: str = "", before: str = "-A FORWARD -i eth1 -o eth0") -> str:
    assert before in RULES
    assert without in RULES
    text = RULES.replace(f"{without}\n", "") if without else RULES
    return text.replace(before, "".join(f"{rule}\n" for rule in added) + before, 1)


in_snapshot = f"golden: {SNAPSHOT}: line {line(DOWNLOADED, 'firewall.open.ports')}"
in_file = f"golden: {IPTABLES}: line "


@pytest.mark.parametrize("gateway", GATEWAYS, ids=lambda gateway: gateway.name)
def test_the_demo_contradicts_itself_nowhere(gateway: Gateway) -> None:
    firewall.restrict(golden_of({}), an_image(), a_release(), gateway)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("-A INPUT -p tcp -m tcp --dport 2222 -j ACCEPT", "opens 2222/tcp"),
        ("-A INPUT -i eth1 -p udp -m udp --dport 53 -j ACCEPT", "opens 53/udp on eth1"),
        (
            "-A INPUT -s 192.168.10.0/24 -p tcp -m tcp --dport 9000:9010 -j ACCEPT",
            "9000 to 9010/tcp to 192.168.10.0/24",
        ),
        ("-A INPUT ! -i eth1 -p tcp -m tcp --dport 2222 -j ACCEPT", "opens 2222/tcp on all but eth1"),
    ],
)
def test_a_port_only_the_file_opens(rule: str, said: str) -> None:
    rules = rules_with(rule)
    found = [problem for problem in found_in(golden_of({IPTABLES: rules})) if said in problem]
    assert len(found) == 1
    assert f"{in_file}{line(rules, rule)}: " in found[0]
    assert in_snapshot in found[0]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("2222,tcp,,,,,,#", "2222/tcp"),
        ("53,udp,,eth1,,,,#", "53/udp on eth1"),
        ("700:800,tcp,192.168.10.0/24,,,,,#", "700 to 800/tcp to 192.168.10.0/24"),
    ],
)
def test_a_port_only_the_snapshot_opens(entry: str, said: str) -> None:
    (found,) = found_in(golden_of({}, stated("firewall.open.ports", f"{OPEN};{entry}")))
    assert found == (
        f"{in_snapshot}: firewall.open.ports opens {said}, but neither {in_file}{line(RULES, FIRST_INPUT)} "
        "nor another INPUT rule does"
    )


def test_the_same_ports_in_other_pieces_are_the_same() -> None:
    rules = rules_with(
        "-A INPUT -p tcp -m multiport --dports 700,701:710 -j ACCEPT",
        "-A INPUT -s 0.0.0.0/0 -p tcp --dport 711 -j ACCEPT",
    )
    snapshot = stated("firewall.open.ports", f"{OPEN};700:711,tcp,0.0.0.0/0,,,,,#")
    firewall.restrict(golden_of({IPTABLES: rules}, snapshot), an_image(), a_release(), AS_GOLDEN)


def test_a_forwarding_on_one_side_only() -> None:
    dnat = "-A PREROUTING -i eth1 -p tcp -m tcp --dport 8502 -j DNAT --to-destination 192.168.10.20:502"
    rules = rules_with(dnat, before="-A POSTROUTING -o eth1 -j MASQUERADE")
    empty = stated("firewall.port.forwarding", "")
    at = f"golden: {SNAPSHOT}: line {line(DOWNLOADED, 'firewall.port.forwarding')}"
    said = "eth1 tcp 8502 192.168.10.20 502"
    assert found_in(golden_of({IPTABLES: rules}, empty)) == [
        f"{in_file}{line(rules, dnat)}: {said}: is not in firewall.port.forwarding of {at}"
    ]
    entry = "eth1,eth0,192.168.10.20,tcp,8502,502,false,,,,#"
    same = stated("firewall.port.forwarding", entry)
    firewall.restrict(golden_of({IPTABLES: rules}, same), an_image(), a_release(), AS_GOLDEN)
    other = rules_with(dnat.replace("8502", "8503"), before="-A POSTROUTING -o eth1 -j MASQUERADE")
    (first, second) = found_in(golden_of({IPTABLES: other}, same))
    place = f"{in_file}{line(other, '-A PREROUTING')}"
    assert first == f"{at}: firewall.port.forwarding has {said}, but neither {place} nor another PREROUTING rule has"
    assert second.startswith(f"{place}: eth1 tcp 8503")


def test_a_translation_on_one_side_only() -> None:
    mask = "-A POSTROUTING -s 192.168.10.0/24 -o ppp0 -p tcp -j MASQUERADE"
    at = f"golden: {SNAPSHOT}: line {line(DOWNLOADED, 'firewall.nat')}"
    near = f"{in_file}{line(RULES, '-A POSTROUTING -o eth1')}"
    gone = found_in(golden_of({IPTABLES: rules_with(without=mask)}))
    assert gone == [
        f"{at}: firewall.nat has ppp0 tcp 192.168.10.0/24, but neither {near} nor another POSTROUTING rule has"
    ]
    unsaid = found_in(golden_of({}, stated("firewall.nat", "")))
    assert unsaid == [f"{in_file}{line(RULES, mask)}: ppp0 tcp 192.168.10.0/24: is not in firewall.nat of {at}"]


def test_kuranet_asks_for_a_translation_the_file_has_not() -> None:
    rules = rules_with(without="-A POSTROUTING -o eth1 -j MASQUERADE")
    kuranet = committed(KURANET)
    eth0, wlan0 = (line(kuranet, f"{name}.config.nat.dst.interface") for name in ("eth0", "wlan0"))
    found = found_in(golden_of({IPTABLES: rules}))
    near = f"{in_file}{line(rules, '-A POSTROUTING')}"
    assert found == [
        f"golden: {KURANET}: line {number}: {name} is translated to eth1, but neither {near} nor another POSTROUTING "
        "rule does that"
        for name, number in (("eth0", eth0), ("wlan0", wlan0))
    ]


def test_the_file_translates_what_kuranet_does_not_ask_for() -> None:
    mask = "-A POSTROUTING -o eth0 -j MASQUERADE"
    rules = rules_with(mask, before="-A POSTROUTING -o eth1 -j MASQUERADE")
    asked = f"golden: {KURANET}: line {line(committed(KURANET), 'nat.enabled')}"
    assert found_in(golden_of({IPTABLES: rules})) == [
        f"{in_file}{line(rules, mask)}: translates everything that leaves by eth0, but neither {asked} nor another "
        "interface there asks for it"
    ]
    # As it leaves the factory, kuranet.conf does not know by which interface.
    unknown = committed(KURANET).replace("nat.dst.interface=eth1", "nat.dst.interface=unknown")
    firewall.restrict(golden_of({IPTABLES: rules, KURANET: unknown}), an_image(), a_release(), AS_GOLDEN)


def test_clients_are_sent_to_a_name_server_the_firewall_closes() -> None:
    rule = "-A INPUT -i eth0 -p udp -m udp --dport 53 -j ACCEPT"
    snapshot = stated("firewall.open.ports", OPEN.replace("53,udp,,eth0,,,,#;", ""))
    found = found_in(golden_of({IPTABLES: rules_with(without=rule)}, snapshot))
    told = f"golden: {DHCPD}: line {line(committed(DHCPD), 'domain-name-servers')}"
    near = f"({in_file}{line(RULES, FIRST_INPUT)})"
    assert found == [
        f"{told}: clients on eth0 ask 192.168.10.1 for names, but the INPUT rules {near} refuse them: "
        "policy of the chain"
    ]
    drop = "-A INPUT -i eth0 -p udp -j DROP"
    rules = rules_with(drop, before=rule)
    assert any(f"{told}: " in one and f"({in_file}{line(rules, drop)})" in one for one in found_in(
        golden_of({IPTABLES: rules})))  # fmt: skip


@pytest.mark.parametrize("text", ["22,tcp,,,,,#", "eth1"])
def test_a_property_nobody_can_read_is_named_with_its_line(text: str) -> None:
    (found,) = found_in(golden_of({}, stated("firewall.open.ports", text)))
    assert found.startswith(f"{in_snapshot}: firewall.open.ports: entry ")


@pytest.mark.skipif(not DATA.is_dir(), reason="the collection of real Kura files is not beside this checkout")
def test_the_vendor_s_own_slip_is_found() -> None:
    """Kura 3 left the factory with port 5002 open in the file and 502 in the snapshot (formats 2)."""
    profile = DATA / "kura-3.0.0/distrib/raspberry-pi-2"
    files = {IPTABLES: (profile / "iptables.init").read_text(), KURANET: (profile / "kuranet.conf").read_text()}
    no_servers = {DHCPD: None, "/etc/dhcpd-wlan0.conf": None}
    golden = golden_of({**files, **no_servers}, (profile / "snapshot_0.xml").read_text())
    first, second = (problem for problem in found_in(golden) if not problem.startswith("gateway "))
    assert "line 18: firewall.open.ports opens 502/tcp to 127.0.0.1/32" in first
    assert f"{in_file}21: opens 5002/tcp to 127.0.0.1/32" in second


@pytest.mark.skipif(not DATA.is_dir(), reason="the collection of real Kura files is not beside this checkout")
def test_a_genuine_sample_of_kura_5_0_contradicts_itself_nowhere() -> None:
    """Its rules are in chains of Kura's own; INPUT has one jump and nothing else."""
    profile = DATA / "kura-5.0.0/raspberry-pi-2"
    layout = every_layout.LAYOUTS["kura-5-0"]
    assert layout.kuranet is not None
    files = {
        IPTABLES: (profile / "iptables.init").read_bytes(),
        layout.kuranet: (profile / "kuranet.conf").read_bytes(),
    }
    network = {GuestPath(path): content for path, content in files.items()}
    golden = Golden("5.0.0", (profile / "snapshot_0.xml").read_bytes(), b"", {}, None, network, {}, (), (), "00" * 32)
    assert firewall.contradictions(golden, layout) == []


def test_what_kura_5_0_spoils_its_own_file_with_is_passed_over() -> None:
    """A translation that does not masquerade, and one for all protocols, as 5.0.0 writes them."""
    rules = (
        "*filter\n:INPUT DROP [0:0]\n:forward-kura-ipf - [0:0]\n-A forward-kura-ipf -i eth1 -o eth0 -p all -m all "
        "-j ACCEPT\nCOMMIT\n*nat\n:postrouting-kura-ipf - [0:0]\n-A \n-A postrouting-kura-ipf -o eth0 -p all "
        "-j MASQUERADE\nCOMMIT\n"
    )
    golden = Golden("5.0.0", b"", b"", {}, None, {GuestPath(IPTABLES): rules.encode()}, {}, (), (), "00" * 32)
    assert firewall.contradictions(golden, every_layout.LAYOUTS["kura-5-0"]) == []
    assert firewall.contradictions(golden, every_layout.LAYOUTS["kura-4"])
