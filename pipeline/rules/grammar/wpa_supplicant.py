"""What wpa_supplicant refuses in its configuration (``config_file.c``, ``config.c``; 2.10): it then joins nothing."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping

from pipeline.formats.network import wpa_supplicant_conf
from pipeline.formats.network.wpa_supplicant_conf import Block, Line
from pipeline.rules.grammar.wifi_keys import GLOBAL, NETWORK

Refusal = tuple[int, str]
"""Line and what is refused; never a value that may be a secret."""

_BLOCKS = ("network", "cred")
_CRED = frozenset(
    """temporary priority sp_priority ca_cert client_cert private_key private_key_passwd imsi milenage
    domain_suffix_match domain phase1 phase2 eap username password realm home_ois required_home_ois roaming_consortium
    required_roaming_consortium roaming_consortiums roaming_partner excluded_ssid provisioning_sp min_dl_bandwidth_home
    min_ul_bandwidth_home min_dl_bandwidth_roaming min_ul_bandwidth_roaming max_bss_load req_conn_capab ocsp sim_num
    pcsc update_identifier engine ca_cert_id cert_id engine_id key_id""".split()
)
_STRING = r'"[^"]*"|P".*"|(?:[0-9a-fA-F]{2})*'
_TEXTS = frozenset(
    """identity anonymous_identity ca_cert client_cert private_key phase1 phase2 id_str subject_match pac_file
    domain_suffix_match engine_id key_id bgscan ca_path dh_file""".split()
)
_WORDS: Mapping[str, frozenset[str]] = {
    "key_mgmt": frozenset(
        """WPA-PSK WPA-EAP IEEE8021X NONE WPA-NONE FT-PSK FT-EAP FT-EAP-SHA384 WPA-PSK-SHA256 WPA-EAP-SHA256 WPS SAE
        FT-SAE OSEN WPA-EAP-SUITE-B WPA-EAP-SUITE-B-192 FILS-SHA256 FILS-SHA384 FT-FILS-SHA256 FT-FILS-SHA384 OWE DPP
        """.split()
    ),
    "proto": frozenset("WPA RSN WPA2 OSEN".split()),
    "pairwise": frozenset("CCMP-256 GCMP-256 CCMP GCMP TKIP NONE".split()),
    "group": frozenset("CCMP-256 GCMP-256 CCMP GCMP TKIP WEP104 WEP40 GTK_NOT_USED".split()),
    "auth_alg": frozenset("OPEN SHARED LEAP".split()),
    "eap": frozenset(
        "MD5 TLS MSCHAPV2 PEAP TTLS GTC OTP LEAP SIM PSK AKA AKA' FAST PAX SAKE GPSK IKEV2 WSC TNC PWD TEAP".split()
    ),
}  # fmt: skip
_MAY_BE_EMPTY = frozenset({"eap"})
_SPANS = {
    "scan_ssid": (0, 1), "mode": (0, 5), "proactive_key_caching": (0, 1), "ap_scan": (0, 10**9),
    "eapol_version": (1, 3),
    "wps_nfc_dev_pw_id": (16, 65535),
    "ieee80211w": (0, 10**9),
}  # fmt: skip
_NUMBERS = frozenset(
    """priority frequency disabled eapol_flags mixed_cell dtim_period beacon_int wps_disabled macsec_policy peerkey
    ap_max_inactivity mac_addr wep_tx_keyidx scan_ssid mode proactive_key_caching ieee80211w""".split()
)
_NUMBERS_OUTSIDE = frozenset(
    "ap_scan update_config eapol_version fast_reauth bss_max_count pmf wps_nfc_dev_pw_id".split()
)


def refusals(text: str) -> Iterator[Refusal]:
    """Everything wpa_supplicant refuses."""
    text = "\n".join(line.partition("\0")[0] for line in text.split("\n"))
    problems = wpa_supplicant_conf.problems_of(text)
    if problems:
        yield from problems
        return
    for item in wpa_supplicant_conf.parse(text, "").items:
        if isinstance(item, Block):
            yield from _block(item)
        elif item.key:
            yield from _line(item, GLOBAL, _NUMBERS_OUTSIDE)


def _block(block: Block) -> Iterator[Refusal]:
    first = block.lines[0].number - 1 if block.lines else 0
    if block.name.startswith(wpa_supplicant_conf.BLOB):
        held = "".join(line.value for line in block.lines)
        if not re.fullmatch(r"[A-Za-z0-9+/=\s]*", held):
            yield first, "a blob that is not base64"
        return
    if block.name not in _BLOCKS:
        yield first, f"no block of wpa_supplicant: {block.name[:40]!r}"
        return
    known = NETWORK if block.name == "network" else _CRED
    for line in block.lines:
        if line.key:
            yield from _line(line, known, _NUMBERS if block.name == "network" else frozenset())


def _line(line: Line, known: frozenset[str], numbers: frozenset[str]) -> Iterator[Refusal]:
    if line.key not in known:
        yield line.number, f"wpa_supplicant knows no {line.key[:40]!r} here"
        return
    bad = _bad(line.key, line.value, numbers)
    if bad:
        yield line.number, f"{line.key}: {bad} is wanted"


def _bad(key: str, value: str, numbers: frozenset[str]) -> str:
    inside = numbers is not _NUMBERS_OUTSIDE
    check = _FORMS.get(key)
    if check is not None and (inside or key in ("uuid", "ip_addr_go")):
        return check(value)
    if inside and key in _WORDS:
        words = value.split(" ")
        good = all(word in _WORDS[key] for word in words if word) and (any(words) or key in _MAY_BE_EMPTY)
        return "" if good else f"words such as {min(_WORDS[key])}"
    if inside and key in _TEXTS:
        return "" if re.fullmatch(_STRING, value) else "a text in quotation marks"
    if key in numbers:
        least, most = _SPANS.get(key, (-(2**31), 2**31))
        form = re.fullmatch(r"[+-]?\d+|0[xX][0-9a-fA-F]+", value)
        good = form is not None and least <= int(value, 16 if value[1:2] in ("x", "X") else 10) <= most
        return "" if good else "a number" + (f" from {least} to {most}" if key in _SPANS and most < 100 else "")
    return ""


def _ssid(value: str) -> str:
    good = re.fullmatch(_STRING, value) and len(value.strip('"').encode("utf-8", "surrogateescape")) <= (
        32 if value.startswith('"') else 64 if value[:1] != "P" else 99
    )
    return "" if good else "a name in quotation marks of up to 32 bytes, or hexadecimal digits"


def _psk(value: str) -> str:
    if value.startswith('"'):
        good = value.endswith('"') and 8 <= len(value[1:-1].encode("utf-8", "surrogateescape")) <= 63
        return "" if good else "a passphrase of 8 to 63 characters in quotation marks"
    return "" if re.fullmatch("[0-9a-fA-F]{64}", value) else "64 hexadecimal digits, or a passphrase in quotation marks"


def _password(value: str) -> str:
    good = re.fullmatch(_STRING + "|hash:[0-9a-fA-F]{32}|ext:.+", value)
    return "" if good else "a text in quotation marks, or hash: and 32 hexadecimal digits"


def _text(value: str) -> str:
    return "" if re.fullmatch(_STRING, value) else "a text in quotation marks"


def _wep(value: str) -> str:
    good = re.fullmatch(r'"[^"]{5}"|"[^"]{13}"|"[^"]{16}"|[0-9a-fA-F]{10}|[0-9a-fA-F]{26}', value)
    return "" if good else "a key of 5 or 13 characters"


def _hardware(value: str) -> str:
    return "" if re.fullmatch(r"any|(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}|\"\"", value) else "a hardware address, or any"


def _uuid(value: str) -> str:
    good = re.fullmatch(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value)
    return "" if good else "a UUID"


def _address(value: str) -> str:
    try:
        ipaddress.IPv4Address(value)
    except ValueError:
        return "an address"
    return ""


_FORMS: Mapping[str, Callable[[str], str]] = {
    "ssid": _ssid, "psk": _psk, "password": _password, "sae_password": _text, "wep_key0": _wep,
    "wep_key1": _wep, "wep_key2": _wep, "wep_key3": _wep,
    "bssid": _hardware, "uuid": _uuid, "ip_addr_go": _address,
}  # fmt: skip
