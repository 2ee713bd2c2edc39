"""Proof that the finished rules do what they must: packets from everywhere are walked through them."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from pipeline.errors import Problem
from pipeline.formats.network.iptables.rules import Ruleset, Table
from pipeline.formats.network.iptables.walk import Packet, opening, refusal
from pipeline.transforms.firewall.network_facts import NetworkFacts
from pipeline.transforms.firewall.rewrite import OSGI_CONSOLE, SSH, Wanted

STRANGER = IPv4Address("192.0.2.1")
"""An address of nobody (RFC 5737), for everybody who is not named in any rule."""

_LOOPBACK = IPv4Network("127.0.0.0/8")
_REMEDY = "change the rule on the golden sample, in its console or in /etc/sysconfig/iptables, and export again"


def proof(ruleset: Ruleset, wanted: Wanted, network_facts: NetworkFacts, where: str) -> Iterator[Problem]:
    """Everything that is open and must not be, and everything that is closed and must be open.

    A rule that asks for something the walk cannot know (a rate limit, a source port) counts as matching when it would
    open a port, and as not matching when it would be needed to.
    """
    table = ruleset.table("filter")
    if table is None:
        yield Problem(f"{where}: has no filter table", _REMEDY)
        return
    for name in ("INPUT", "FORWARD"):
        chain = table.chain(name)
        if chain is None or chain.policy != "DROP":
            yield Problem(f"{where}: the policy of {name} is not DROP", _REMEDY)
    yield from _closed(table, wanted, network_facts, where)
    yield from _opened(table, wanted, network_facts, where)


def _closed(table: Table, wanted: Wanted, network_facts: NetworkFacts, where: str) -> Iterator[Problem]:
    ports = dict.fromkeys((*wanted.closed, SSH), "must not be open")
    ports |= dict.fromkeys(wanted.console, "must be reached from the VPN only")
    ports[OSGI_CONSOLE] = "must be reached from the gateway itself only"
    told: set[tuple[int, str]] = set()
    sources, interfaces = _sources(table), _interfaces(table, network_facts)
    for port, rule in sorted(ports.items()):
        for source in sources:
            if source in _LOOPBACK or (port in wanted.console and any(source in network for network in wanted.vpn)):
                continue
            for interface in interfaces:
                found = opening(table, "INPUT", Packet(source, interface, "tcp", port))
                if found and (port, found.reason) not in told:
                    told.add((port, found.reason))
                    doubt = "is" if found.certain else "may be"
                    yield Problem(
                        f"{where}: port {port} {rule}, but {doubt} open from {source} on {interface}: {found.reason}",
                        _REMEDY,
                    )


def _opened(table: Table, wanted: Wanted, network_facts: NetworkFacts, where: str) -> Iterator[Problem]:
    """The console from the VPN on every interface; SSH from somebody on some interface."""
    for network in wanted.vpn:
        for port in wanted.console:
            for interface in network_facts.used:
                packet = Packet(network.network_address + min(1, network.num_addresses - 1), interface, "tcp", port)
                found = refusal(table, "INPUT", packet)
                if found:
                    yield Problem(
                        f"{where}: the console (port {port}) cannot be reached from {packet.source} on {interface}: "
                        f"{found.reason}",
                        _REMEDY,
                    )
    visitors = [
        Packet(source, interface, "tcp", wanted.ssh)
        for source in _sources(table)
        if source not in _LOOPBACK
        for interface in network_facts.used
    ]
    if all(refusal(table, "INPUT", packet) for packet in visitors):
        yield Problem(
            f"{where}: SSH (port {wanted.ssh}) cannot be reached from anywhere: the gateway could not be maintained",
            "open port 22 on the golden sample; it is moved to the SSH port of the release",
        )


def _sources(table: Table) -> tuple[IPv4Address, ...]:
    """One address of every region the rules tell apart: both ends of each network named, and their neighbours."""
    found = {STRANGER}
    for rule in table.rules:
        clause = rule.get("-s")
        if clause is not None:
            network = IPv4Network(clause.values[0], strict=False)
            first, last = int(network.network_address), int(network.broadcast_address)
            found |= {IPv4Address(n) for n in (first - 1, first, last, last + 1) if 0 < n < 2**32 - 1}
    return tuple(sorted(found, key=lambda address: (address != STRANGER, address)))


def _interfaces(table: Table, network_facts: NetworkFacts) -> tuple[str, ...]:
    """The gateway's, those rules name, and one nobody named; never the loopback."""
    named = {name.rstrip("+") for rule in table.rules for name in rule.interfaces()}
    return tuple(sorted({*network_facts.used, *named, "other0"} - {"lo", ""}))
