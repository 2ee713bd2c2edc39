"""The networks a gateway is put into, and where one looks at it from."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest

from pipeline.boottest.surroundings import Kind, surroundings
from pipeline.image.boot.guest_network import own_addresses
from tests.support.programs.boottest import INTERFACES, VPN

FIXED = {"eth0": IPv4Interface("192.168.21.1/24")}


def test_a_fixed_address_and_one_that_is_leased_beside_the_vpn() -> None:
    lan, up = surroundings(INTERFACES, (), {}, (VPN,))
    assert (lan.place.network, lan.place.address) == (IPv4Network("192.168.11.0/24"), IPv4Address("192.168.11.1"))
    assert [(str(one.source), one.kind, one.on_link) for one in lan.vantages] == [
        ("192.168.11.129", Kind.NEIGHBOUR, True),
        ("10.234.0.2", Kind.VPN, False),
        ("192.0.2.77", Kind.ELSEWHERE, False),
    ]
    assert VPN.overlaps(up.place.network)
    assert up.place.address not in VPN
    assert [(one.kind, one.on_link) for one in up.vantages][:2] == [(Kind.NEIGHBOUR, True), (Kind.VPN, True)]
    assert lan.given is None
    assert up.given is None


def test_where_only_esf_sets_addresses_they_are_given() -> None:
    lan, up = surroundings(None, (), FIXED, (VPN,))
    assert lan.given == IPv4Interface("192.168.21.1/24")
    assert up.given == IPv4Interface(f"{up.place.address}/{up.place.network.prefixlen}")
    for text in (INTERFACES.replace("auto ", "# "), "iface eth0 inet static\n\taddress nowhere\n", "iface\n"):
        assert surroundings(text, (), FIXED, (VPN,))[0].given == IPv4Interface("192.168.21.1/24")


@pytest.mark.parametrize(
    "path",
    [
        "/etc/NetworkManager/system-connections/lan.nmconnection",
        "/etc/systemd/network/10-eth.network",
        "/etc/sysconfig/network-scripts/ifcfg-eth0",
    ],
)
def test_other_configuration_is_trusted_to_do_it(path: str) -> None:
    lan, _ = surroundings(None, [path], FIXED, (VPN,))
    assert lan.given is None
    assert lan.place.address == IPv4Address("192.168.21.1")


@pytest.mark.parametrize(
    "vpn",
    ["10.0.0.0/8", "10.234.0.0/16", "10.235.0.0/16", "192.168.11.64/26", "198.51.100.7/32", "192.0.2.0/24", "0.0.0.0/0",
     "0.0.0.0/1", "192.168.0.0/16", "172.16.0.252/30"],
)  # fmt: skip
@pytest.mark.parametrize("text", [None, INTERFACES, INTERFACES.replace("dhcp", "static\n\taddress 192.0.2.33/24")])
def test_whatever_the_vpn_is_nobody_gets_in_anybodys_way(text: str | None, vpn: str) -> None:
    networks = (IPv4Network(vpn),)
    for one in surroundings(text, (), FIXED, networks):
        taken = [*own_addresses(one.place), one.place.address, *one.place.taken]
        assert len(set(taken)) == len(taken)
        assert all(address in one.place.network for address in taken[:3])
        for vantage in one.vantages:
            assert (vantage.kind is Kind.VPN) == (vantage.source in networks[0])
            assert not vantage.on_link or vantage.source in one.place.network


def test_two_interfaces_are_on_different_networks() -> None:
    for text in (None, INTERFACES, ""):
        one, other = surroundings(text, (), {}, (VPN,))
        assert not one.place.network.overlaps(other.place.network)
