"""The golden sample's rules with everything closed that the documents want closed (A:113, A:114)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network

from pipeline.formats.network.iptables.flat import innermost
from pipeline.formats.network.iptables.kura import addressed, spelled
from pipeline.formats.network.iptables.rules import ALL_PORTS, Chain, Clause, Ports, Rule, Ruleset, Table, subtract
from pipeline.formats.network.iptables.text import rule as parse_rule
from pipeline.transforms.firewall.network_facts import NetworkFacts

SSH = 22
OSGI_CONSOLE = 5002
"""The framework's own console: a shell without a password, for the gateway itself only (threats E3)."""

_LOOPBACK = IPv4Network("127.0.0.0/8")


@dataclass(frozen=True)
class Wanted:
    """What a release says about ports.

    Attributes:
        closed: open to nobody.
        console: open from ``vpn`` only.
        ssh: where the SSH server listens, instead of 22.
    """

    closed: tuple[int, ...]
    console: tuple[int, ...]
    vpn: tuple[IPv4Network, ...]
    ssh: int


def rewrite(ruleset: Ruleset, wanted: Wanted, network_facts: NetworkFacts) -> Ruleset:
    """The rules for one gateway.

    Rules of disabled interfaces go, and translations for them; addresses follow the gateway's networks; INPUT and
    FORWARD drop what no rule takes; in everything INPUT leads to, closed ports, the console, port 22 and the
    framework's console are cut out of every accepting rule, out of the middle of ranges and lists too. The console and
    SSH come back where they first stood. What is left is spelled as Kura's own reader takes it.
    """
    tables = []
    for table in ruleset.tables:
        rules = [
            addressed(followed(rule, network_facts)) for rule in table.rules if not _is_unused(rule, network_facts)
        ]
        table = replace(table, rules=tuple(rules))
        tables.append(_filter(table, wanted) if table.name == "filter" else table)
    return Ruleset(tuple(tables))


def is_inside(rule: Rule, networks: Sequence[IPv4Network]) -> bool:
    """Whether a rule takes packets from these networks only."""
    source = rule.value("-s")
    return bool(source) and any(IPv4Network(source, strict=False).subnet_of(network) for network in networks)


def _filter(table: Table, wanted: Wanted) -> Table:
    chains = [replace(c, policy="DROP") if c.name in ("INPUT", "FORWARD") else c for c in table.chains]
    missing = [name for name in ("INPUT", "FORWARD", "OUTPUT") if table.chain(name) is None]
    chains = [Chain(name, "ACCEPT" if name == "OUTPUT" else "DROP") for name in missing] + chains
    inward = table.reachable("INPUT")
    rules: list[Rule] = []
    console_place: tuple[int, str] | None = None
    for rule in table.rules:
        if rule.chain not in inward:
            rules.append(rule)
            continue
        if rule.target != "ACCEPT":
            rules.extend(spelled(rule))
            continue
        ports = rule.destination_ports()
        if ports is not None and console_place is None and any(_has(ports, port) for port in wanted.console):
            console_place = (len(rules), rule.chain)
        rules.extend(new for cut in _cut(rule, wanted) for new in spelled(cut) if new not in rules)
    first = innermost(table, "INPUT")
    place, chain = console_place or (next((i for i, r in enumerate(rules) if r.chain == first), len(rules)), first)
    doors = [rule for rule in _console_rules(chain, wanted) if rule not in rules]
    return replace(table, chains=tuple(chains), rules=(*rules[:place], *doors, *rules[place:]))


def _cut(rule: Rule, wanted: Wanted) -> Iterator[Rule]:
    """What is left of an accepting rule; a rule that does not look at ports is left to the proof."""
    ports = rule.destination_ports()
    if ports is None:
        yield rule
        return
    if ports == ((SSH, SSH),):
        yield rule.with_ports(wanted.ssh, wanted.ssh)
        return
    away = {*wanted.closed, SSH}
    if not is_inside(rule, wanted.vpn):
        away |= set(wanted.console)
    if not is_inside(rule, [_LOOPBACK]):
        away.add(OSGI_CONSOLE)
    left = subtract(ports, [(port, port) for port in away])
    if left == ports:
        yield rule
        return
    yield from (rule.with_ports(first, last) for first, last in left)
    if _has(ports, SSH) and ports != ALL_PORTS and not _has(left, wanted.ssh):
        yield rule.with_ports(wanted.ssh, wanted.ssh)


def _console_rules(chain: str, wanted: Wanted) -> Iterator[Rule]:
    for network in wanted.vpn:
        for port in wanted.console:
            yield parse_rule(f"-A {chain} -s {network} -p tcp -m tcp --dport {port} -j ACCEPT")


def is_console(rule: Rule, wanted: Wanted) -> bool:
    """Whether a rule is one of those that open the console to the VPN."""
    return any(rule.clauses == door.clauses for door in _console_rules(rule.chain, wanted))


def _is_unused(rule: Rule, network_facts: NetworkFacts) -> bool:
    """A disabled interface's rule, or a translation of everything from interfaces that are all disabled."""
    everything = rule.target == "MASQUERADE" and not rule.get("-s") and not rule.get("-d")
    return any(name in network_facts.disabled for name in rule.interfaces()) or (
        everything and rule.value("-o") in network_facts.idle
    )


def followed(rule: Rule, network_facts: NetworkFacts) -> Rule:
    """The rule with the gateway's own addresses in place of the golden sample's."""
    for option in ("-s", "-d"):
        clause = rule.get(option)
        if clause is not None:
            rule = rule.with_value(option, network_facts.follow(clause.values[0]))
    target = rule.value("--to-destination")
    if target:
        address, colon, port = target.partition(":")
        first, dash, last = address.partition("-")
        moved = network_facts.follow(first) + dash + (network_facts.follow(last) if last else "")
        rule = rule.with_value("--to-destination", moved + colon + port)
    return rule


def _has(ports: Ports, port: int) -> bool:
    return any(first <= port <= last for first, last in ports)


def without_counters(ruleset: Ruleset) -> Ruleset:
    """The rules without the golden sample's packet counts, which are nobody else's."""
    tables = [
        Table(
            table.name,
            tuple(replace(chain, counters="[0:0]") for chain in table.chains),
            tuple(replace(rule, counters="") for rule in table.rules),
        )
        for table in ruleset.tables
    ]
    return Ruleset(tuple(tables))


def started(open_rules: Sequence[Rule]) -> Ruleset:
    """A table around rules that came without one, with what every ESF firewall begins with."""
    first = [
        Rule("INPUT", (Clause("-i", ("lo",)), Clause("-j", ("ACCEPT",)))),
        parse_rule("-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT"),
    ]
    chains = (Chain("INPUT", "DROP"), Chain("FORWARD", "DROP"), Chain("OUTPUT", "ACCEPT"))
    return Ruleset((Table("filter", chains, (*first, *open_rules)),))
