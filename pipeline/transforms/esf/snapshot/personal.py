"""What in a golden sample's snapshot belongs to that one device: it must not reach another one (formats 2)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from pipeline.formats.esf.esf_snapshot import Configuration, Property, Snapshot
from pipeline.formats.esf.own_settings import CLOUD, ECLIPSE_IOT, INTERFACE, NETWORK
from pipeline.model.layer import Origin
from pipeline.model.setting import SnapshotSetting

SSL = "org.eclipse.kura.ssl.SslManagerService"
KEYSTORE = "org.eclipse.kura.core.keystore.FilesystemKeystoreServiceImpl"

_SOURCE = "golden: snapshot"
_RUNTIME = Origin("snapshot.device_residue", _SOURCE, "A:129")
_NAME = Origin("snapshot.device_name", _SOURCE, "A:135")
_KEYSTORE = Origin("snapshot.keystore_password", _SOURCE, "A:206")

# Below net.interface.<interface>.: what was seen at run time on this hardware, not what was configured.
_SEEN = re.compile(
    r"(?:mac|firmware\.version|ip4\..+|wifi\..+|usb\..+|modem\.identifier|identifier"
    r"|(?:config\.)?(?:.*\.)?(?:imei|imsi|iccid|esn|meid|msisdn|serialNum(?:ber)?|phoneNumber|hwAddress))",
    re.IGNORECASE,
)
_INTERFACE_KEY = re.compile(rf"net\.interface\.(?P<interface>{INTERFACE})\.(?P<key>[A-Za-z].*)")
_MAC_AT_END = re.compile(r"[_-]?(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$|[_-][0-9A-Fa-f]{12}$")


def residue(snapshot: Snapshot, replaced: Collection[tuple[str, str]]) -> Iterator[SnapshotSetting]:
    """Settings that take device-unique and stale values away.

    Args:
        replaced: pid and property that get a value of the gateway's own anyway.
    """
    for configuration in snapshot.configurations:
        for setting in _of(configuration):
            if (setting.pid, setting.name) not in replaced:
                yield setting


def _of(configuration: Configuration) -> Iterator[SnapshotSetting]:
    if configuration.is_instance_of(NETWORK):
        for prop in configuration.properties:
            yield from _network(configuration.pid, prop)
    is_cloud = configuration.is_instance_of(CLOUD) or configuration.is_instance_of(ECLIPSE_IOT)
    if is_cloud and configuration.text("device.custom-name"):
        yield SnapshotSetting(configuration.pid, "device.custom-name", "String", ("",), _NAME)
        if configuration.text("device.display-name") == "custom":
            # Every gateway has a host name of its own to be shown instead.
            yield SnapshotSetting(configuration.pid, "device.display-name", "String", ("hostname",), _NAME)
    # The golden sample's keystores stay behind, so their passwords open nothing here and would only leak.
    if configuration.is_instance_of(SSL) and configuration.get("ssl.keystore.password"):
        yield SnapshotSetting(configuration.pid, "ssl.keystore.password", "Password", None, _KEYSTORE, secret=True)
    if configuration.is_instance_of(KEYSTORE) and configuration.get("keystore.password"):
        yield SnapshotSetting(configuration.pid, "keystore.password", "Password", None, _KEYSTORE, secret=True)
        yield SnapshotSetting(configuration.pid, "randomize.password", "Boolean", ("true",), _KEYSTORE)


def _network(pid: str, prop: Property) -> Iterator[SnapshotSetting]:
    found = _INTERFACE_KEY.fullmatch(prop.name)
    if found is None:
        return
    if _SEEN.fullmatch(found["key"]):
        yield SnapshotSetting(pid, prop.name, prop.type, None, _RUNTIME)
    elif found["key"].endswith(".ssid") and _MAC_AT_END.search(prop.text):
        # kura_gateway_B8:27:EB:2B:4E:35: the factory's name with the device's address at its end.
        yield SnapshotSetting(pid, prop.name, prop.type, (_MAC_AT_END.sub("", prop.text),), _RUNTIME)
