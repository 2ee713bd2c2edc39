"""Which rule or input made which line of the firewall's file."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.formats.network.iptables.rules import Rule, Ruleset, Table
from pipeline.model.layer import LineOrigin, Origin
from pipeline.model.line_origins import kept, stretches
from pipeline.transforms.firewall.network_facts import NetworkFacts
from pipeline.transforms.firewall.rewrite import Wanted, followed, is_console

_CLOSED = Origin("firewall.restrict", "gateway.toml [firewall]", "A:113")
_POLICY = Origin("firewall.policy", "golden: /etc/sysconfig/iptables", "A:113")
_CONSOLE = Origin("firewall.console_from_vpn", "gateway.toml [firewall] vpn", "A:114")
_SSH = Origin("ssh.port", "gateway.toml [ssh]", "A:84")


def line_origins(
    given: Ruleset, finished: Ruleset, wanted: Wanted, network_facts: NetworkFacts, source: str, gateway: str
) -> tuple[LineOrigin, ...]:
    """The lines of what `iptables.text.render` makes of the finished rules.

    Args:
        given: the golden sample's rules.
        source: how origins call the file they came from.
    """
    same, moved = kept(source), Origin("network.interface", f"devices.toml: {gateway}", "A:187")
    before = {table.name: table for table in given.tables}
    owners: list[Origin] = []
    for table in finished.tables:
        known = before.get(table.name)
        owners += [same, *_chains(table, known, same)]
        owners += [_owner(rule, known, wanted, network_facts, same, moved) for rule in table.rules]
        owners.append(same)
    return stretches(owners)


def _chains(table: Table, known: Table | None, same: Origin) -> Iterator[Origin]:
    for chain in table.chains:
        old = known.chain(chain.name) if known is not None else None
        yield same if old is not None and old.policy == chain.policy else _POLICY


def _owner(
    rule: Rule, known: Table | None, wanted: Wanted, network_facts: NetworkFacts, same: Origin, moved: Origin
) -> Origin:
    rules = known.rules if known is not None else ()
    if any(old.clauses == rule.clauses and old.chain == rule.chain for old in rules):
        return same
    if is_console(rule, wanted):
        return _CONSOLE
    if rule.destination_ports() == ((wanted.ssh, wanted.ssh),):
        return _SSH
    if any(
        old.clauses == rule.clauses and old.chain == rule.chain
        for old in (followed(one, network_facts) for one in rules)
    ):
        return moved
    return _CLOSED
