"""What a finished image lets in and lets run: open ports by its firewall's rules, bundles by its security policy."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network

from pipeline.formats.iptables.rules import Rule, Table
from pipeline.formats.iptables.walk import Packet, opening
from pipeline.model.image_view import ImageView
from pipeline.model.trust import SignedPackage
from pipeline.rules.esf_packets import LOOPBACK, STRANGER, firewall
from pipeline.rules.esf_policy import policy_of
from pipeline.transforms.policy import Decision, admission

# Interface of a packet on which no rule has to insist.
_ANY = "other0"


def access_facts(view: ImageView, packages: Iterable[SignedPackage]) -> dict[str, object]:
    """JSON values for the manifest's facts: ``open_ports`` and ``bundles``, each where the image has what decides it.

    Raises:
        PipelineError: firewall rules or a policy that nobody could load.
    """
    layout = view.layout
    if layout is None:
        return {}
    facts: dict[str, object] = {}
    found = firewall(view, layout)
    table = found.filter if found else None
    if table is not None:
        facts["open_ports"] = _open_ports(table)
    policy = policy_of(view, layout)
    if policy is not None:
        decided = {
            bundle.symbolic_name: admission(policy[1], bundle.signer_chain)
            for package in packages
            for bundle in package.bundles
        }
        facts["bundles"] = {
            name: {
                "runs": one.decision is not Decision.NOTHING,
                "may": one.decision.value,
                "rows": [f"{number} {row.name}" for number, row in one.rows],
            }
            for name, one in sorted(decided.items())
        }
    return facts


def _open_ports(table: Table) -> list[dict[str, object]]:
    """Each way in that a rule opens and no earlier one closes; interfaces of the same one together."""
    ways: dict[tuple[str, str, str], set[str]] = {}
    for rule in table.rules:
        if rule.target != "ACCEPT" or rule.chain in ("FORWARD", "OUTPUT"):
            continue
        packet = _packet(rule)
        if packet is not None and opening(table, "INPUT", packet) is not None:
            key = (rule.value("-p"), rule.value("--dport") or rule.value("--dports"), rule.value("-s"))
            ways.setdefault(key, set()).add(rule.value("-i"))
    return [
        # Open on any interface is open on all: the others say nothing more.
        {"protocol": protocol, "ports": ports, "source": source, "interfaces": sorted(() if "" in on else on)}
        for (protocol, ports, source), on in sorted(ways.items())
    ]


def _packet(rule: Rule) -> Packet | None:
    """A packet a rule is meant for; None for answers to packets of our own, and for what never leaves the gateway."""
    states = rule.value("--state") or rule.value("--ctstate")
    source = rule.value("-s")
    address = STRANGER
    if source:
        network = IPv4Network(source, strict=False)
        address = network[min(1, network.num_addresses - 1)]
    if (states and "NEW" not in states.split(",")) or rule.value("-i") == "lo" or address in LOOPBACK:
        return None
    ports = rule.destination_ports()
    return Packet(address, rule.value("-i") or _ANY, rule.value("-p") or "tcp", ports[0][0] if ports else 0)
