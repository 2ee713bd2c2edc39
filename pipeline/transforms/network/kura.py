"""What ESF itself is told: ``kuranet.conf`` and the network component of the snapshot."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pipeline.formats.esf import kuranet
from pipeline.formats.esf.own_settings import EAP_LOGIN
from pipeline.model.layer import Origin
from pipeline.model.setting import SnapshotSetting
from pipeline.transforms.network.adapter import STATUS, Adapter

PID = "org.eclipse.kura.net.admin.NetworkConfigurationService"
PASSPHRASE = Origin("network.wifi", "secrets: Wi-Fi passphrase", "A:119")

# Of the golden sample's own modem and adapters; ESF finds out its own (formats 2).
_DEVICE_UNIQUE = re.compile(r"net\.interface\..+\.(?:modem\.identifier|mac|usb\..+|firmware\.version|iccid|imei)")

_EAP = tuple(f"config.802-1x.{key}" for key in EAP_LOGIN)
# What an interface logs in with at somebody else's network.
_LOGINS: Mapping[str, tuple[str, ...]] = {
    "ethernet": _EAP,
    "wifi": ("config.wifi.infra.passphrase", *_EAP),
    "modem": ("config.username", "config.password"),
}


def kuranet_text(file: kuranet.Kuranet, adapters: Mapping[str, Adapter]) -> str:
    """The file with the states of this gateway's interfaces, and nothing of the golden sample's hardware."""
    values: dict[str, str | None] = {entry.key: None for entry in file.entries if _DEVICE_UNIQUE.fullmatch(entry.key)}
    for name, adapter in sorted(adapters.items()):
        if not adapter.changed:
            continue
        prefix = f"net.interface.{name}.config"
        values[f"{prefix}.ip4.status"] = STATUS[adapter.state]
        if adapter.kind != "modem":
            values[f"{prefix}.dhcpServer4.enabled"] = _flag(adapter.leases is not None)
            values[f"{prefix}.dhcpServer4.passDns"] = _flag(adapter.pass_dns)
            values[f"{prefix}.nat.enabled"] = _flag(adapter.nat)
    # The comment is the date of the golden sample's last change; it says nothing about this gateway.
    return kuranet.render(kuranet.Kuranet(file.changed(values).entries))


def properties(adapter: Adapter) -> dict[str, tuple[str, str]]:
    """An interface as the snapshot has it: name below ``net.interface.<name>.``, to type and value."""
    wanted: dict[str, tuple[str, str]] = {
        "config.ip4.status": ("String", STATUS[adapter.state]),
        "config.autoconnect": ("Boolean", _flag(adapter.enabled)),
    }
    if adapter.kind == "modem":
        wanted["config.enabled"] = ("Boolean", _flag(adapter.enabled))
        if adapter.enabled and adapter.apn:
            wanted["config.apn"] = ("String", adapter.apn)
        return wanted
    wanted["config.dhcpServer4.enabled"] = ("Boolean", _flag(adapter.leases is not None))
    wanted["config.nat.enabled"] = ("Boolean", _flag(adapter.nat))
    if not adapter.enabled:
        return wanted
    wanted["config.dhcpClient4.enabled"] = ("Boolean", _flag(adapter.method == "dhcp"))
    wanted["config.dhcpServer4.passDns"] = ("Boolean", _flag(adapter.pass_dns))
    if adapter.address:
        wanted["config.ip4.address"] = ("String", str(adapter.address.ip))
        wanted["config.ip4.prefix"] = ("Short", str(adapter.address.network.prefixlen))
        wanted["config.ip4.gateway"] = ("String", adapter.router)
    if adapter.dns:
        wanted["config.ip4.dnsServers"] = ("String", ",".join(adapter.dns))
    if adapter.leases and adapter.address:
        wanted["config.dhcpServer4.rangeStart"] = ("String", str(adapter.leases[0]))
        wanted["config.dhcpServer4.rangeEnd"] = ("String", str(adapter.leases[1]))
        wanted["config.dhcpServer4.prefix"] = ("Short", str(adapter.address.network.prefixlen))
    if adapter.kind == "wifi":
        wanted["config.wifi.mode"] = ("String", adapter.wifi_mode)
    if adapter.is_access_point:
        wanted["config.wifi.master.ssid"] = ("String", adapter.ssid)
        wanted["config.wifi.master.channel"] = ("String", str(adapter.channel))
    elif adapter.kind == "wifi" and adapter.ssid:
        wanted["config.wifi.infra.ssid"] = ("String", adapter.ssid)
    return wanted


def settings(gateway: str, adapters: Mapping[str, Adapter], passphrase: str) -> tuple[SnapshotSetting, ...]:
    """What the snapshot needs so that it agrees with the files, sorted.

    Every access point gets WPA2 and the gateway's own passphrase, one that is switched off too: the golden sample's
    must not lie in a thousand images. For the same reason what a disabled interface would log in with is taken out.
    """
    found: list[SnapshotSetting] = []
    for name, adapter in sorted(adapters.items()):
        origin = Origin("network.interface", f"devices.toml: {gateway}.{name}", "A:181")
        wanted = properties(adapter) if adapter.changed else {}
        if adapter.is_access_point:
            wanted["config.wifi.master.securityType"] = ("String", "SECURITY_WPA2")
            wanted["config.wifi.master.pairwiseCiphers"] = ("String", "CCMP")
            wanted["config.wifi.master.groupCiphers"] = ("String", "CCMP")
            wanted["config.wifi.master.passphrase"] = ("Password", passphrase)
        for key, (kind, value) in sorted(wanted.items()):
            secret = kind == "Password"
            why = PASSPHRASE if secret else origin
            found.append(SnapshotSetting(PID, f"net.interface.{name}.{key}", kind, (value,), why, secret=secret))
        if not adapter.enabled:
            found += [
                SnapshotSetting(PID, f"net.interface.{name}.{key}", "String", None, origin, secret=True)
                for key in _LOGINS[adapter.kind]
            ]
    return tuple(found)


def _flag(value: bool) -> str:  # noqa: FBT001 - it turns a bool into text
    return "true" if value else "false"
