"""Addresses of the golden sample beside each interface's one stop the build, and so do files that do not move along."""

from __future__ import annotations

import pytest

from pipeline.errors import PipelineError
from pipeline.model.gateway import Interface
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Origin
from pipeline.transforms import network
from tests.support.network import (
    AS_GOLDEN,
    DHCPD,
    INTERFACES,
    LAB,
    NAMED,
    NORTH,
    a_gateway_with,
    a_golden,
    an_image,
    committed,
    replaced,
)
from tests.support.release import a_release, some_secrets

STANZA = committed(INTERFACES)
FURTHER = {
    "a second stanza": (
        "\niface eth0 inet static\n\taddress 192.168.77.1\n\tnetmask 255.255.255.0\n",
        "a second inet stanza",
    ),
    "IPv6": ("\niface eth0 inet6 static\n\taddress 2001:db8::1/64\n", "of the family inet6"),
    "IPv6 for a radio": ("\niface wlan0 inet6 static\n\taddress fd00::1\n\tnetmask 64\n", "of the family inet6"),
}


@pytest.mark.parametrize("kind", FURTHER)
def test_further_stanzas(kind: str) -> None:
    lines, said = FURTHER[kind]
    (problem,) = network.contradictions(a_golden({INTERFACES: STANZA + lines}), an_image())
    assert said in problem.what


@pytest.mark.parametrize("family", ["inet6 auto", "inet6 dhcp", "inet6 manual"])
def test_stanzas_without_an_address_are_nobody_s(family: str) -> None:
    assert network.contradictions(a_golden({INTERFACES: f"{STANZA}\niface eth0 {family}\n"}), an_image()) == []


@pytest.mark.parametrize(
    "command",
    [
        "post-up ip addr add 10.9.9.9/24 dev eth0",
        "up ip address add 10.9.9.9/24 dev $IFACE",
        "up ip -4 a add 10.9.9.9/24 dev eth0 || true",
        "pre-up ifconfig eth0:1 10.9.9.9 netmask 255.255.255.0",
        "up /sbin/ip -6 addr replace 2001:db8::7/64 dev eth0",
    ],
)
def test_commands_that_add_addresses(command: str) -> None:
    text = STANZA.replace("iface eth0 inet static\n", f"iface eth0 inet static\n\t{command}\n")
    assert text != STANZA
    (problem,) = network.contradictions(a_golden({INTERFACES: text}), an_image())
    assert "adds an address" in problem.what


@pytest.mark.parametrize("command", ["post-up route del default dev eth0", "up ip link set eth0 mtu 1400"])
def test_other_commands_are_fine(command: str) -> None:
    text = STANZA.replace("iface eth0 inet static\n", f"iface eth0 inet static\n\t{command}\n")
    assert network.contradictions(a_golden({INTERFACES: text}), an_image()) == []


POOL, ROUTE = "    pool {", "\n\tup ip route add 10.1.0.0/16 via 192.168.10.9\n"
STALE = {
    "time servers of clients": (DHCPD, (POOL, f"    option ntp-servers 192.168.10.1;\n{POOL}"), "192.168.10.1"),
    "a boot server": (DHCPD, (POOL, f"    next-server 192.168.10.7;\n{POOL}"), "192.168.10.7"),
    "where names are answered": (
        NAMED, ("options {", "options {\n\tlisten-on { 127.0.0.1; 192.168.10.1; };"), "192.168.10.1"
    ),
    "a route": (
        INTERFACES, ("iface eth0 inet static\n", f"iface eth0 inet static{ROUTE}"), "192.168.10.9"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", STALE)
def test_what_does_not_move_along_is_named(kind: str) -> None:
    path, change, address = STALE[kind]
    golden = a_golden(replaced(path, change))
    for stays in (AS_GOLDEN, LAB):
        network.restore(golden, an_image(), a_release(), stays, some_secrets())
    with pytest.raises(PipelineError) as caught:
        network.restore(golden, an_image(), a_release(), NORTH, some_secrets())
    (problem,) = caught.value.problems
    assert f"of {path}: {address} is where eth0 of the golden sample was" in problem.what
    assert "192.168.11.1/24" in problem.what


def test_within_the_same_network_only_the_old_address_itself_is_wrong() -> None:
    golden = a_golden(replaced(*("/etc/dhcpd-eth0.conf", ("    pool {", "    next-server 192.168.10.7;\n    pool {"))))
    gateway = a_gateway_with(eth0=Interface("eth0", "lan", "static", "192.168.10.2/24"))
    network.restore(golden, an_image(), a_release(), gateway, some_secrets())
    golden = a_golden(replaced(DHCPD, ("    pool {", "    option ntp-servers 192.168.10.1;\n    pool {")))
    with pytest.raises(PipelineError, match=r"192\.168\.10\.1 is where eth0"):
        network.restore(golden, an_image(), a_release(), gateway, some_secrets())


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/etc/hosts", "192.168.10.1 gateway.local"),
        ("/etc/netplan/50.yaml", "      addresses: [192.168.10.1/24]"),
        ("/etc/NetworkManager/system-connections/lan.nmconnection", "address1=192.168.10.1/24"),
        ("/etc/ntp.conf", "restrict 192.168.10.0 mask 255.255.255.0"),
    ],
)
def test_files_of_overlays(path: str, line: str) -> None:
    entry = FileEntry(GuestPath(path), f"# 192.168.10.1\n{line}\n".encode(), (Origin("overlays.file", "common/x"),))
    (problem,) = network.stale_addresses(a_golden(), an_image(), NORTH, [entry])
    assert f"common/x: line 2 of {path}" in problem.what
    assert list(network.stale_addresses(a_golden(), an_image(), AS_GOLDEN, [entry])) == []
