"""A gateway whose network is in its snapshot and nowhere else (Kura 5.1 and later): no Linux file is written.

The framework makes the Linux files itself at every start, so what lay there would be gone, or, worse, would not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Interface

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.esf import esf_snapshot, net_properties
from pipeline.formats.esf.esf_snapshot import Snapshot
from pipeline.model.gateway import Gateway
from pipeline.model.golden import Golden
from pipeline.model.layer import Origin
from pipeline.model.layout import Layout
from pipeline.model.setting import SnapshotSetting
from pipeline.model.trust import GatewaySecrets
from pipeline.transforms.network import eap, kura, wifi
from pipeline.transforms.network.adapter import STATUS, Adapter
from pipeline.transforms.network.gateway_adapters import gateway_adapters

_WHERE = "golden: snapshot"
_KINDS = {"WIFI": "wifi", "MODEM": "modem"}
_IP6 = "config.ip6.status"
_IP6_OFF = "netIPv6StatusDisabled"
# Left alone whatever the inventory says: no interface of anybody's, or switched by somebody else.
_NOT_OURS = ("netIPv6StatusUnmanaged", "netIPv6StatusUnknown", _IP6_OFF)


def settings(golden: Golden, layout: Layout, gateway: Gateway, secrets: GatewaySecrets) -> tuple[SnapshotSetting, ...]:
    """The network part of the gateway's snapshot: the golden sample's, with the inventory's words for this gateway.

    Raises:
        PipelineError: no network in the snapshot, values that are none, or an inventory that asks for what the golden
            sample gives no ground for; everything found.
    """
    snapshot, section = _section(golden, layout)
    before = adapters(section)
    after = gateway_adapters(gateway, before)
    raise_if_any(eap.problems(gateway.name, section, snapshot, after, layout, secrets))
    if any(adapter.is_access_point for adapter in after.values()):
        raise_if_any(wifi.passphrase_problems(gateway.name, secrets.wifi_passphrase))
    wanted = kura.settings(gateway.name, after, secrets.wifi_passphrase)
    # Generation C has no such property: an interface that is not disabled is brought up.
    return (*(setting for setting in wanted if not setting.name.endswith(".config.autoconnect")), *_no_ipv6(section))


def adapters(section: Mapping[str, Mapping[str, str]]) -> dict[str, Adapter]:
    """What the snapshot says of each interface, by name; the loopback and unmanaged ones are not among them."""
    problems: list[Problem] = []
    found: dict[str, Adapter] = {}
    for name, values in sorted(section.items()):
        state = {status: state for state, status in STATUS.items()}.get(values.get("config.ip4.status", ""))
        if values.get("type") == "LOOPBACK" or state is None:
            continue
        try:
            found[name] = _adapter(name, values, state)
        except ValueError as error:
            problems.append(
                Problem(
                    f"{_WHERE}: net.interface.{name}: {error}",
                    "save the interface once in the golden sample's console, and download its snapshot again",
                )
            )
    raise_if_any(problems)
    return found


def golden_adapters(golden: Golden, layout: Layout) -> dict[str, Adapter]:
    """The golden sample's interfaces."""
    return adapters(_section(golden, layout)[1])


def _section(golden: Golden, layout: Layout) -> tuple[Snapshot, dict[str, dict[str, str]]]:
    snapshot = esf_snapshot.read(golden.snapshot, layout.generation, _WHERE).snapshot
    component = snapshot.get(kura.PID) if snapshot else None
    if snapshot is None or component is None:
        raise PipelineError(
            f"{_WHERE}: {kura.PID} is missing, so the gateway would start with the vendor's network",
            "save the network once in the golden sample's console, and download its snapshot again",
        )
    return snapshot, net_properties.interfaces_of({prop.name: prop.text for prop in component.properties})


def _adapter(name: str, values: Mapping[str, str], state: str) -> Adapter:
    def told(key: str) -> str:
        return values.get(f"config.{key}", "").strip()

    kind = _KINDS.get(values.get("type", ""), "ethernet")
    dhcp = told("dhcpClient4.enabled") == "true"
    address = None
    if not dhcp and kind != "modem" and told("ip4.address"):
        address = IPv4Interface(f"{told('ip4.address')}/{told('ip4.prefix') or 32}")
    leases = None
    if told("dhcpServer4.enabled") == "true":
        leases = IPv4Address(told("dhcpServer4.rangeStart")), IPv4Address(told("dhcpServer4.rangeEnd"))
    mode = told("wifi.mode") if kind == "wifi" else ""
    side = f"wifi.{'master' if mode == 'MASTER' else 'infra'}"
    channel = told(f"{side}.channel").split(" ")[0]
    return Adapter(
        name=name,
        kind=kind,
        state=state,
        method="ppp" if kind == "modem" else "dhcp" if dhcp or address is None else "static",
        address=address,
        router=told("ip4.gateway"),
        dns=tuple(filter(None, told("ip4.dnsServers").replace(",", " ").split())),
        leases=leases,
        pass_dns=told("dhcpServer4.passDns") == "true",
        nat=told("nat.enabled") == "true",
        wifi_mode=mode,
        ssid=told(f"{side}.ssid") if mode else "",
        channel=int(channel) if channel.isdecimal() and mode == "MASTER" else 0,
        apn=told("apn") if kind == "modem" else "",
    )


def _no_ipv6(section: Mapping[str, Mapping[str, str]]) -> Iterator[SnapshotSetting]:
    """IPv6 is off on these gateways (see the firewall); a snapshot that says otherwise would be half believed."""
    origin = Origin("network.no_ipv6", _WHERE, "A:118")
    for name, values in sorted(section.items()):
        if _IP6 in values and values[_IP6] not in _NOT_OURS:
            yield SnapshotSetting(kura.PID, f"net.interface.{name}.{_IP6}", "String", (_IP6_OFF,), origin)
