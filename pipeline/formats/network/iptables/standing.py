"""Where a rule may stand: tables and chains of targets and matches, ``-i`` and ``-o``, and chains in a circle."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.formats.network.iptables.extensions import BUILT_IN, MATCHES, TARGETS
from pipeline.formats.network.iptables.rules import Rule, Table

_NO_OUTGOING, _NO_INCOMING = ("INPUT", "PREROUTING"), ("OUTPUT", "POSTROUTING")


def problems(table: Table) -> Iterator[tuple[int, str]]:
    """What the kernel refuses of a table as a whole: line (0 for none) and words."""
    for name in BUILT_IN[table.name]:
        reached = table.reachable(name)
        for chain in reached[1:]:
            if _leads_back(table, chain):
                yield 0, f"chain {chain!r} leads back to itself"
        for chain in reached:
            for rule in table.of(chain):
                for what in _misplaced(rule, name):
                    yield rule.line, what
    for rule in table.rules:
        for what in _of_other_tables(rule, table.name):
            yield rule.line, what


def _leads_back(table: Table, chain: str) -> bool:
    return any(chain in table.reachable(rule.target) for rule in table.of(chain) if table.chain(rule.target))


def _misplaced(rule: Rule, hook: str) -> Iterator[str]:
    options = {clause.option for clause in rule.clauses}
    if rule.chain == hook:
        if "-o" in options and hook in _NO_OUTGOING:
            yield f"-o cannot stand in {hook}"
        if "-i" in options and hook in _NO_INCOMING:
            yield f"-i cannot stand in {hook}"
    target = TARGETS.get(rule.target)
    if target and target.chains and hook not in target.chains:
        yield f"{rule.target} cannot stand in {hook} or a chain it leads to"
    for clause in rule.clauses:
        match = MATCHES.get(clause.values[0]) if clause.option == "-m" else None
        if match and match.chains and hook not in match.chains:
            yield f"-m {clause.values[0]} cannot stand in {hook} or a chain it leads to"


def _of_other_tables(rule: Rule, table: str) -> Iterator[str]:
    target = TARGETS.get(rule.target)
    if target and target.tables and table not in target.tables:
        yield f"{rule.target} cannot stand in table {table}, only in {', '.join(sorted(target.tables))}"
