"""Breakages after which a gateway is not reached, or does not reach its cloud."""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.breakages import NORTH, Breakage
from tests.support.esf.edits import (
    SNAPSHOT,
    Edit,
    put,
    remade,
    sub,
    swap,
)
from tests.support.esf.places import (
    KURANET,
    RESTORED_RULES,
    SSHD,
)
from tests.support.network import INTERFACES, IPTABLES

FIREWALL = "org.eclipse.kura.net.admin.FirewallConfigurationService"
OPEN = "firewall.open.ports"
_SYSCTL = "/etc/sysctl.d/90-gateway-ipv6.conf"
_BEFORE = "-A INPUT -i lo -j ACCEPT\n"


def _rule(text: str) -> Edit:
    """A rule put before all others of INPUT."""
    return swap(IPTABLES, _BEFORE, f"{_BEFORE}{text}\n")


def _reachability() -> Iterator[Breakage]:
    rule = "reachability.ssh"
    yield Breakage("SSH shut out", rule, IPTABLES, sub(IPTABLES, r"^-A INPUT [^\n]*--dport 49153 [^\n]*\n", ""))
    yield Breakage(
        "SSH shut out, told of sshd", rule, SSHD, sub(IPTABLES, r"^-A INPUT [^\n]*--dport 49153 [^\n]*\n", ""), "Port"
    )
    yield Breakage(
        "SSH dropped before it is accepted",
        rule,
        IPTABLES,
        _rule("-A INPUT -p tcp -m tcp --dport 49153 -j DROP"),
        "49153 -j DROP",
    )
    yield Breakage(
        "SSH let in from nobody", rule, IPTABLES, sub(IPTABLES, r"--dport 49153 ", "--dport 49153 -s 127.0.0.0/8 ")
    )
    yield Breakage("SSH on another port", rule, SSHD, sub(SSHD, r"^Port 49153", "Port 49999"), "49999")
    yield Breakage(
        "no interface in use",
        rule,
        KURANET,
        remade(KURANET, lambda data: data.replace(b"EnabledLAN", b"Disabled").replace(b"EnabledWAN", b"Disabled")),
    )
    rule = "reachability.console"
    yield Breakage(
        "the console shut to the VPN", rule, IPTABLES, sub(IPTABLES, r"^-A INPUT [^\n]*10.234.0.0/16[^\n]*\n", "")
    )
    yield Breakage(
        "the console on one interface only",
        rule,
        IPTABLES,
        sub(IPTABLES, r"-A INPUT -s 10.234.0.0/16", "-A INPUT -s 10.234.0.0/16 -i eth0"),
    )
    yield Breakage("the VPN dropped", rule, IPTABLES, _rule("-A INPUT -s 10.0.0.0/8 -j DROP"), "10.0.0.0/8")
    yield Breakage(
        "the console on one interface only, told of it",
        rule,
        KURANET,
        sub(IPTABLES, r"-A INPUT -s 10.234.0.0/16", "-A INPUT -s 10.234.0.0/16 -i eth0"),
        "eth1",
    )
    rule = "reachability.provisioning"
    yield Breakage("nothing gets out", rule, IPTABLES, sub(IPTABLES, r"(\*filter.*?):OUTPUT ACCEPT", r"\1:OUTPUT DROP"))
    yield Breakage(
        "nothing gets out, told of the broker",
        rule,
        SNAPSHOT,
        sub(IPTABLES, r"(\*filter.*?):OUTPUT ACCEPT", r"\1:OUTPUT DROP"),
        "broker-url",
    )
    yield Breakage(
        "the broker's port is shut", rule, IPTABLES, _rule("-A OUTPUT -p tcp -m tcp --dport 8883 -j REJECT"), "REJECT"
    )
    yield Breakage(
        "no names for the broker", rule, IPTABLES, _rule("-A OUTPUT -p udp -m udp --dport 53 -j DROP"), "53 -j DROP"
    )
    yield Breakage(
        "answers are dropped",
        rule,
        IPTABLES,
        sub(IPTABLES, r"^-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT\n", ""),
    )
    yield Breakage(
        "no way to a broker",
        rule,
        SNAPSHOT,
        remade(KURANET, lambda data: data.replace(b"EnabledWAN", b"EnabledLAN")),
        "broker-url",
    )
    rule = "reachability.leases"
    yield Breakage(
        "leases nobody can ask for",
        rule,
        IPTABLES,
        sub(IPTABLES, r"^-A INPUT -i eth0 -p udp -m udp --dport 67 -j ACCEPT\n", ""),
    )
    yield Breakage(
        "leases nobody can ask for, told of the server",
        rule,
        "/etc/dhcpd-eth0.conf",
        sub(IPTABLES, r"^-A INPUT -i eth0 -p udp -m udp --dport 67 -j ACCEPT\n", ""),
    )
    yield Breakage(
        "names nobody can ask for",
        rule,
        IPTABLES,
        sub(IPTABLES, r"^-A INPUT -i eth0 -p udp -m udp --dport 53 -j ACCEPT\n", ""),
    )
    yield Breakage(
        "the loopback shut",
        "reachability.loopback",
        IPTABLES,
        swap(IPTABLES, _BEFORE, "-A INPUT -i lo -j DROP\n"),
        "-i lo -j DROP",
    )
    shut = sub(RESTORED_RULES, r"^-A INPUT [^\n]*--dport 49153 [^\n]*\n", "-A INPUT -p tcp --dport 22 -j ACCEPT\n")
    yield Breakage("a reset that shuts SSH out", "reachability.after_reset", RESTORED_RULES, shut, ":INPUT")
    yield Breakage("a reset that shuts SSH out, told of sshd", "reachability.after_reset", SSHD, shut, "Port")
    yield Breakage(
        "nothing is brought up",
        "reachability.interface",
        INTERFACES,
        put(INTERFACES, "auto lo\niface lo inet loopback\n"),
        gateway=NORTH,
    )


BREAKAGES = (*_reachability(),)
