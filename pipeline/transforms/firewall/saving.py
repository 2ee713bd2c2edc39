"""Whether the golden sample's firewall outlives the first change somebody saves in the console (Kura up to 5.0).

Kura then writes all of the file anew from what it read of it, and turns what it has no words for into open ports.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.errors import Problem
from pipeline.formats.network.iptables.kura import choking, loss, read_chains, spelled
from pipeline.formats.network.iptables.rules import Rule, Ruleset, Table
from pipeline.model.layout import Layout

_SAVED = "when the firewall or the network is next saved in the console"
_TO_SCRIPT = (
    "take it out, for the policy drops what no rule names; a rule Kura has no words for belongs into "
    "/etc/init.d/firewall_cust, in the mangle table, which Kura leaves alone: "
    "iptables -t mangle -C INPUT ... -j DROP || iptables -t mangle -A INPUT ... -j DROP"
)
_TO_INPUT = "move it from input-kura to INPUT, which Kura 5 leaves alone"
_IN_CONSOLE = "set it up in the golden sample's console, or take it out, and export again"


def unkept(rules: Ruleset, layout: Layout, where: str) -> Iterator[Problem]:
    """Every rule that Kura would make another one of, and every one it cannot read, by its line."""
    table, nat = rules.table("filter"), rules.table("nat")
    if table is not None:
        yield from _inward(table, layout.generation, where)
    for one in (table, nat):
        for rule, why in choking(one, layout.generation) if one is not None else ():
            told = f"{_at(where, rule)}: {rule.text}: {why}, so Kura cannot read the firewall at all"
            yield Problem(told, _IN_CONSOLE)


def _inward(table: Table, generation: str, where: str) -> Iterator[Problem]:
    told: set[int] = set()
    for chain in read_chains(table, generation):
        for rule in (one for given in table.of(chain) for one in spelled(given)):
            if generation == "C" and "RETURN" in rule.text:
                continue  # Kura passes over such a line
            lost = loss(rule, generation)
            if lost and rule.line not in told:
                told.add(rule.line)
                remedy = _TO_INPUT if generation == "C" else _TO_SCRIPT
                yield Problem(f"{_at(where, rule)}: {rule.text}: {_SAVED}, {lost}", remedy)


def _at(where: str, rule: Rule) -> str:
    return f"{where}: line {rule.line}"
