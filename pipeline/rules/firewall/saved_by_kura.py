"""Whether the firewall outlives its first change on the gateway: Kura up to 4.1 writes it anew from what it read.

Kura's reader and writer are ``IptablesConfig``, ``LocalRule`` and ``LinuxFirewall`` of org.eclipse.kura.linux.net at
3.0.0, 4.1.2 and 5.0.0 (docs/reference/kura-facts.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.formats.esf import custom_script
from pipeline.formats.network.iptables.kura import choking, loss, read_chains
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.esf.installation import Document, document, on_esf
from pipeline.rules.firewall.after_boot import CUSTOM
from pipeline.rules.firewall.packets import firewall
from pipeline.rules.looking import harmless

# Kura 3 and 4 run the custom script after each rewrite, 5.0 has none; 5.1 and later make the rules of the snapshot.
_RUNS_SCRIPT = ("A", "B")
_FROM_SNAPSHOT = "the firewall is made from the snapshot at every start"


def _kept(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Every rule of INPUT is one that Kura writes as it read it; another one would become an open port."""
    del expected
    if layout.network_truth == "snapshot":
        return Judgement.not_applicable(_FROM_SNAPSHOT)
    found = firewall(view, layout)
    if found is None:
        return Judgement.not_applicable("the image has no rules (see firewall.readable)")
    breaches: list[Breach] = []
    for table in found.ruleset.tables:
        if table.name not in ("filter", "nat"):
            continue
        lost = [
            (rule, f"saved once in the console, {why}")
            for chain in (read_chains(table, layout.generation) if table.name == "filter" else ())
            for rule in table.of(chain)
            if not (layout.generation == "C" and "RETURN" in rule.text) and (why := loss(rule, layout.generation))
        ]
        lost += [(rule, f"{why}: Kura cannot read the firewall") for rule, why in choking(table, layout.generation)]
        breaches += [
            Breach(found.path, rule.line, f"{harmless(rule.text)}: {why}", "rules Kura writes as it read them")
            for rule, why in lost
        ]
    return Judgement.of(breaches, f"Kura writes every rule of {found.path} as it read it")


def _closed_after_save(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """The custom script sets the policies Kura 3.0 to 4.1.0 leave out, and adds nothing Kura reads as a port."""
    del expected
    if layout.generation not in _RUNS_SCRIPT:
        return Judgement.not_applicable("this framework sets the policies itself, and runs no custom script")
    script = document(view, CUSTOM)
    path = str(view.place(CUSTOM))
    breaches = list(_additions(script)) if script is not None else []
    told = [command for _, command in custom_script.commands(script.text)] if script is not None else []
    for chain in ("INPUT", "FORWARD"):
        if not any(re.search(rf"\biptables\s+(?:-w\s+)?-P\s+{chain}\s+DROP$", command) for command in told):
            shown = f"does not set the policy of {chain}: after a save with iptables-nft it is ACCEPT"
            breaches.append(Breach(path, 0, shown, f"iptables -P {chain} DROP"))
    return Judgement.of(breaches, f"{path} sets both policies after every change of the firewall")


def _additions(script: Document) -> Iterator[Breach]:
    for number, command in custom_script.commands(script.text):
        added = list(custom_script.additions(command))
        if any(one.table == "filter" and (one.chain.startswith("INPUT") or "$" in one.chain) for one in added):
            shown = f"Kura reads it as an open port when it starts again: {harmless(command)}"
            yield Breach(script.path, number, shown, "the mangle table: iptables -t mangle -A INPUT ... -j DROP")


RULES: tuple[Rule, ...] = (
    Rule(
        id="firewall.kept_by_kura",
        title="a change of the firewall in the console opens nothing else",
        why=(
            "The framework saves all rules whenever one is changed in the console; what it cannot express then opens "
            "more."
        ),
        severity=Severity.MEDIUM,
        documents=("A:113",),
        references=("62443 CR 7.6", "62443 CR 7.7"),
        profile="documents",
        check=on_esf(_kept),
        remedy="take the rule out of INPUT; the mangle table by way of firewall_cust is left alone",
        enforced_by="firewall",
    ),
    Rule(
        id="firewall.stays_closed",
        title="the firewall drops what no rule names after a change too",
        why=(
            "A change in the console makes the framework write its rules anew; without its own drop at the end, "
            "everything is open."
        ),
        severity=Severity.HIGH,
        documents=("A:113", "A:188"),
        references=("62443 CR 7.6", "62443 CR 7.7"),
        profile="documents",
        check=on_esf(_closed_after_save),
        remedy="iptables -P INPUT DROP and iptables -P FORWARD DROP in /etc/init.d/firewall_cust",
        enforced_by="firewall",
    ),
)
