"""Access points and Wi-Fi clients of one gateway (A:119)."""

from __future__ import annotations

import re
from dataclasses import replace

from pipeline.errors import Problem
from pipeline.formats.network import hostapd_conf, wpa_supplicant_conf
from pipeline.transforms.network.adapter import Adapter

# IEEE 802.11i: a passphrase has 8 to 63 printable ASCII characters. Shorter than 16 it can be guessed off-line.
_LEAST, _MOST = 16, 63
_ANYBODY = re.compile(r"mac=(?:[fF]{2}:){5}[fF]{2}")


def passphrase_problems(gateway: str, passphrase: str) -> list[Problem]:
    """What is wrong with a gateway's passphrase, which is never quoted."""
    if _LEAST <= len(passphrase) <= _MOST and all(" " <= char <= "~" for char in passphrase):
        return []
    return [
        Problem(
            f"gateway {gateway}: its Wi-Fi passphrase is too short, too long, or not printable ASCII",
            f"give it one of {_LEAST} to {_MOST} printable ASCII characters, or leave it to be derived",
        )
    ]


def hostapd_text(file: hostapd_conf.HostapdConf, adapter: Adapter, passphrase: str) -> str:
    """An access point as strong as it was, never weaker than WPA2 with AES, with the gateway's own passphrase.

    Key management that a strong network has (SAE, EAP, OWE) stays, with what belongs to it (``ieee80211w``, RADIUS);
    weak methods and ciphers go, and so do hardware addresses, WPS, and old secrets in comments.
    """
    management = [word for word in file.get("wpa_key_mgmt").split() if word in _STRONG] or ["WPA-PSK"]
    by_psk, by_sae = (any(part in word for word in management) for part in ("PSK", "SAE"))
    own_sae = by_sae and bool(file.get("sae_password"))
    values: dict[str, str | None] = {
        "interface": adapter.name,
        "ssid": adapter.ssid,
        "wpa": "2",
        "wpa_passphrase": passphrase if by_psk or (by_sae and not own_sae) else None,
        "sae_password": passphrase if own_sae else None,
        "wpa_key_mgmt": " ".join(management),
        "wpa_pairwise": _ciphers(file, "wpa_pairwise"),
        "auth_algs": "1",  # open system only; shared keys belong to WEP
        # What would say something else beside: a ready key, WEP, WPS, a file of keys, a name in another form.
        **dict.fromkeys(("wpa_psk", "wpa_psk_file", "ssid2", "wps_state", "ap_pin", "uuid", "serial_number", "bssid")),
        **{key: None for key in hostapd_conf.OWN_KEYS if key.startswith("wep_")},
        "wep_default_key": None,
    }
    if adapter.channel:
        values["channel"] = str(adapter.channel)
    if file.get("rsn_pairwise"):
        values["rsn_pairwise"] = _ciphers(file, "rsn_pairwise")
    kept = tuple(line for line in file.lines if line.key or not hostapd_conf.OLD_SECRET.match(line.value))
    return hostapd_conf.render(hostapd_conf.HostapdConf(kept).changed(values))


# Of hostapd.conf(5), wpa_key_mgmt and the pairwise ciphers: what is WPA2 or WPA3.
_STRONG = frozenset(
    """WPA-PSK WPA-PSK-SHA256 FT-PSK SAE FT-SAE SAE-EXT-KEY FT-SAE-EXT-KEY OWE WPA-EAP WPA-EAP-SHA256 FT-EAP
    FT-EAP-SHA384 WPA-EAP-SUITE-B WPA-EAP-SUITE-B-192""".split()
)
_AES = frozenset({"CCMP", "GCMP", "CCMP-256", "GCMP-256"})


def _ciphers(file: hostapd_conf.HostapdConf, key: str) -> str:
    return " ".join(word for word in file.get(key).split() if word in _AES) or "CCMP"


def station_text(file: wpa_supplicant_conf.WpaSupplicantConf, adapter: Adapter) -> str:
    """A Wi-Fi client; the network it joins is the site's, only the golden sample's access point is forgotten.

    An inventory that names another SSID means the client's network, where the interface is one.
    """
    items: list[wpa_supplicant_conf.Line | wpa_supplicant_conf.Block] = []
    for item in file.items:
        if isinstance(item, wpa_supplicant_conf.Line) and _is_old(item):
            continue
        if isinstance(item, wpa_supplicant_conf.Block):
            # wpa_passphrase(8) writes the passphrase as a comment above the key it computes from it.
            item = replace(item, lines=tuple(line for line in item.lines if not _is_old(line)))
        if isinstance(item, wpa_supplicant_conf.Block) and item.name == "network":
            item = item.changed({"bssid": None})
            if adapter.changed and adapter.ssid and not adapter.is_access_point:
                item = item.changed({"ssid": f'"{adapter.ssid}"'})
        items.append(item)
    return wpa_supplicant_conf.render(wpa_supplicant_conf.WpaSupplicantConf(tuple(items)))


def _is_old(line: wpa_supplicant_conf.Line) -> bool:
    return not line.key and hostapd_conf.OLD_SECRET.match(line.value) is not None


def hostapd_problems(where: str, interface: str, file: hostapd_conf.HostapdConf) -> list[Problem]:
    """A file for another interface than its name says, and secrets of single stations or of other access points.

    A gateway has one passphrase of its own. What is for one station, for one identifier or between two access points
    cannot be replaced by it, and must not travel.
    """
    problems = [
        Problem(
            f"{where}: line {line.number}: sae_password is for one station or identifier, and each gateway has one "
            "passphrase of its own for all",
            "take the line out on the golden sample, or write one sae_password without |mac=, |vlanid=, |pk= and |id=",
        )
        for line in file.every("sae_password")
        if any(not _ANYBODY.fullmatch(part) for part in line.value.split("|")[1:])
    ]
    problems += [
        Problem(
            f"{where}: line {line.number}: {line.key} is a key between the golden sample and another access point",
            "take fast transition out on the golden sample: no other gateway may have this key",
        )
        for key in ("r0kh", "r1kh", "rxkh_file")
        for line in file.every(key)
    ]
    if file.get("interface") != interface:
        problems.append(
            Problem(
                f"{where}: is for interface {file.get('interface')!r}, not {interface}", "rename the file or correct it"
            )
        )
    return problems


def station_problems(where: str, file: wpa_supplicant_conf.WpaSupplicantConf, adapter: Adapter) -> list[Problem]:
    """A ready key is computed from the SSID, so it cannot follow another one."""
    if not adapter.changed or not adapter.ssid or adapter.is_access_point:
        return []
    return [
        Problem(
            f"{where}: network {number} has a ready 64-digit key, which only fits the golden sample's SSID",
            "give the golden sample the passphrase instead of the key, or take ssid out of the inventory",
        )
        for number, block in enumerate(file.networks, 1)
        if len(block.get("psk")) == 64
        and not block.get("psk").startswith('"')
        and block.get("ssid") != f'"{adapter.ssid}"'
    ]
