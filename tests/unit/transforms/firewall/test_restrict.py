"""The firewall of each gateway: what is closed, what is open, what is refused."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.esf import firewall_ports
from pipeline.formats.network.iptables.rules import Table
from pipeline.formats.network.iptables.text import parse
from pipeline.formats.network.iptables.walk import Packet, walk
from pipeline.model.gateway import Gateway, Interface
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer
from pipeline.model.release import Firewall, Ssh
from pipeline.model.vanilla import Vanilla
from pipeline.transforms import firewall
from tests.support.network import (
    AS_GOLDEN,
    CUSTOM,
    GATEWAYS,
    IPTABLES,
    KURANET,
    LAB,
    NORTH,
    SOUTH,
    a_gateway_with,
    a_golden,
    an_image,
    committed,
    replaced,
)
from tests.support.release import a_release
from tests.support.vanilla import ESF, LAYOUT

KURA_5_0 = replace(LAYOUT, name="kura-5-0", product="Kura", versions=("5.0",), generation="C")
VPN = IPv4Address("10.234.0.1")
STRANGER = IPv4Address("192.0.2.1")


def restricted(
    gateway: Gateway = AS_GOLDEN, golden: Golden | None = None, image: Vanilla | None = None
) -> tuple[Layer, dict[str, str]]:
    layer, settings = firewall.restrict(golden or a_golden(), image or an_image(), a_release(), gateway)
    return layer, {setting.name: (setting.values or ("",))[0] for setting in settings}


def rules_of(layer: Layer) -> list[str]:
    return content(layer, IPTABLES).splitlines()


def content(layer: Layer, path: str) -> str:
    entry = layer.by_path[GuestPath(path)]
    assert isinstance(entry, FileEntry)
    return entry.content.decode()


def filtered(layer: Layer) -> Table:
    found = parse(content(layer, IPTABLES), "f").table("filter")
    assert found is not None
    return found


def verdict(layer: Layer, source: IPv4Address, interface: str, port: int) -> str:
    (end,) = walk(filtered(layer), "INPUT", Packet(source, interface, "tcp", port))
    return end.target


def problems(*rules: str, gateway: Gateway = AS_GOLDEN, old: str = "") -> list[str]:
    """What is wrong once these rules stand in the golden file, after loopback and ICMP or in place of another."""
    text = committed(IPTABLES)
    place = old or "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"
    assert place in text
    golden = a_golden({IPTABLES: text.replace(place, "\n".join([*rules, *([] if old else [place])]))})
    with pytest.raises(PipelineError) as caught:
        restricted(gateway, golden)
    return [problem.what for problem in caught.value.problems]


def added(*rules: str) -> Golden:
    place = "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"
    return a_golden({IPTABLES: committed(IPTABLES).replace(place, "\n".join([*rules, place]))})


@pytest.mark.parametrize("gateway", GATEWAYS, ids=lambda gateway: gateway.name)
@pytest.mark.parametrize("interface", ["eth0", "eth1", "wlan0", "ppp0", "tun0"])
def test_from_outside_only_ssh_answers(gateway: Gateway, interface: str) -> None:
    layer, _ = restricted(gateway)
    for port in (80, 8000, 1450, 22, 5002, 443):
        assert verdict(layer, STRANGER, interface, port) == "DROP", port
    assert verdict(layer, STRANGER, interface, 49153) == "ACCEPT"
    assert verdict(layer, VPN, interface, 80) == "ACCEPT"
    assert verdict(layer, VPN, interface, 8000) == "DROP"
    assert verdict(layer, IPv4Address("192.168.10.5"), interface, 80) == "DROP"


def test_the_snapshot_says_what_the_file_says() -> None:
    layer, settings = restricted(SOUTH)
    ports = firewall_ports.parse_open_ports(settings["firewall.open.ports"], "f")
    assert [(port.ports, port.network, port.interface) for port in ports] == [
        ("49153", "", ""),
        ("80", "10.234.0.0/16", ""),
        ("5002", "127.0.0.1/32", ""),
        ("502", "192.168.10.0/24", "eth0"),
        ("53", "", "eth0"),
        ("67", "", "eth0"),
    ]
    assert settings["firewall.nat"] == "eth0,ppp0,tcp,192.168.10.0/24,,true,#"
    assert settings["firewall.port.forwarding"] == ""
    assert "-A POSTROUTING -s 192.168.10.0/24 -o ppp0 -p tcp -j MASQUERADE" in rules_of(layer)


def test_rules_of_disabled_interfaces_go() -> None:
    text = content(restricted(LAB)[0], IPTABLES)
    assert "wlan0" not in text
    assert "ppp0" not in text
    assert "-A FORWARD -i eth0 -o eth1 -j ACCEPT" in text


def test_addresses_follow_the_gateway() -> None:
    forward = [
        "-A PREROUTING -i eth1 -p tcp -m tcp --dport 8443 -j DNAT --to-destination 192.168.10.20:443",
        "-A POSTROUTING -d 192.168.10.20/32 -o eth0 -j MASQUERADE",
    ]
    golden = a_golden(
        replaced(
            IPTABLES,
            ("-A POSTROUTING -o eth1", "\n".join([*forward, "-A POSTROUTING -o eth1"])),
            (
                "-A FORWARD -i eth0 -o eth1",
                "-A FORWARD -d 192.168.10.20/32 -i eth1 -o eth0 -j ACCEPT\n-A FORWARD -i eth0 -o eth1",
            ),
        )
    )
    layer, settings = restricted(NORTH, golden)
    text = content(layer, IPTABLES)
    assert "192.168.10." not in text
    assert "--to-destination 192.168.11.20:443" in text
    assert "-d 192.168.11.20/32 -i eth1 -o eth0" in text
    assert "-s 192.168.11.0/24 -i eth0 -p tcp -m tcp --dport 502" in text
    assert settings["firewall.port.forwarding"] == "eth1,eth0,192.168.11.20,tcp,8443,443,true,,,,#"


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        ("-p tcp -m tcp --dport 7000:9000", ["7000:7999", "8001:9000"]),
        ("-p tcp -m multiport --dports 443,1450,8000,9000:9001", ["443", "9000:9001"]),
        ("-p tcp -m tcp --dport 79:81", ["79", "81"]),
        ("-p tcp -m tcp --dport 8000", []),
        ("-p tcp -m tcp --dport 5002", []),
        ("-s 10.234.7.0/24 -p tcp -m tcp --dport 79:81", ["79:81"]),
        ("-s 10.0.0.0/8 -p tcp -m tcp --dport 79:81", ["79", "81"]),
        ("-p tcp -m tcp --dport 20:23", ["20:21", "23", "49153"]),
        (
            "-p tcp -m tcp ! --dport 9999",
            ["0:21", "23:79", "81:1449", "1451:5001", "5003:7999", "8001:9998", "10000:65535"],
        ),
    ],
)  # fmt: skip
def test_ports_are_cut_out_of_ranges_and_lists(rule: str, left: list[str]) -> None:
    layer, settings = restricted(golden=added(f"-A INPUT -i eth1 {rule} -j ACCEPT"))
    found = [made for made in filtered(layer).of("INPUT") if made.value("-i") == "eth1"]
    assert [made.value("--dport") for made in found] == left
    told = firewall_ports.parse_open_ports(settings["firewall.open.ports"], "f")
    assert [port.ports for port in told if port.interface == "eth1"] == left


def test_ssh_keeps_its_source_and_interface() -> None:
    golden = a_golden(
        replaced(
            IPTABLES,
            ("-A INPUT -p tcp -m tcp --dport 22", "-A INPUT -s 10.234.0.0/16 -i ppp0 -p tcp -m tcp --dport 22"),
        )
    )
    assert "-A INPUT -s 10.234.0.0/16 -i ppp0 -p tcp -m tcp --dport 49153 -j ACCEPT" in rules_of(
        restricted(golden=golden)[0]
    )


def test_an_open_policy_is_closed() -> None:
    golden = a_golden(replaced(IPTABLES, (":INPUT DROP", ":INPUT ACCEPT"), (":FORWARD DROP [0:0]\n", "")))
    text = content(restricted(golden=golden)[0], IPTABLES)
    assert ":INPUT DROP [0:0]\n" in text
    assert ":FORWARD DROP [0:0]\n" in text


def test_user_chains_are_closed_too() -> None:
    outward = ":OUTPUT ACCEPT [2041:301877]\n"
    rule = "-p tcp -m tcp --dport 22 -j ACCEPT\n"
    inner = f"-A INPUT -j input-kura\n-A input-kura {rule}-A input-kura {rule.replace('22', '8000')}"
    chain = replaced(IPTABLES, (outward, f"{outward}:input-kura - [0:0]\n"), (f"-A INPUT {rule}", inner))
    text = content(restricted(golden=a_golden(chain), image=an_image(layout=KURA_5_0))[0], IPTABLES)
    assert "-A input-kura -p tcp -m tcp --dport 49153 -j ACCEPT" in text
    assert "8000" not in text


def test_restricting_twice_changes_nothing() -> None:
    once = content(restricted(NORTH)[0], IPTABLES)
    assert content(restricted(NORTH, a_golden({IPTABLES: once}))[0], IPTABLES) == once


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (
            "-A INPUT -i eth1 -j ACCEPT",
            "port 1450 must not be open, but is open from 192.0.2.1 on eth1: line 19: -A INPUT",
        ),
        ("-A INPUT -p tcp -j ACCEPT", "port 80 must be reached from the VPN only, but is open from 192.0.2.1"),
        ("-A INPUT -s 192.168.77.0/24 -j ACCEPT", "port 22 must not be open, but is open from 192.168.77.0"),
        ("-A INPUT -m limit --limit 5/s -j ACCEPT", "port 8000 must not be open, but may be open from 192.0.2.1"),
        (
            "-A INPUT -p tcp --sport 1000:2000 -j ACCEPT",
            "port 5002 must be reached from the gateway itself only, but may be",
        ),
        ("-A INPUT -p tcp -m multiport --ports 8000 -j ACCEPT", "port 8000 must not be open, but may be open"),
        ("-A INPUT -j NFQUEUE --queue-num 1", "may be open"),
        ("-A INPUT -i eth0 -p tcp -j DROP", "the console (port 80) cannot be reached from 10.234.0.1 on eth0: line 19"),
        ("-A INPUT -p tcp -j DROP", "SSH (port 49153) cannot be reached from anywhere"),
    ],
)
def test_what_cannot_be_closed_by_cutting_is_refused_with_its_rule(rule: str, told: str) -> None:
    found = problems(rule)
    assert any(told in problem for problem in found), found
    assert all(
        problem.removeprefix("gateway gw-as-golden: ").startswith("golden: /etc/sysconfig/iptables: ")
        for problem in found
    )


def test_a_golden_sample_without_ssh_would_lock_everybody_out() -> None:
    assert any("SSH (port 49153)" in found for found in problems("", old="-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"))


def test_a_missing_export_is_not_replaced_by_the_vendor_s_open_one() -> None:
    with pytest.raises(PipelineError, match="/etc/sysconfig/iptables: missing"):
        restricted(golden=a_golden({IPTABLES: None}))


def test_other_choices_of_the_release() -> None:
    release = a_release(
        ssh=Ssh(port=60000), firewall=Firewall(vpn=("10.8.0.0/24", "10.9.0.0/24"), closed_ports=(502, 8000))
    )
    layer, _ = firewall.restrict(a_golden(), an_image(), release, AS_GOLDEN)
    text = content(layer, IPTABLES)
    for network in ("10.8.0.0/24", "10.9.0.0/24"):
        assert f"-A INPUT -s {network} -p tcp -m tcp --dport 80 -j ACCEPT" in text
    assert "--dport 60000 " in text
    assert "--dport 502 " not in text
    assert "10.234.0.0/16" not in text


def test_the_factory_restore_copy_and_ipv6() -> None:
    layer, _ = restricted()
    assert content(layer, f"{ESF}/.data/iptables") == content(layer, IPTABLES)
    assert "net.ipv6.conf.all.disable_ipv6 = 1\n" in content(layer, "/etc/sysctl.d/90-gateway-ipv6.conf")


def test_an_image_that_switches_ipv6_on_again() -> None:
    image = an_image({"/etc/sysctl.d/99-vendor.conf": "# x\nnet.ipv6.conf.eth0.disable_ipv6=0\n"})
    with pytest.raises(PipelineError, match=r"99-vendor\.conf: line 2: switches IPv6 on"):
        restricted(image=image)


POLICIES = ["iptables -P INPUT DROP", "iptables -P FORWARD DROP"]


def test_the_custom_script_travels_and_carries_the_policies() -> None:
    entry = restricted()[0].by_path[GuestPath(CUSTOM)]
    assert isinstance(entry, FileEntry)
    assert entry.mode == 0o755
    lines = entry.content.decode().splitlines(keepends=True)
    assert [line.strip() for line in lines[2:4]] == POLICIES
    assert "".join(lines[:1] + lines[4:]) == committed(CUSTOM)
    assert content(restricted(golden=a_golden({CUSTOM: entry.content}))[0], CUSTOM) == entry.content.decode()


def test_without_a_script_the_policies_have_one() -> None:
    made = content(restricted(golden=a_golden({CUSTOM: None}))[0], CUSTOM)
    assert [line for line in made.splitlines() if not line.startswith("#")] == POLICIES


@pytest.mark.parametrize(
    "line",
    [
        "iptables -A INPUT -p tcp --dport 9000 -j DROP",
        "iptables -C INPUT -j DROP || /sbin/iptables -I INPUT 1 -p tcp --syn -m connlimit --connlimit-above 9 -j DROP",
        "iptables -t filter --append INPUT -m limit --limit 5/s -j LOG",
        'iptables -A "$CHAIN" -p tcp -j REJECT',
        "$IPT -A INPUT_OWN -p tcp --dport 9000 -j DROP",
    ],
)
def test_what_kura_would_read_back_as_an_open_port_is_refused(line: str) -> None:
    golden = a_golden({CUSTOM: f"#!/bin/sh\n\n{line}\n"})
    with pytest.raises(PipelineError, match=r"firewall_cust: line 3: adds to INPUT what Kura reads as an open port"):
        restricted(golden=golden)


@pytest.mark.parametrize(
    "line",
    [
        "iptables -t mangle -A INPUT -p tcp --dport 9000 -j DROP",
        "iptables -tmangle -A INPUT -j DROP; iptables --table=raw -A PREROUTING -p tcp -j DROP",
        "iptables -A FORWARD -i ppp0 -j DROP",
    ],
)
def test_what_kura_leaves_alone_travels(line: str) -> None:
    assert line in content(restricted(golden=a_golden({CUSTOM: f"#!/bin/sh\n{line}\n"}))[0], CUSTOM)


@pytest.mark.parametrize(
    "line",
    [
        "iptables -A INPUT -p tcp --dport 8000 -j ACCEPT",
        "iptables -I INPUT \\\n  -j ACCEPT",
        "iptables -A INPUT --jump=ACCEPT",
        "/sbin/iptables -jACCEPT -A INPUT",
        '$IPT -A INPUT -j "ACCEPT"',
        "iptables -A INPUT -j $TARGET",
        "iptables -P INPUT ACCEPT",
        "iptables --policy INPUT $P",
        "iptables -F",
        "iptables -t filter --flush INPUT",
        "iptables -D INPUT 1",
        "iptables -R INPUT 1 -j LOG",
        "ip6tables -F",
        "true && iptables-restore < /tmp/rules",
        "nft flush ruleset",
        'eval "$(cat /tmp/x)"',
        ". /tmp/x",
        "echo aXB0YWJsZXM= | base64 -d | sh",
    ],
)
def test_a_custom_script_that_opens_something_is_refused_by_line(line: str) -> None:
    golden = a_golden({CUSTOM: f"#!/bin/sh\n# iptables -F is only talked about here\n{line}\n"})
    with pytest.raises(PipelineError, match=r"golden: /etc/init\.d/firewall_cust: line 3: "):
        restricted(golden=golden)


@pytest.mark.tools
@pytest.mark.parametrize("variant", ["legacy", "nft"])
@pytest.mark.parametrize("gateway", GATEWAYS, ids=lambda gateway: gateway.name)
def test_the_kernel_s_own_tools_take_the_rules(gateway: Gateway, variant: str, tmp_path: Path) -> None:
    text = content(restricted(gateway)[0], IPTABLES)
    for rules, accepted in ((text, True), (text.replace("--dport 502", "--dport 70000"), False)):
        done = subprocess.run(
            ["unshare", "--map-root-user", "--net", f"iptables-{variant}-restore", "--test"],
            input=rules.encode(),
            capture_output=True,
            check=False,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "XTABLES_LOCKFILE": str(tmp_path / "lock")},
        )
        assert (done.returncode == 0) is accepted, done.stderr.decode()


def test_an_interface_only_the_inventory_enables() -> None:
    key = "eth1.config.ip4.status"
    golden = a_golden(replaced(KURANET, (f"{key}=netIPv4StatusEnabledWAN", f"{key}=netIPv4StatusDisabled")))
    assert "eth1" not in content(restricted(golden=golden)[0], IPTABLES)
    enabled = a_gateway_with(eth1=Interface("eth1", "wan"))
    assert "-o eth1 -j MASQUERADE" in content(restricted(enabled, golden)[0], IPTABLES)
