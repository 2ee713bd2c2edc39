"""Network interfaces as the inventory gives them, each value held to the characters its file format can carry."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Interface

from pipeline.inputs.toml_table import Table
from pipeline.model.gateway import Interface

# IFNAMSIZ less the terminating NUL; no dots or colons, which mean VLANs and aliases. Or, from Kura 5.3 on, a modem by
# the USB port it is in.
_USB_PORT = r"[0-9]{1,3}-[0-9]{1,3}(?:\.[0-9]{1,3}){0,6}"
INTERFACE = rf"[a-z][a-z0-9]{{0,14}}|{_USB_PORT}"
# An SSID goes unquoted into hostapd.conf, into XML and into templates.
_SSID = r"[A-Za-z0-9._+-]([A-Za-z0-9 ._+-]{0,30}[A-Za-z0-9._+-])?"
_APN = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,98}[A-Za-z0-9])?"
_MOST_CHANNEL = 196


def read_interface(name: str, table: Table) -> Interface:
    """Read and check one interface; problems are noted in the table's list."""
    if not re.fullmatch(INTERFACE, name):
        table.wrong("", f"{ascii(name)} is not the name of an interface", f"allowed form: {INTERFACE}")
    state = table.choice("state", "", ("lan", "wan", "disabled"))
    default = "ppp" if is_cellular(name) else "dhcp"
    method = table.choice("method", default, ("dhcp", "static", "ppp"))
    own = _own_address(table)
    interface = Interface(
        name=name,
        state=state,
        method=method,
        address=str(own) if own else "",
        gateway=_address(table, "gateway"),
        dns=table.texts("dns", form=r"[0-9.]+", meaning="an IPv4 address"),
        dhcp_range=_range(table, own),
        ssid=table.text("ssid", "", form=_SSID, meaning="a network name of letters, digits, spaces and . _ + -"),
        channel=table.integer("channel", 0, 0, _MOST_CHANNEL),
        apn=table.text("apn", "", form=_APN, meaning="an access point name"),
    )
    for number, server in enumerate(interface.dns, 1):
        _parsed(table, f"dns[{number}]", server)
    _check_together(table, interface, own)
    table.close()
    return interface


def is_cellular(name: str) -> bool:
    """Whether an interface is a modem: ppp0 and its like, or 1-2 and its like."""
    return name.startswith("ppp") or re.fullmatch(_USB_PORT, name) is not None


def _own_address(table: Table) -> IPv4Interface | None:
    text = table.text("address", "", form=r"[0-9.]+/[0-9]{1,2}", meaning="address and prefix such as 192.168.1.1/24")
    if not text:
        return None
    try:
        own = IPv4Interface(text)
    except ValueError as error:
        table.wrong("address", str(error), "write address and prefix such as 192.168.1.1/24")
        return None
    edges = (own.network.network_address, own.network.broadcast_address)
    if own.ip in edges and own.network.prefixlen < 31:
        table.wrong("address", "is the network's own or its broadcast address", "choose one between the two")
    if own.ip.is_loopback or own.ip.is_multicast or own.ip.is_unspecified:
        table.wrong("address", "cannot be the address of an interface", "choose another")
    return own


def _address(table: Table, key: str) -> str:
    text = table.text(key, "", form=r"[0-9.]+", meaning="an IPv4 address")
    parsed = _parsed(table, key, text) if text else None
    return str(parsed) if parsed else ""


def _parsed(table: Table, key: str, text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except ValueError as error:
        table.wrong(key, str(error), "write four numbers separated by dots")
        return None


def _range(table: Table, own: IPv4Interface | None) -> tuple[str, str] | None:
    texts = table.texts("dhcp_range", form=r"[0-9.]+", meaning="an IPv4 address")
    if not texts:
        return None
    if len(texts) != 2:
        table.wrong("dhcp_range", "needs a first and a last address", 'write ["192.168.1.100", "192.168.1.110"]')
        return None
    first, last = (_parsed(table, f"dhcp_range[{number}]", text) for number, text in enumerate(texts, 1))
    if first is None or last is None:
        return None
    if first > last:
        table.wrong("dhcp_range", "ends before it begins", "exchange the two")
    if own is None:
        table.wrong("dhcp_range", "needs an address of the interface's own", "add address")
    elif first not in own.network or last not in own.network:
        table.wrong("dhcp_range", f"does not lie in {own.network}", "choose addresses of the interface's network")
    elif first <= own.ip <= last:
        table.wrong("dhcp_range", "contains the gateway's own address", "leave it out of the range")
    return str(first), str(last)


def _check_together(table: Table, interface: Interface, own: IPv4Interface | None) -> None:
    """What single values cannot tell: whether they make an interface."""
    if interface.state == "disabled":
        return
    if interface.method == "static" and not table.has("address"):
        table.wrong("address", "is missing for a static interface", "add address = …")
    if interface.method != "static" and table.has("address"):
        table.wrong("address", f"has no effect with method {interface.method}", 'write method = "static"')
    if interface.gateway and own and IPv4Address(interface.gateway) not in own.network:
        table.wrong("gateway", f"does not lie in {own.network}", "give the router of the interface's network")
    cellular = is_cellular(interface.name)
    if cellular != (interface.method == "ppp"):
        table.wrong("method", "method ppp is for ppp interfaces and modems, and they need it", "correct method")
    if interface.apn and not cellular:
        table.wrong("apn", "belongs to a cellular interface", "move it to ppp0")
    if (interface.ssid or interface.channel) and not interface.name.startswith("wl"):
        table.wrong("ssid", "and channel belong to a wireless interface", "move them to wlan0")
