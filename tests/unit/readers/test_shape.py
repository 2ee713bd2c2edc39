"""Two files have one shape only where no reader could tell them apart."""

from __future__ import annotations

import pytest

from pipeline.readers.shape import shape_of, without_addresses

DHCP = b"subnet 10.0.%d.0 netmask 255.255.255.0 { range 10.0.%d.%d 10.0.%d.%d; }\n"


def same(left: bytes, right: bytes) -> bool:
    return shape_of(left, ("gw-north-01",)) == shape_of(right, ("gw-south-02",))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (b"address 10.0.1.11\nnetmask 255.255.255.0\n", b"address 192.168.7.3\nnetmask 255.255.255.0\n"),
        (DHCP % (1, 1, 10, 1, 20), DHCP % (9, 9, 100, 9, 120)),
        (b"hostname gw-north-01\n", b"hostname gw-south-02\n"),
        (b'psk="12345678"\n', b'psk="abcdefgh"\n'),
        (b"hwaddress 00:11:22:33:44:55\n", b"hwaddress aa:bb:cc:dd:ee:ff\n"),
        (b"-A INPUT -s 10.1.0.0/16 -j ACCEPT\n", b"-A INPUT -s 10.2.0.0/16 -j ACCEPT\n"),
        (b"address 2001:db8::1/64\n", b"address 2001:db8:5::9/64\n"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nAA\n", b"-----BEGIN OPENSSH PRIVATE KEY-----\nBB\n"),
    ],
)
def test_addresses_and_names_do_not_count(left: bytes, right: bytes) -> None:
    assert same(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (b"-s 10.1.0.0/16\n", b"-s 10.1.0.1/16\n"),  # host bits: sshd refuses them in Match Address
        (b"-s 10.1.0.0/16\n", b"-s 10.1.0.0/24\n"),
        (b"netmask 255.255.255.0\n", b"netmask 255.255.0.0\n"),
        (DHCP % (1, 1, 10, 1, 20), DHCP % (1, 1, 20, 1, 10)),  # the range is upside down
        (DHCP % (1, 1, 10, 1, 20), DHCP % (1, 2, 10, 2, 20)),  # the range is outside
        (b'psk="12345678"\n', b'psk="1234567"\n'),
        (b"address 10.0.1.11\n", b"address 10.0.1.300\n"),
        (b"address 10.0.1.11\n", b"address 10.0.1.255\n"),
        (b"iface eth0 inet static\n", b"iface eth0 inet dchp\n"),
        (b"address 2001:db8::1/64\n", b"address 2001:db8::/64\n"),
        (b"hostname gw-north-01x\n", b"hostname gw-south-02\n"),
    ],
)
def test_what_a_reader_could_refuse_does(left: bytes, right: bytes) -> None:
    assert not same(left, right)


def test_words_hold_for_every_gateway_of_a_shape() -> None:
    assert without_addresses("range 10.0.1.20 is not in 10.0.2.0/24") == "range <address> is not in <address>"


def test_names_of_wireless_networks() -> None:
    """Each gateway has its own; letters and digits are taken alike, others are not."""
    first, second, other = (
        shape_of(b"interface=wlan0\nssid=%s\n" % name, ()) for name in (b"ap_1", b"ap_1000", b"a\tp 2")
    )
    assert first == second != other
