"""Access points and Wi-Fi clients of one gateway (A:119)."""

from __future__ import annotations

from pipeline.errors import Problem
from pipeline.formats.network import hostapd_conf, wpa_supplicant_conf
from pipeline.transforms.network.adapter import Adapter

# IEEE 802.11i: a passphrase has 8 to 63 printable ASCII characters. Shorter than 16 it can be guessed off-line.
_LEAST, _MOST = 16, 63


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
    """An access point with WPA2 and AES only, the gateway's own passphrase, and no hardware address."""
    values: dict[str, str | None] = {
        "interface": adapter.name,
        "ssid": adapter.ssid,
        "wpa": "2",
        "wpa_passphrase": passphrase,
        "wpa_key_mgmt": "WPA-PSK",
        "wpa_pairwise": "CCMP",
        "auth_algs": "1",  # open system only; shared keys belong to WEP
        # What would say something else beside: a ready key, WEP, WPS, a file of keys, a name in another form.
        **dict.fromkeys(("wpa_psk", "wpa_psk_file", "ssid2", "wps_state", "bssid", "wep_default_key")),
        **{f"wep_key{number}": None for number in range(4)},
    }
    if adapter.channel:
        values["channel"] = str(adapter.channel)
    if file.get("rsn_pairwise"):
        values["rsn_pairwise"] = "CCMP"
    return hostapd_conf.render(file.changed(values))


def station_text(file: wpa_supplicant_conf.WpaSupplicantConf, adapter: Adapter) -> str:
    """A Wi-Fi client; the network it joins is the site's, only the golden sample's access point is forgotten.

    An inventory that names another SSID means the client's network, where the interface is one.
    """
    items: list[wpa_supplicant_conf.Line | wpa_supplicant_conf.Block] = []
    for item in file.items:
        if isinstance(item, wpa_supplicant_conf.Block) and item.name == "network":
            item = item.changed({"bssid": None})
            if adapter.changed and adapter.ssid and not adapter.is_access_point:
                item = item.changed({"ssid": f'"{adapter.ssid}"'})
        items.append(item)
    return wpa_supplicant_conf.render(wpa_supplicant_conf.WpaSupplicantConf(tuple(items)))


def hostapd_problems(where: str, interface: str, file: hostapd_conf.HostapdConf) -> list[Problem]:
    """A file for another interface than its name says."""
    problems = []
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
        if len(block.get("psk")) == 64 and not block.get("psk").startswith('"')
    ]
