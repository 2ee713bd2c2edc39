"""What the firewall has to know of the network: which interfaces there are, and where they were and will be."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network

from pipeline.formats.esf import kuranet, net_properties
from pipeline.formats.esf.esf_snapshot import Snapshot
from pipeline.formats.network import ifcfg, interfaces
from pipeline.model.gateway import Gateway
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layout import Layout

_INTERFACES = GuestPath("/etc/network/interfaces")
_IFCFG = re.compile(r"/etc/sysconfig/network-scripts/ifcfg-([^/]+)")
_PEERS = GuestPath("/etc/ppp/peers")
_NETWORK = "org.eclipse.kura.net.admin.NetworkConfigurationService"
_DISABLED = "netIPv4StatusDisabled"
ANYWHERE = "unknown"
"""ESF's own word for an interface it has not found out yet."""


@dataclass(frozen=True)
class NetworkFacts:
    """The interfaces of one gateway.

    Attributes:
        used / disabled: names, sorted; the loopback is in neither.
        moved: networks of the golden sample that lie elsewhere on this gateway.
        idle: interfaces by which packets left translated on the golden sample, and no interface's here.
    """

    used: tuple[str, ...]
    disabled: tuple[str, ...]
    moved: Mapping[IPv4Network, IPv4Network]
    idle: tuple[str, ...] = ()

    def follow(self, text: str) -> str:
        """An address or network as the golden sample has it, where it is on this gateway."""
        network = IPv4Network(text, strict=False)
        for old, new in self.moved.items():
            if network == old:
                return str(new)
            if network.subnet_of(old) and new.prefixlen == old.prefixlen:
                moved = IPv4Network((int(new.network_address) + int(network[0]) - int(old[0]), network.prefixlen))
                return str(moved) if "/" in text else str(moved.network_address)
        return text


def network_facts(golden: Golden, layout: Layout, gateway: Gateway) -> NetworkFacts:
    """Read the export's interfaces and lay the inventory over them; parsing errors are `PipelineError`."""
    content = golden.network.get(_INTERFACES)
    file = interfaces.parse(_text(content), f"golden: {_INTERFACES}") if content is not None else None
    kura_content = golden.network.get(layout.kuranet) if layout.kuranet else None
    kura = kuranet.parse(_text(kura_content), f"golden: {layout.kuranet}") if kura_content is not None else None
    scripts = _scripts(golden)
    stanzas = [s for s in file.stanzas("iface") if s.words[1] == "inet"] if file else []
    names = {stanza.words[0] for stanza in stanzas} | set(kura.interfaces if kura else ()) | set(gateway.interfaces)
    names |= set(scripts)
    names |= {path.name for path in golden.links if path.parent == _PEERS}
    names -= {"lo"}
    off = {name for name in names if kura and kura.get(name, "config.ip4.status") == _DISABLED}
    for name, interface in gateway.interfaces.items():
        off = off | {name} if interface.state == "disabled" else off - {name}
    placed = [(stanza.words[0], _network(stanza)) for stanza in stanzas] + sorted(scripts.items())
    moved = {
        old: IPv4Interface(override.address).network
        for name, old in placed
        if old is not None and (override := gateway.interfaces.get(name)) and override.address
    }
    return NetworkFacts(
        used=tuple(sorted(names - off)),
        disabled=tuple(sorted(off)),
        moved={old: new for old, new in moved.items() if old != new},
        idle=_idle(kura, off) if kura else (),
    )


def translated_to(conf: kuranet.Kuranet, name: str) -> str:
    """By which interface an interface's packets leave translated; empty for none, `ANYWHERE` where it is not said."""
    on = conf.get(name, "config.nat.enabled") == "true" and conf.get(name, "config.nat.masquerade") != "false"
    if not on or conf.get(name, "config.ip4.status") == _DISABLED:
        return ""
    return conf.get(name, "config.nat.dst.interface") or ANYWHERE


def _idle(conf: kuranet.Kuranet, off: Collection[str]) -> tuple[str, ...]:
    """Ways out that nobody's packets take translated any more."""
    ways = {name: out for name in conf.interfaces if (out := translated_to(conf, name))}
    left = {out for name, out in ways.items() if name not in off}
    return () if ANYWHERE in left else tuple(sorted(set(ways.values()) - left - {ANYWHERE}))


def _scripts(golden: Golden) -> dict[str, IPv4Network | None]:
    """The networks of ``ifcfg-<interface>`` files, by interface; on systems like Red Hat's they are the interfaces."""
    found: dict[str, IPv4Network | None] = {}
    for path, content in golden.network.items():
        match = _IFCFG.fullmatch(path)
        if match is None:
            continue
        file = ifcfg.parse(_text(content), f"golden: {path}")
        try:
            address = IPv4Interface(f"{file.get('IPADDR')}/{file.get('PREFIX') or file.get('NETMASK') or '32'}")
        except ValueError:
            found[match[1]] = None  # by DHCP, or the network's own transform names it
        else:
            found[match[1]] = None if file.get("BOOTPROTO").lower() == "dhcp" else address.network
    return found


def snapshot_network_facts(snapshot: Snapshot, gateway: Gateway) -> NetworkFacts:
    """The same of a gateway that has its network in the snapshot alone."""
    component = snapshot.get(_NETWORK)
    values = {prop.name: prop.text for prop in component.properties} if component else {}
    known = net_properties.interfaces_of(values)
    names = ({name for name, told in known.items() if told.get("type") != "LOOPBACK"} | set(gateway.interfaces)) - {
        "lo"
    }
    off = {name for name, told in known.items() if told.get("config.ip4.status") == _DISABLED}
    for name, interface in gateway.interfaces.items():
        off = off | {name} if interface.state == "disabled" else off - {name}
    moved = {
        old: IPv4Interface(override.address).network
        for name, told in known.items()
        if (override := gateway.interfaces.get(name)) and override.address
        if (old := _configured(told)) is not None
    }
    return NetworkFacts(
        used=tuple(sorted(names - off)),
        disabled=tuple(sorted(off & names)),
        moved={old: new for old, new in moved.items() if old != new},
    )


def _configured(told: Mapping[str, str]) -> IPv4Network | None:
    """The network of a static address in the snapshot."""
    if told.get("config.dhcpClient4.enabled") == "true" or not told.get("config.ip4.address"):
        return None
    try:
        return IPv4Interface(f"{told['config.ip4.address']}/{told.get('config.ip4.prefix', '32')}").network
    except ValueError:
        return None  # the network's own transform names it


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _network(stanza: interfaces.Stanza) -> IPv4Network | None:
    address, netmask = stanza.get("address"), stanza.get("netmask")
    if not address:
        return None
    try:
        return IPv4Interface(address if "/" in address or not netmask else f"{address}/{netmask}").network
    except ValueError:
        return None  # the network's own transform names it
