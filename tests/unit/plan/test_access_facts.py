"""What manifests say of open ports and of bundles: what the firewall and the policy of the image really decide."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Expected
from pipeline.model.trust import SignedBundle, SignedPackage
from pipeline.plan.access_facts import access_facts
from tests.support.esf_view import hardened

IPTABLES = GuestPath("/etc/sysconfig/iptables")


def with_rules(*lines: str) -> ImageView:
    text = "\n".join(
        ["*filter", ":INPUT DROP [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]", *lines, "COMMIT", ""]
    )
    view = hardened()
    return replace(view, files={**view.files, IPTABLES: text.encode()})


def open_ports(view: ImageView) -> list[tuple[object, ...]]:
    found: Any = access_facts(view, (), Expected())["open_ports"]
    return [tuple(one.values()) for one in found]


def test_the_hardened_gateway_is_open_where_it_must_be() -> None:
    found = open_ports(hardened())
    assert ("tcp", "80", "10.234.0.0/16", []) in found
    assert any(ports == "49153" for _, ports, _, _ in found)
    assert not {"22", "8000", "1450", "5002"} & {str(ports) for _, ports, _, _ in found}


def test_a_rule_that_an_earlier_one_overrules_opens_nothing() -> None:
    view = with_rules(
        "-A INPUT -i lo -j ACCEPT",
        "-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT",
        "-A INPUT -p tcp -m tcp --dport 22 -j DROP",
        "-A INPUT -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT",
        "-A INPUT -s 127.0.0.1/32 -p tcp -m tcp --dport 5002 -j ACCEPT",
        "-A FORWARD -p tcp -m tcp --dport 23 -j ACCEPT",
    )
    assert open_ports(view) == []


def test_a_way_that_an_earlier_rule_closes_in_part_is_told() -> None:
    """Its first port, the likeliest sender, TCP or one interface being closed says nothing of the rest."""
    view = with_rules(
        "-A INPUT -p tcp -m tcp --dport 100:110 -j DROP",
        "-A INPUT -p tcp -m tcp --dport 100:200 -j ACCEPT",
        "-A INPUT -p tcp -m tcp --dport 300:400 -j DROP",
        "-A INPUT -p tcp -m tcp --dport 300:400 -j ACCEPT",
        "-A INPUT ! -s 198.51.100.0/24 -p udp -m udp --dport 161 -j DROP",
        "-A INPUT -p udp -m udp --dport 161 -j ACCEPT",
        "-A INPUT -s 203.0.113.1/32 -p udp -m udp --dport 69 -j DROP",
        "-A INPUT -s 203.0.113.0/24 -p udp -m udp --dport 69 -j ACCEPT",
        "-A INPUT ! -i eth1 -p udp -m udp --dport 514 -j DROP",
        "-A INPUT -p udp -m udp --dport 514 -j ACCEPT",
        "-A INPUT -p tcp -j DROP",
        "-A INPUT -s 192.0.2.0/24 -j ACCEPT",
    )
    assert open_ports(view) == [
        ("", "", "192.0.2.0/24", []),
        ("tcp", "100:200", "", []),
        ("udp", "161", "", []),
        ("udp", "514", "", []),
        ("udp", "69", "203.0.113.0/24", []),
    ]


def test_interfaces_of_one_way_in_are_told_together_and_any_is_all() -> None:
    view = with_rules(
        "-A INPUT -i wlan0 -p udp -m udp --dport 53 -j ACCEPT",
        "-A INPUT -i eth0 -p udp -m udp --dport 53 -j ACCEPT",
        "-A INPUT -i eth0 -p tcp -m tcp --dport 80 -j ACCEPT",
        "-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT",
        "-A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT",
    )
    assert open_ports(view) == [("icmp", "", "", []), ("tcp", "80", "", []), ("udp", "53", "", ["eth0", "wlan0"])]


def test_bundles_run_by_a_row_of_the_policy_or_not_at_all() -> None:
    def package(*chain: str) -> SignedPackage:
        bundle = SignedBundle("x.jar", "com.example.x", "1.0.0", "", "", chain, resigned=True)
        return SignedPackage("x.dp", "x", "1.0.0", b"", "", (bundle,))

    found: Any = access_facts(hardened(), (package("CN=Nobody We Know,C=IT"),), Expected())["bundles"]
    assert found == {"com.example.x": {"runs": False, "may": "nothing", "rows": []}}


def firewall(view: ImageView) -> Any:
    return access_facts(view, (), Expected(ssh_port=49153, vpn=("10.234.0.0/16",), closed_ports=(8000,)))["firewall"]


def test_verdicts_of_the_hardened_gateway() -> None:
    found = firewall(hardened())
    assert found["policy"] == {"FORWARD": "DROP", "INPUT": "DROP", "OUTPUT": "ACCEPT"}
    verdicts = {(one["port"], one["source"]): one["verdict"] for one in found["verdicts"]}
    assert {port for port, _ in verdicts} == {22, 80, 5002, 8000, 49153}
    assert {where for where, verdict in verdicts.items() if verdict == "accepted"} == {
        (80, "10.234.0.0/16"), (49153, ""), (49153, "10.234.0.0/16"),
    }  # fmt: skip


def test_verdicts_are_what_rules_do_and_not_what_they_look_like() -> None:
    view = with_rules("-A INPUT -p tcp --dport 8000 -i eth1 -j ACCEPT", "-A INPUT -p tcp --dport 22 -j DROP",
                      "-A INPUT -p tcp --dport 22 -j ACCEPT")  # fmt: skip
    verdicts = {(one["port"], one["source"]): one["verdict"] for one in firewall(view)["verdicts"]}
    assert verdicts[8000, ""] == "accepted"
    assert verdicts[22, ""] == "refused"


def test_only_what_lets_a_packet_in_is_told_of_a_way_that_is_open() -> None:
    view = with_rules(
        "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT",
        "-A INPUT -s 10.1.0.0/16 -p tcp -m tcp --dport 22 -j DROP",
        "-A FORWARD -s 10.2.0.0/16 -p tcp -m tcp --dport 22 -j ACCEPT",
        "-A OUTPUT -s 10.3.0.0/16 -p tcp -m tcp --dport 22 -j ACCEPT",
    )
    assert open_ports(view) == [("tcp", "22", "", [])]


def test_of_several_ports_the_first_is_asked_for_and_of_none_port_nought() -> None:
    view = with_rules(
        "-A INPUT -p tcp -m tcp --dport 8010 -j DROP",
        "-A INPUT -p tcp -m tcp --dport 8000:8010 -j ACCEPT",
        "-A INPUT -p udp -m udp --dport 1 -j DROP",
        "-A INPUT -s 10.1.0.0/16 -p udp -j ACCEPT",
        "-A INPUT -p tcp -m tcp --dport 443 -j DROP",
        "-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT",
    )
    assert open_ports(view) == [
        ("tcp", "80,443", "", []), ("tcp", "8000:8010", "", []), ("udp", "", "10.1.0.0/16", []),
    ]  # fmt: skip
