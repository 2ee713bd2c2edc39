"""What the snapshot says of each interface, in the words of the files.

ESF up to Kura 5.0 reads the files at boot and passes over these settings; applied again, they overwrite the files
(formats 2). So a disagreement is a gateway that changes its network some day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Interface, IPv4Network

from pipeline.formats.esf import esf_snapshot, net_properties
from pipeline.formats.esf.esf_snapshot import Configuration, Property
from pipeline.model.claim import Claim, Place, comparable
from pipeline.model.golden import Golden
from pipeline.transforms.network.adapter import Adapter
from pipeline.transforms.network.kura import PID
from pipeline.transforms.network.said import STATES, yes


def _plain(text: str) -> str:
    return text.strip()


def _flag(text: str) -> str:
    return yes(text.strip().lower() == "true")


def _list(text: str) -> str:
    return " ".join(text.replace(",", " ").split())


def _netmask(prefix: str) -> str:
    try:
        return str(IPv4Network(f"0.0.0.0/{prefix.strip()}").netmask)
    except ValueError:
        return prefix  # no prefix at all, which no file will say


# Of an interface that is used: key, to what it says and how it is written in files.
_ALWAYS: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "config.dhcpServer4.enabled": ("DHCP server", _flag),
    "config.nat.enabled": ("address translation", _flag),
    "config.wifi.mode": ("Wi-Fi mode", _plain),
    "config.resetTimeout": ("reset time-out", _plain),
    "config.gpsEnabled": ("positioning", _plain),
}
_SERVER: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "config.dhcpServer4.passDns": ("name server for its clients", _flag),
    "config.dhcpServer4.rangeStart": ("first lease", _plain),
    "config.dhcpServer4.rangeEnd": ("last lease", _plain),
    "config.dhcpServer4.prefix": ("netmask", _netmask),
    "config.dhcpServer4.defaultLeaseTime": ("lease time", _plain),
    "config.dhcpServer4.maxLeaseTime": ("longest lease time", _plain),
}
_MODEM: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "config.apn": ("APN", _plain),
    "config.dialString": ("dial string", _plain),
    "config.pppNum": ("PPP unit", _plain),
    "config.persist": ("persistence", _flag),
    "config.maxFail": ("attempts", _plain),
    "config.idle": ("idle time", _plain),
    "config.lcpEchoInterval": ("LCP echo interval", _plain),
    "config.lcpEchoFailure": ("LCP echo failures", _plain),
}


def of_snapshot(golden: Golden, generation: str, adapters: Mapping[str, Adapter]) -> Iterator[Claim]:
    """Everything the network component says of the interfaces the files know."""
    if not golden.snapshot:
        return  # the snapshot's own transform refuses that
    component = _component(golden.snapshot, generation)
    if component is None:
        return
    listed = {**{prop.name: prop.text for prop in component.properties}}
    listed.setdefault("net.interfaces", ",".join(adapters))
    for name in net_properties.interfaces_of(listed):
        if name in adapters:
            yield from _Told(golden, component.by_name, adapters[name]).claims()


@lru_cache(maxsize=2)
def _component(content: bytes, generation: str) -> Configuration | None:
    """The network's settings; read once for all gateways of a release."""
    snapshot = esf_snapshot.read(content, generation, "golden: snapshot").snapshot
    return snapshot.get(PID) if snapshot else None


class _Told:
    """One interface in the snapshot."""

    def __init__(self, golden: Golden, properties: Mapping[str, Property], adapter: Adapter) -> None:
        self._golden, self._properties, self._adapter = golden, properties, adapter

    def claims(self) -> Iterator[Claim]:
        state = STATES.get(self._text("config.ip4.status"))
        if state is not None:
            yield self._claim("config.ip4.status", "state", state)
        if self._adapter.kind != "modem" and self._has("config.autoconnect"):
            yield self._claim("config.autoconnect", "start at boot", _flag(self._text("config.autoconnect")))
        if state == "disabled" or not self._adapter.enabled:
            return  # what is off keeps its other settings (formats 2)
        yield from self._each(_ALWAYS)
        if self._adapter.kind == "modem":
            yield from self._each(_MODEM)
            yield from self._login()
            return
        if _flag(self._text("config.dhcpServer4.enabled")) == "on":
            yield from self._each(_SERVER)
        yield from self._addressing()
        if self._adapter.kind == "wifi":
            yield from self._wifi()

    def _addressing(self) -> Iterator[Claim]:
        if self._has("config.dhcpClient4.enabled"):
            dhcp = _flag(self._text("config.dhcpClient4.enabled")) == "on"
            yield self._claim("config.dhcpClient4.enabled", "method", "dhcp" if dhcp else "static")
            if dhcp:
                return
        address, prefix = self._text("config.ip4.address"), self._text("config.ip4.prefix")
        if address:
            yield self._claim("config.ip4.address", "address", address)
        if prefix:
            yield self._claim("config.ip4.prefix", "netmask", _netmask(prefix))
        if address and prefix:
            yield self._claim("config.ip4.address", "network", _network(address, prefix))
        if self._has("config.ip4.gateway"):
            yield self._claim("config.ip4.gateway", "router", self._text("config.ip4.gateway"))
        if servers := _list(self._text("config.ip4.dnsServers")):
            yield self._claim("config.ip4.dnsServers", "name servers", servers)

    def _wifi(self) -> Iterator[Claim]:
        side = "config.wifi.master" if self._adapter.is_access_point else "config.wifi.infra"
        if self._text(f"{side}.ssid"):
            yield self._claim(f"{side}.ssid", "SSID", self._text(f"{side}.ssid"))
        yield from self._secret(f"{side}.passphrase", "passphrase")
        if not self._adapter.is_access_point:
            return
        if channel := self._text(f"{side}.channel").split(" ")[0]:
            yield self._claim(f"{side}.channel", "channel", channel)
        if protection := self._text(f"{side}.securityType").removeprefix("SECURITY_"):
            yield self._claim(f"{side}.securityType", "protection", protection)

    def _login(self) -> Iterator[Claim]:
        if self._text("config.authType") == "NONE":
            yield self._claim("config.authType", "user", "")
            return
        if self._text("config.username"):
            yield self._claim("config.username", "user", self._text("config.username"))
        yield from self._secret("config.password", "password")

    def _secret(self, key: str, about: str) -> Iterator[Claim]:
        """A secret that travels, or one that stays behind and can still be compared."""
        hidden = self._golden.snapshot_left.get((PID, self._full(key)), comparable(self._text(key)))
        if hidden != comparable(""):
            yield Claim(self._adapter.name, about, hidden, self._place(key), secret=True)

    def _each(self, table: Mapping[str, tuple[str, Callable[[str], str]]]) -> Iterator[Claim]:
        for key, (about, written) in table.items():
            if self._text(key):
                yield self._claim(key, about, written(self._text(key)))

    def _has(self, key: str) -> bool:
        return self._full(key) in self._properties

    def _text(self, key: str) -> str:
        prop = self._properties.get(self._full(key))
        return prop.text if prop else ""

    def _full(self, key: str) -> str:
        return f"net.interface.{self._adapter.name}.{key}"

    def _claim(self, key: str, about: str, value: str) -> Claim:
        return Claim(self._adapter.name, about, value, self._place(key))

    def _place(self, key: str) -> Place:
        prop = self._properties.get(self._full(key))
        return self._golden.setting_place(PID, self._full(key), prop.line if prop else 0)


def _network(address: str, prefix: str) -> str:
    try:
        return str(IPv4Interface(f"{address.strip()}/{prefix.strip()}").network)
    except ValueError:
        return f"{address}/{prefix}"
