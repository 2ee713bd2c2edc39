"""The shape of a generated file: what is left when addresses, names and secrets are taken for what they are.

Two gateways' files of one shape are taken alike by every reader, so one is asked about for all of them. What a reader
could refuse stays in the shape: whether an address has host bits under its prefix, how addresses of one file lie to
each other, how long a passphrase is.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable

_ADDRESS = re.compile(r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?:/(\d{1,2}|\d{1,3}(?:\.\d{1,3}){3}))?(?![\w.])")
_MASK = re.compile(r"(?:0|128|192|224|240|248|252|254|255)(?:\.(?:0|128|192|224|240|248|252|254|255)){3}")
_MAC = re.compile(r"\b[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}\b")
_V6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?:/(\d{1,3}))?(?![\w:.])")
_QUOTED = re.compile(r"(?im)^(\s*#?\s*(?:psk|sae_password|password|wpa_passphrase)\s*=\s*)(\"?)([^\"\n]*)(\"?)")
# A name of letters and digits is any such name to whoever reads it; what it must not have would stay in the shape.
_SSID = re.compile(r"(?m)^(\s*ssid=\"?)([A-Za-z0-9_.-]{1,32})(\"?)$")
_LONG = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}|\b[0-9a-f]{24,}\b|\$[0-9a-z]+\$[^\s:]+")
_KEY = re.compile(rb"-----BEGIN [A-Z ]*(?:PRIVATE KEY|CERTIFICATE)-----")


def shape_of(content: bytes, names: Iterable[str]) -> str:
    """SHA-256 of a file's shape.

    Args:
        names: the gateway's own words: its name, serial number, host name.
    """
    if _KEY.search(content):
        return hashlib.sha256(b"key of as many lines: %d" % content.count(b"\n")).hexdigest()
    text = content.decode("utf-8", "surrogateescape")
    for name in sorted({name for name in names if len(name) > 2}, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "<name>", text)
    text = _QUOTED.sub(lambda match: f"{match[1]}{match[2]}<{len(match[3])} characters>{match[4]}", text)
    text = _SSID.sub(lambda match: f"{match[1]}<letters>{match[3]}", text)
    text = _MAC.sub("<mac>", text)
    text = _LONG.sub(lambda match: f"<{len(match[0])} characters>", text)
    places = _places(text)
    text = _ADDRESS.sub(lambda match: _address(match, places), text)
    text = _V6.sub(lambda match: _v6(match[0]), text)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def without_addresses(message: str) -> str:
    """A program's words as they hold for every gateway of a shape."""
    return _V6.sub("<address>", _MAC.sub("<address>", _ADDRESS.sub("<address>", message)))


def _places(text: str) -> dict[str, str]:
    """A name for each address of a file: its network of 256 by first appearance, then its rank in it."""
    networks: dict[str, set[int]] = {}
    for match in _ADDRESS.finditer(text):
        parts = match[1].split(".")
        if all(int(part) < 256 for part in parts):
            networks.setdefault(".".join(parts[:3]), set()).add(int(parts[3]))
    found: dict[str, str] = {}
    for number, (network, hosts) in enumerate(networks.items()):
        for rank, host in enumerate(sorted(hosts)):
            edge = host if host in (0, 255) else f"r{rank}"
            found[f"{network}.{host}"] = f"n{number}.{edge}"
    return found


def _address(match: re.Match[str], places: dict[str, str]) -> str:
    address, prefix = match[1], match[2]
    if _MASK.fullmatch(address) or address.startswith(("127.", "224.")) or address not in places:
        return match[0]
    if prefix is None:
        return f"<{places[address]}>"
    try:
        clean = ipaddress.IPv4Network(f"{address}/{prefix}", strict=False).network_address == ipaddress.ip_address(
            address
        )
    except ValueError:
        return match[0]
    return f"<{places[address]}/{prefix}{'' if clean else ' with host bits'}>"


def _v6(text: str) -> str:
    try:
        found = ipaddress.IPv6Interface(text)
    except ValueError:
        return text
    if found.ip.is_loopback or found.ip.is_unspecified:
        return text
    clean = found.ip == found.network.network_address
    return f"<v6/{found.network.prefixlen}{'' if clean else ' with host bits'}>"
