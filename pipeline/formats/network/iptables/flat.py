"""Chains that every packet of another one walks, put in its place: Kura 5 keeps all its rules in such."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.formats.network.iptables.rules import Rule, Table


def flat(table: Table | None, chain: str) -> tuple[Rule, ...]:
    """The rules of a chain in the order of the walk, as if those it leads to unconditionally stood in it.

    Kura 5.0 and later has `INPUT` lead to ``input-kura``, and ``forward-kura`` to ``forward-kura-pf`` and ``-ipf``
    (IptablesConfigConstants of 5.0.0). Jumps of some packets only stay what they are: one rule with another target.
    """
    return tuple(_walk(table, chain, frozenset())) if table else ()


def innermost(table: Table, chain: str) -> str:
    """The first chain that every packet of this one walks and that leads to no further: where Kura adds its rules."""
    seen = {chain}
    while True:
        jump = next((rule for rule in table.of(chain) if _leads_on(table, rule)), None)
        if jump is None or jump.target in seen:
            return chain
        chain = jump.target
        seen.add(chain)


def _walk(table: Table, chain: str, above: frozenset[str]) -> Iterator[Rule]:
    for rule in table.of(chain):
        if rule.target == "RETURN" and not rule.matches:
            return
        if _leads_on(table, rule) and rule.target not in above:
            yield from _walk(table, rule.target, above | {chain})
        else:
            yield rule


def _leads_on(table: Table, rule: Rule) -> bool:
    return not rule.matches and rule.get("-j") is not None and table.chain(rule.target) is not None
