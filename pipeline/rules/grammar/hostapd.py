"""What hostapd refuses in its configuration (``config_file.c``, ``ap_config.c``; 2.10): it then does not start."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping

from pipeline.rules.grammar.wifi_keys import HOSTAPD, HOSTAPD_FAMILIES

Refusal = tuple[int, str]
"""Line (0 for the file as a whole) and what is refused; never a value that may be a secret."""

_LONGEST = 4094
_MANAGEMENT = frozenset(
    """WPA-PSK WPA-EAP FT-PSK FT-EAP FT-EAP-SHA384 WPA-PSK-SHA256 WPA-EAP-SHA256 SAE FT-SAE WPA-EAP-SUITE-B
    WPA-EAP-SUITE-B-192 FILS-SHA256 FILS-SHA384 FT-FILS-SHA256 FT-FILS-SHA384 OWE DPP OSEN""".split()
)
_CIPHERS = frozenset("CCMP-256 GCMP-256 CCMP GCMP TKIP NONE GTK_NOT_USED AES-128-CMAC".split())
_WORDS = {"wpa_key_mgmt": _MANAGEMENT, "wpa_pairwise": _CIPHERS, "rsn_pairwise": _CIPHERS}


def _atoi(text: str) -> int:
    """As C: the digits in front, 0 without."""
    found = re.match(r"[ \t]*([+-]?\d+)", text)
    return int(found[1]) if found else 0


def _within(least: int, most: int) -> Callable[[str], bool]:
    return lambda text: least <= _atoi(text) <= most


def _form(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


def _address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


_VALUES: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "hw_mode": (_form("a|b|g|ad|any"), "a, b, g, ad or any, and nothing behind it"),
    "wpa": (_within(0, 3), "0 to 3"),
    "auth_algs": (lambda text: _atoi(text) > 0, "a number that is not 0"),
    "country_code": (_form("[A-Z]{2}"), "two capitals"),
    "macaddr_acl": (_within(0, 2), "0 to 2"),
    "max_num_sta": (_within(0, 2007), "0 to 2007"),
    "beacon_int": (_within(10, 65535), "10 to 65535"),
    "dtim_period": (_within(1, 255), "1 to 255"),
    "rts_threshold": (_within(-1, 65535), "-1 to 65535"),
    "fragm_threshold": (lambda text: _atoi(text) == -1 or 256 <= _atoi(text) <= 2346, "-1, or 256 to 2346"),
    "wpa_passphrase": (lambda text: 8 <= len(text.encode("utf-8", "surrogateescape")) <= 63, "8 to 63 characters"),
    "wpa_psk": (_form("[0-9a-fA-F]{64}"), "64 hexadecimal digits"),
    "ssid": (lambda text: 1 <= len(text.encode("utf-8", "surrogateescape")) <= 32, "1 to 32 bytes"),
    "ssid2": (
        _form(r'"[^"]{0,32}"|P".*"|(?:[0-9a-fA-F]{2}){1,32}'),
        "a name in quotation marks, or hexadecimal digits",
    ),
    "bssid": (_form(r"(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}"), "a hardware address"),
    "auth_server_addr": (_address, "an address"),
    "acct_server_addr": (_address, "an address"),
    "own_ip_addr": (_address, "an address"),
    "uuid": (_form(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"), "a UUID"),
    "mobility_domain": (_form("[0-9a-fA-F]{4}"), "four hexadecimal digits"),
    "vendor_elements": (_form(r"(?:[0-9a-fA-F]{2})*"), "hexadecimal digits"),
    "ctrl_interface_group": (_form(r"\d+|root|netdev|adm|nogroup"), "a group the image has"),
    "driver": (_form("nl80211|wired|none|hostap|test"), "nl80211, wired or none"),
    "accept_mac_file": (_form(r"(?!)"), "no such file"),
    "deny_mac_file": (_form(r"(?!)"), "no such file"),
}


def _nothing(path: str) -> bool:
    del path
    return False


def refusals(text: str, exists: Callable[[str], bool] = _nothing) -> Iterator[Refusal]:
    """Everything hostapd refuses, line by line, then together.

    Args:
        exists: whether a file that is named is there.
    """
    values: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        line = line.partition("\0")[0]
        if not line or line.startswith("#"):
            if len(line) > _LONGEST:
                yield number, "a line of more than 4,094 characters"
            continue
        key, equals, value = line.partition("=")
        if not equals:
            yield number, "expected 'key=value'; a line of blanks is none"
        elif key not in HOSTAPD and not key.startswith(HOSTAPD_FAMILIES):
            yield number, f"hostapd knows no key {key[:40]!r}"
        else:
            values[key] = (number, value)
            bad = _bad(key, value, exists)
            if bad:
                yield number, f"{key}: {bad} is wanted"
    yield from _together(values)


def _bad(key: str, value: str, exists: Callable[[str], bool]) -> str:
    words = _WORDS.get(key)
    if words is not None:
        known = value.split(" ")
        return "" if value and all(word in words for word in known if word) else f"words such as {min(words)}"
    if key.endswith("_mac_file"):
        return "" if exists(value) else "a file that is there"
    form = _VALUES.get(key)
    return "" if form is None or form[0](value) else form[1]


def _together(values: Mapping[str, tuple[int, str]]) -> Iterator[Refusal]:
    """Keys that need others (``hostapd_config_check``)."""

    def value(key: str) -> str:
        return values.get(key, (0, ""))[1]

    if _atoi(value("ieee80211d")) and not value("country_code"):
        yield values["ieee80211d"][0], "ieee80211d needs country_code"
    if _atoi(value("ieee8021x")) and not (value("auth_server_addr") or _atoi(value("eap_server"))):
        yield values["ieee8021x"][0], "ieee8021x needs an authentication server"
    management = value("wpa_key_mgmt").split() or ["WPA-PSK"]
    if _atoi(value("wpa")) and {"WPA-PSK", "WPA-PSK-SHA256", "FT-PSK"} & {*management}:
        known = any(key in values for key in ("wpa_passphrase", "wpa_psk", "wpa_psk_file", "wpa_psk_radius"))
        if not known:
            yield values["wpa"][0], "WPA with a shared key has none: wpa_passphrase, wpa_psk or wpa_psk_file"
    if _atoi(value("hs20")) and not _atoi(value("wpa")) & 2:
        yield values["hs20"][0], "hs20 needs WPA2"
    for key, needs in (("spectrum_mgmt_required", "ieee80211h"), ("local_pwr_constraint", "ieee80211h")):
        if key in values and needs not in values and not value("country_code"):
            yield values[key][0], f"{key} needs ieee80211d, ieee80211h and country_code"
    for key in ("auth_server_port", "auth_server_shared_secret"):
        if key in values and values[key][0] < values.get("auth_server_addr", (10**9, ""))[0]:
            yield values[key][0], f"{key} stands before auth_server_addr"
