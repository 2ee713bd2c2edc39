"""What a manifest promises of the running gateway, as far as somebody can see from outside or inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from pipeline.errors import PipelineError
from pipeline.formats.network.iptables.rules import ALL_PORTS, Ports, parse_ports
from pipeline.model.manifest import Manifest

# Knocked at besides those of the manifest: where gateways and their tools like to listen.
_USUAL = (21, 22, 23, 80, 443, 1450, 1883, 4443, 5000, 8000, 8080, 8443)


@dataclass(frozen=True)
class Way:
    """A way in that the firewall opens; no source and no interfaces mean all."""

    protocol: str
    ports: Ports
    source: IPv4Network | None
    interfaces: tuple[str, ...]

    def takes(self, protocol: str, port: int, source: IPv4Address, interface: str) -> bool:
        """Whether a packet comes in this way."""
        return (
            self.protocol in (protocol, "all", "")
            and any(first <= port <= last for first, last in self.ports)
            and (self.source is None or source in self.source)
            and (not self.interfaces or any(_is(interface, name) for name in self.interfaces))
        )


def _is(interface: str, pattern: str) -> bool:
    """iptables(8): a name that ends with + stands for all that begin so."""
    return interface.startswith(pattern[:-1]) if pattern.endswith("+") else interface == pattern


@dataclass(frozen=True)
class User:
    """An account the release makes; ``sudo`` as in gateway.toml."""

    name: str
    uid: int
    keys: int
    sudo: str


@dataclass(frozen=True)
class Expected:
    """One gateway's promises.

    Attributes:
        ways: None when the manifest does not say what the firewall lets in.
        vpn: the only networks from which the console may be reached.
        addresses: fixed ones by interface, as the inventory has them.
        judged_ports: those of which the manifest has a verdict, whatever it is.
        disabled: services that must not run.
    """

    gateway: str
    init: str
    ssh_port: int
    host_keys: frozenset[str]
    users: tuple[User, ...]
    ways: tuple[Way, ...] | None
    vpn: tuple[IPv4Network, ...]
    console_ports: tuple[int, ...]
    judged_ports: tuple[int, ...]
    addresses: Mapping[str, IPv4Interface]
    disabled: tuple[str, ...]
    sysrq: int | None

    def lets_in(self, port: int, source: IPv4Address, interface: str) -> bool:
        """Whether the firewall lets a TCP packet of that kind in."""
        return any(way.takes("tcp", port, source, interface) for way in self.ways or ())

    @property
    def knocks(self) -> tuple[int, ...]:
        """TCP ports to try: the usual ones, those the manifest judges, and both ends of every range it opens."""
        ends = {
            port
            for way in self.ways or ()
            if way.protocol == "tcp" and way.ports != ALL_PORTS
            for span in way.ports
            for port in span
        }
        return tuple(sorted({*_USUAL, *self.console_ports, *self.judged_ports, *ends} - {self.ssh_port}))


def expected_of(manifest: Manifest) -> Expected:
    """What there is to be seen of a manifest's gateway.

    Raises:
        PipelineError: the facts of the manifest are not in the form this version writes.
    """
    facts: Mapping[str, Any] = manifest.facts
    try:
        opened = facts.get("open_ports")
        return Expected(
            gateway=manifest.gateway,
            init=str(facts["init"]),
            ssh_port=int(facts["ssh"]["port"]),
            host_keys=frozenset(facts["host_keys"]),
            users=tuple(
                User(name, int(user["uid"]), int(user["keys"]), str(user["sudo"]))
                for name, user in facts["users"].items()
            ),
            ways=None if opened is None else tuple(way_of(way) for way in opened),
            vpn=tuple(IPv4Network(network) for network in facts["console"]["reachable_from"]),
            console_ports=tuple(facts["console"]["ports"]),
            judged_ports=tuple({*facts["decisions"]["closed_ports"], *_judged(facts)}),
            addresses={
                name: IPv4Interface(interface["address"])
                for name, interface in facts["interfaces"].items()
                if interface["address"]
            },
            disabled=tuple(facts["services_disabled"]),
            sysrq=facts["decisions"].get("sysrq"),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PipelineError(
            f"{manifest.gateway}: the manifest's facts do not say what a boot test looks for ({error!r})",
            "build the image with this version of the pipeline",
        ) from None


def _judged(facts: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(verdict["port"] for verdict in facts.get("firewall", {}).get("verdicts", ()))


def way_of(value: Mapping[str, Any]) -> Way:
    """A way in as manifests have it; `KeyError`, `TypeError` or `ValueError` for anything else."""
    ports = parse_ports(value["ports"]) if value["ports"] else ALL_PORTS
    source = IPv4Network(value["source"], strict=False) if value["source"] else None
    return Way(value["protocol"], ports, source, tuple(value["interfaces"]))
