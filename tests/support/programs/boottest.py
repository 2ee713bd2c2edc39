"""A gateway's promises and what a look at it finds when it keeps all of them; each test breaks one."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from pipeline.boottest.console_log import ConsoleLog
from pipeline.boottest.expectations import Expected, expected_of
from pipeline.boottest.inside import Inside
from pipeline.boottest.observation import Knocked, Login, Observed
from pipeline.boottest.surroundings import Surrounding, Vantage, surroundings
from pipeline.boottest.wire import Answer
from pipeline.model.manifest import Manifest
from tests.support.manifest import a_manifest

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA"
VPN = IPv4Network("10.234.0.0/16")
INTERFACES = """
auto lo
iface lo inet loopback
auto eth0
iface eth0 inet static
	address 192.168.11.1
	netmask 255.255.255.0
auto eth1
iface eth1 inet dhcp
"""
FACTS: dict[str, Any] = {
    "console": {"ports": [80], "reachable_from": [str(VPN)], "username": "admin"},
    "decisions": {"closed_ports": [8000, 1450], "sysrq": 0},
    "host_keys": [HOST_KEY],
    "init": "sysv",
    "interfaces": {
        "eth0": {"address": "192.168.11.1/24", "method": "static", "state": "lan"},
        "ppp0": {"address": "", "method": "ppp", "state": "disabled"},
    },
    "open_ports": [
        {"protocol": "icmp", "ports": "", "source": "", "interfaces": []},
        {"protocol": "tcp", "ports": "49153", "source": "", "interfaces": []},
        {"protocol": "tcp", "ports": "502", "source": "192.168.11.0/24", "interfaces": ["eth0"]},
        {"protocol": "tcp", "ports": "80", "source": str(VPN), "interfaces": []},
    ],
    "firewall": {"verdicts": [{"port": 9443, "source": "", "verdict": "refused"}]},
    "services_disabled": ["avahi-daemon"],
    "ssh": {"passwords": False, "port": 49153, "root_login": False, "use_pam": False},
    "users": {"technician": {"keys": 1, "sudo": "nopasswd", "uid": 1500}},
}
RULES = f"""*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p icmp -j ACCEPT
-A INPUT -p tcp -m tcp --dport 49153 -j ACCEPT
-A INPUT -s 192.168.11.0/24 -i eth0 -p tcp -m tcp --dport 502 -j ACCEPT
-A INPUT -s {VPN} -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
"""


def a_gateway(**facts: Any) -> Manifest:
    """A manifest that says something of a running gateway."""
    return replace(a_manifest(), gateway="gw-1", facts={**FACTS, **facts})


def promises(**facts: Any) -> Expected:
    """What is expected of it."""
    return expected_of(a_gateway(**facts))


def around(text: str | None = INTERFACES) -> tuple[Surrounding, ...]:
    """Where it is put."""
    return surroundings(text, (), promises().addresses, (VPN,))


def vantage(interface: str, source: str) -> Vantage:
    """One of the places of `around`."""
    return next(
        one
        for place in around()
        for one in place.vantages
        if (one.interface, one.source) == (interface, IPv4Address(source))
    )


def all_answers(expected: Expected) -> tuple[Knocked, ...]:
    """What a firewall lets out that does what the manifest says, with nobody behind any port but SSH's."""
    return tuple(
        Knocked(
            one,
            {
                port: Answer.REFUSED if expected.lets_in(port, one.source, one.interface) else Answer.SILENT
                for port in expected.knocks
            }
            | {expected.ssh_port: Answer.OPEN},
        )
        for place in around()
        for one in place.vantages
    )


def an_inside() -> Inside:
    """What the user sees who logs in."""
    return Inside(
        host_name="gw-1",
        user="technician",
        init="init",
        machine_id="0123456789abcdef0123456789abcdef",
        sysrq="0",
        accounts={"root": (0, "/bin/bash"), "technician": (1500, "/bin/bash"), "kurad": (990, "/usr/sbin/nologin")},
        processes=frozenset({"init", "sshd", "monit"}),
        tcp=frozenset({49153}),
        udp=frozenset(),
        units={},
        root=True,
        firewall=RULES,
    )


def a_look() -> Observed:
    """A gateway that keeps every promise."""
    return Observed(
        console=ConsoleLog("gw-1", "", ()),
        came_up=True,
        banner="SSH-2.0-OpenSSH_9.2p1",
        host_keys=frozenset({HOST_KEY}),
        here=frozenset({"eth0", "eth1"}),
        knocked=all_answers(promises()),
        multicast=False,
        root=Login(entered=False, methods=("publickey",)),
        stranger=Login(entered=False, methods=("publickey",)),
        login=Login(entered=True, methods=()),
        inside=an_inside(),
        machine_id="0123456789abcdef0123456789abcdef",
    )
