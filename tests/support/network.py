"""The demo's golden network in memory, the three gateways of the demo, and an image they fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pipeline.model.gateway import Gateway, Interface
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.vanilla import Vanilla
from tests.support.vanilla import ESF, a_vanilla

_COMMITTED = Path(__file__).resolve().parents[2] / "golden"
NONE: Mapping[str, Any] = MappingProxyType({})

IPTABLES = "/etc/sysconfig/iptables"
CUSTOM = "/etc/init.d/firewall_cust"
INTERFACES = "/etc/network/interfaces"
NAMED = "/etc/bind/named.conf"
KURANET = f"{ESF}/data/kuranet.conf"
HOSTAPD = "/etc/hostapd-wlan0.conf"
STATION = "/etc/wpa_supplicant-wlan0.conf"
DHCPD = "/etc/dhcpd-eth0.conf"
PEER = "/etc/ppp/peers/LE910_2-1"
PPP0 = "/etc/ppp/peers/ppp0"
CHAT = "/etc/ppp/scripts/chat_LE910_2-1"

NORTH = Gateway(
    "gw-north-01",
    interfaces={
        "eth0": Interface("eth0", "lan", "static", "192.168.11.1/24", dhcp_range=("192.168.11.50", "192.168.11.60")),
        "wlan0": Interface("wlan0", "lan", "static", "172.16.11.1/24", ssid="north_ap", channel=6),
        "ppp0": Interface("ppp0", "disabled"),
    },
)
SOUTH = Gateway(
    "gw-south-02",
    interfaces={
        "wlan0": Interface("wlan0", "disabled"),
        "ppp0": Interface("ppp0", "wan", "ppp", apn="south.example"),
    },
)
LAB = Gateway(
    "gw-lab-03",
    interfaces={
        "eth1": Interface("eth1", "wan", "static", "192.0.2.33/24", gateway="192.0.2.1", dns=("192.0.2.53",)),
        "wlan0": Interface("wlan0", "disabled"),
        "ppp0": Interface("ppp0", "disabled"),
    },
)
AS_GOLDEN = Gateway("gw-as-golden")
GATEWAYS = (NORTH, SOUTH, LAB, AS_GOLDEN)


def a_gateway_with(**interfaces: Interface) -> Gateway:
    """A gateway that overrides these interfaces."""
    return Gateway("gw-test", interfaces=interfaces)


def committed(path: str) -> str:
    """A file of the demo's golden export."""
    return (_COMMITTED / path[1:]).read_text()


def a_golden(
    changes: Mapping[str, str | bytes | None] = NONE,
    links: Mapping[str, str | None] = NONE,
    snapshot: bytes = b"",
) -> Golden:
    """The demo's golden export as far as the network goes; None takes a file or link away."""
    files: dict[GuestPath, bytes] = {}
    found: dict[GuestPath, str] = {}
    for host in sorted([*(_COMMITTED / "etc").rglob("*"), _COMMITTED / KURANET[1:]]):
        path = GuestPath("/" + host.relative_to(_COMMITTED).as_posix())
        if host.is_symlink():
            found[path] = str(host.readlink())
        elif host.is_file():
            files[path] = host.read_bytes()
    for text, content in changes.items():
        files.pop(GuestPath(text), None)
        if content is not None:
            files[GuestPath(text)] = content.encode() if isinstance(content, str) else content
    for text, target in links.items():
        found.pop(GuestPath(text), None)
        if target is not None:
            found[GuestPath(text)] = target
    return Golden("5.0.0", snapshot, b"", {}, None, files, found, (), (), "00" * 32)


def an_image(files: Mapping[str, str | bytes | None] = NONE, **more: Any) -> Vanilla:
    """A vanilla image with the vendor's own network files and factory-restore copies."""
    vendor = {
        "/etc/named.rfc1912.zones": "",
        HOSTAPD: "interface=wlan0\nwpa_passphrase=testKEYS\n",
        f"{ESF}/.data/interfaces": "auto lo\n",
        f"{ESF}/.data/kuranet.conf": "#\n",
        f"{ESF}/.data/iptables": "*filter\nCOMMIT\n",
        f"{ESF}/.data/hostapd-wlan0.conf": "wpa_passphrase=testKEYS\n",
        f"{ESF}/.data/snapshot_0.xml": "<x/>",
    }
    return a_vanilla({**vendor, **files}, **more)


def replaced(path: str, *pairs: tuple[str, str]) -> dict[str, str]:
    """A change of one golden file: texts that must be in it, replaced."""
    text = committed(path)
    for old, new in pairs:
        assert old in text, f"{path} has no {old!r}"
        text = text.replace(old, new)
    return {path: text}
