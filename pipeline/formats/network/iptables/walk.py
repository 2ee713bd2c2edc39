"""What the rules do with a packet: the walk the kernel would take, with every doubt reported."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from pipeline.formats.network.iptables.rules import Clause, Rule, Table, parse_ports

_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "0": "all"}
_SYN = ("FIN,SYN,RST,ACK", "SYN")
# Targets after which the walk goes on. A target neither here nor known as final may do anything, hence also accept.
_PASSING = frozenset(
    {
        *("", "LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "TRACE", "SET"),
        *("TCPMSS", "TOS", "DSCP", "TTL", "CLASSIFY", "CHECKSUM"),
    }
)
# Modules that choose nothing by themselves, only by their options. Others do: a bare "-m limit" means 3 an hour.
_NEUTRAL = frozenset({"tcp", "udp", "icmp", "mac", "state", "conntrack", "multiport", "comment", "iprange", "addrtype"})
_MOST_WALKED = 4096  # packets a table remembers
_FINAL = frozenset({"ACCEPT", "DROP", "REJECT"})


class Match(IntEnum):
    """Whether a packet matches; MAYBE when the packet or the rule says too little."""

    NO = 0
    MAYBE = 1
    YES = 2


@dataclass(frozen=True)
class Packet:
    """The first packet of a connection, or what is known of it; None stands for "any".

    Attributes:
        interface: it comes in by.
        dport: destination port.
        state: of its connection, as conntrack sees it.
        out: interface it would leave by, for FORWARD.
    """

    source: ipaddress.IPv4Address
    interface: str
    protocol: str
    dport: int
    state: str = "NEW"
    destination: ipaddress.IPv4Address | None = None
    out: str | None = None
    sport: int | None = None
    mac: str | None = None


@dataclass(frozen=True)
class Verdict:
    """One possible end of the walk.

    Attributes:
        target: ``ACCEPT``, ``DROP``, ``REJECT``, or another target that ends the walk or may end it.
        rule: that decides; None for the policy of the chain.
        certain: nothing before it left a doubt and it matches for sure.
    """

    target: str
    rule: Rule | None
    certain: bool

    @property
    def reason(self) -> str:
        """The deciding rule as text, with its line."""
        if self.rule is None:
            return "policy of the chain"
        return f"line {self.rule.line}: {self.rule.text}" if self.rule.line else self.rule.text


def walk(table: Table, chain: str, packet: Packet) -> tuple[Verdict, ...]:
    """All ends a packet may come to in a built-in chain, in order; one verdict when nothing is in doubt."""
    known = table.walked.get((chain, packet))
    if known is None:
        if len(table.walked) >= _MOST_WALKED:
            table.walked.clear()
        known = table.walked[chain, packet] = _walked(table, chain, packet)
    return known


def _walked(table: Table, chain: str, packet: Packet) -> tuple[Verdict, ...]:
    ends: list[Verdict] = []
    if not _walk(table, chain, packet, ends, sure=True):
        policy = table.chain(chain)
        ends.append(Verdict(policy.policy if policy else "ACCEPT", None, certain=not ends))
    return tuple(ends)


def opening(table: Table, chain: str, packet: Packet) -> Verdict | None:
    """The verdict that lets a packet in, or might; None when it is refused in every case."""
    return next((end for end in walk(table, chain, packet) if end.target not in ("DROP", "REJECT")), None)


def refusal(table: Table, chain: str, packet: Packet) -> Verdict | None:
    """The verdict that keeps a packet out, or might; None when it is let in for certain."""
    return next((end for end in walk(table, chain, packet) if end.target != "ACCEPT"), None)


def _walk(table: Table, chain: str, packet: Packet, ends: list[Verdict], *, sure: bool) -> bool:
    """Walk one chain; True when the walk certainly ends in it."""
    may_leave = False  # an uncertain RETURN or goto: what follows the chain has to be looked at in any case
    for rule in table.of(chain):
        match = matches(rule, packet)
        if match is Match.NO:
            continue
        certain = match is Match.YES
        if rule.target == "RETURN":
            if certain:
                return False
            may_leave = True
        elif table.chain(rule.target) is not None:
            ended = _walk(table, rule.target, packet, ends, sure=sure and certain)
            if certain and ended:
                return not may_leave
            if rule.get("-g"):  # a goto does not come back to this chain
                if certain:
                    return False
                may_leave = True
        elif rule.target in _FINAL:
            ends.append(Verdict(rule.target, rule, certain=certain and sure and not ends))
            if certain:
                return not may_leave
        elif rule.target not in _PASSING:
            ends.append(Verdict(rule.target, rule, certain=False))
    return False


def matches(rule: Rule, packet: Packet) -> Match:
    """Whether a rule takes a packet; what it asks and we cannot know is MAYBE."""
    least = Match.YES
    for clause in rule.matches:
        match = _one(clause, packet)
        if match is Match.NO:
            return match
        least = min(least, match)
    return least


def _one(clause: Clause, packet: Packet) -> Match:
    found = _plain(clause, packet)
    if not clause.negated or found is Match.MAYBE:
        return found
    return Match.NO if found is Match.YES else Match.YES


def _plain(clause: Clause, packet: Packet) -> Match:
    value = clause.values[0] if clause.values else ""
    match clause.option:
        case "-m":
            return Match.YES if value in _NEUTRAL else Match.MAYBE
        case "--comment":
            return Match.YES
        case "-p":
            name = _PROTOCOLS.get(value, value)
            return _known(name in ("all", packet.protocol))
        case "-s":
            return _known(packet.source in _network(value))
        case "-d":
            if packet.destination is None:
                return Match.MAYBE
            return _known(packet.destination in _network(value))
        case "-i":
            return _known(_same_interface(value, packet.interface))
        case "-o":
            return Match.MAYBE if packet.out is None else _known(_same_interface(value, packet.out))
        case "--dport" | "--dports":
            return _known(any(low <= packet.dport <= high for low, high in parse_ports(value)))
        case "--sport" | "--sports":
            if packet.sport is None:
                return Match.MAYBE
            return _known(any(low <= packet.sport <= high for low, high in parse_ports(value)))
        case "--state" | "--ctstate":
            return _known(packet.state in value.split(","))
        case "--syn":
            return _known(packet.protocol == "tcp" and packet.state == "NEW")
        case "--tcp-flags" if clause.values == _SYN:
            return _known(packet.protocol == "tcp" and packet.state == "NEW")
        case "--mac-source" if packet.mac is not None:
            return _known(packet.mac.lower() == value.lower())
        case "--icmp-type" if packet.protocol != "icmp":
            return Match.NO
        case _:
            return Match.MAYBE


@lru_cache(maxsize=1024)
def _network(text: str) -> ipaddress.IPv4Network:
    """The same few networks are compared with thousands of packets."""
    return ipaddress.IPv4Network(text, strict=False)


def _same_interface(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("+") else name == pattern


def _known(answer: bool) -> Match:  # noqa: FBT001 - it turns a bool into a Match
    return Match.YES if answer else Match.NO
