"""The firewall of a gateway that has it in its snapshot and nowhere else (Kura 5.1 and later)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pipeline.errors import PipelineError
from pipeline.formats.esf import esf_snapshot, firewall_ports
from pipeline.formats.esf.esf_snapshot import Configuration, Snapshot
from pipeline.formats.esf.firewall_ports import Nat, PortForward
from pipeline.formats.network.iptables.rules import Ruleset
from pipeline.model.golden import Golden
from pipeline.model.layer import Origin
from pipeline.model.layout import Layout
from pipeline.model.setting import SnapshotSetting
from pipeline.transforms.firewall.network_facts import NetworkFacts
from pipeline.transforms.firewall.rewrite import started
from pipeline.transforms.firewall.settings import PID, rule_of

WHERE = "golden: snapshot, firewall.open.ports"
_HTTP = "org.eclipse.kura.http.server.manager.HttpService"
_PORTS = ("http.ports", "https.ports", "https.client.auth.ports")
_PID6 = "org.eclipse.kura.net.admin.ipv6.FirewallConfigurationServiceIPv6"
_SOURCE = "golden: snapshot"
ORIGIN = Origin("firewall.restrict", _SOURCE, "A:118")


def read(golden: Golden, layout: Layout) -> Snapshot:
    """The golden sample's snapshot; `PipelineError` when it cannot be read."""
    return esf_snapshot.read(golden.snapshot, layout.generation, _SOURCE).snapshot or Snapshot()


def rules(snapshot: Snapshot) -> Ruleset:
    """The open ports as rules; `PipelineError` when the snapshot has no firewall."""
    ports = firewall_ports.parse_open_ports(_firewall(snapshot).text("firewall.open.ports"), WHERE)
    return started([rule_of(entry) for entry in ports])


def console_ports(snapshot: Snapshot, layout: Layout) -> tuple[int, ...]:
    """Where the console listens: as the layout says, and wherever the golden sample's web server does besides."""
    values = [
        value
        for server in snapshot.instances_of(_HTTP)
        for name in _PORTS
        if (prop := server.get(name)) is not None
        for value in prop.texts
    ]
    return tuple(sorted({*layout.console_ports, *(int(value) for value in values if value.isdecimal())}))


def settings(snapshot: Snapshot, network_facts: NetworkFacts) -> Iterator[SnapshotSetting]:
    """Forwarding and translation where the gateway's networks are, without its disabled interfaces; nothing for IPv6.

    The IPv6 firewall opens nothing: IPv6 is off, and one day's change of that must not find ports open.
    """
    firewall = _firewall(snapshot)
    for name, value in sorted(translation(firewall, network_facts).items()):
        if value != firewall.text(name):
            yield SnapshotSetting(firewall.pid, name, "String", (value,), ORIGIN)
    for six in snapshot.instances_of(_PID6):
        if six.text("firewall.ipv6.open.ports"):
            off = Origin("firewall.ipv6", "firewall rules are IPv4 only", "A:113")
            yield SnapshotSetting(six.pid, "firewall.ipv6.open.ports", "String", ("",), off)


def translation(firewall: Configuration, network_facts: NetworkFacts) -> dict[str, str]:
    """What the component forwards and translates, where the gateway's networks are; only what it says anything of."""
    values: dict[str, str] = {}
    name = "firewall.port.forwarding"
    if firewall.get(name) is not None:
        led = firewall_ports.parse_port_forwarding(firewall.text(name), f"{_SOURCE}, {name}")
        values[name] = firewall_ports.render(
            _moved_forward(entry, network_facts) for entry in led if _is_used(entry, network_facts)
        )
    name = "firewall.nat"
    if firewall.get(name) is not None:
        nats = firewall_ports.parse_nat(firewall.text(name), f"{_SOURCE}, {name}")
        values[name] = firewall_ports.render(
            _moved_nat(entry, network_facts) for entry in nats if _is_used(entry, network_facts)
        )
    return values


def _firewall(snapshot: Snapshot) -> Configuration:
    component = snapshot.get(PID)
    if component is None:
        raise PipelineError(
            f"{_SOURCE}: {PID} is missing, so the gateway would start with the vendor's open ports",
            "save the firewall once in the golden sample's console, and export again",
        )
    return component


def _is_used(entry: PortForward | Nat, network_facts: NetworkFacts) -> bool:
    return not {entry.in_interface, entry.out_interface} & set(network_facts.disabled)


def _moved_forward(entry: PortForward, network_facts: NetworkFacts) -> PortForward:
    return replace(entry, address=_moved(entry.address, network_facts), network=_moved(entry.network, network_facts))


def _moved_nat(entry: Nat, network_facts: NetworkFacts) -> Nat:
    return replace(
        entry, source=_moved(entry.source, network_facts), destination=_moved(entry.destination, network_facts)
    )


def _moved(text: str, network_facts: NetworkFacts) -> str:
    try:
        return network_facts.follow(text) if text else text
    except ValueError:
        raise PipelineError(
            f"{_SOURCE}: firewall: {text!r} is not an address", "correct it in the golden sample's console"
        ) from None
