"""What a finished image lets in and lets run: open ports by its firewall's rules, bundles by its security policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from itertools import product

from pipeline.formats.network.iptables.rules import ALL_PORTS, Rule, Table
from pipeline.formats.network.iptables.walk import Match, Packet, matches, opening
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Expected
from pipeline.model.trust import SignedPackage
from pipeline.rules.esf.policy import policy_of
from pipeline.rules.firewall.packets import LOOPBACK, OSGI_CONSOLE, SSH, STRANGER, firewall, interfaces, sources
from pipeline.transforms.esf.policy import Decision, admission

# Interface of a packet on which no rule has to insist.
_ANY = "other0"
# Tried on every gateway, whatever a release decides: the ports somebody from outside tries first.
_PROBED = (SSH, OSGI_CONSOLE)


def access_facts(view: ImageView, packages: Iterable[SignedPackage], expected: Expected) -> dict[str, object]:
    """JSON values for the manifest's facts: ``firewall``, ``open_ports``, ``bundles``, where the image decides them.

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
        facts["open_ports"] = open_ports(table)
        facts["firewall"] = {
            "policy": {chain.name: chain.policy for chain in table.chains if chain.policy not in ("", "-")},
            "verdicts": list(_verdicts(table, {*_PROBED, *expected.closed_ports, expected.ssh_port,
                                               *layout.console_ports}, expected)),
        }  # fmt: skip
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


def _verdicts(table: Table, ports: Iterable[int], expected: Expected) -> Iterator[dict[str, object]]:
    """What becomes of the first packet to each port: from somebody nobody named, and from each VPN network."""
    for port in sorted(ports):
        for source in ("", *expected.vpn):
            address = _host(source)
            packets = (Packet(address, interface, "tcp", port) for interface in interfaces(table, None))
            gets_in = any(opening(table, "INPUT", packet) is not None for packet in packets)
            yield {"port": port, "source": source, "verdict": "accepted" if gets_in else "refused"}


def _host(source: str) -> IPv4Address:
    """Somebody in a network; a stranger for none."""
    if not source:
        return STRANGER
    network = IPv4Network(source, strict=False)
    return network[min(1, network.num_addresses - 1)]


def open_ports(table: Table) -> list[dict[str, object]]:
    """Each way in that a rule opens and no earlier one closes altogether; interfaces of the same one together.

    What an earlier rule closes in part (some ports of a range, some senders, one protocol) is told as it is written.
    """
    ways: dict[tuple[str, str, str], set[str]] = {}
    for rule in table.rules:
        if rule.target != "ACCEPT" or rule.chain in ("FORWARD", "OUTPUT"):
            continue
        if any(opening(table, "INPUT", packet) is not None for packet in _packets(table, rule)):
            key = (rule.value("-p"), rule.value("--dport") or rule.value("--dports"), rule.value("-s"))
            ways.setdefault(key, set()).add(rule.value("-i"))
    return [
        # Open on any interface is open on all: the others say nothing more.
        {"protocol": protocol, "ports": ports, "source": source, "interfaces": sorted(() if "" in on else on)}
        for (protocol, ports, source), on in sorted(ways.items())
    ]


def _packets(table: Table, rule: Rule) -> Iterator[Packet]:
    """One of each kind that a rule takes and other rules tell apart, the likeliest first.

    None for a rule about answers to packets of our own, or about what never leaves the gateway.
    """
    states = rule.value("--state") or rule.value("--ctstate")
    near = _host(rule.value("-s"))
    if (states and "NEW" not in states.split(",")) or rule.value("-i") == "lo" or near in LOOPBACK:
        return
    protocols = (rule.value("-p"),) if rule.value("-p") not in ("", "all") else ("tcp", "udp", "icmp")
    senders = (near, *(address for address in sources(table) if address not in LOOPBACK and address != near))
    names = (rule.value("-i") or _ANY, *interfaces(table, None))
    for protocol, port, sender, name in product(protocols, _ports(table, rule), senders, dict.fromkeys(names)):
        packet = Packet(sender, name, protocol, port)
        if matches(rule, packet) is not Match.NO:
            yield packet


def _ports(table: Table, rule: Rule) -> tuple[int, ...]:
    """The first port of every stretch that no rule divides."""
    ranges = [one for other in table.rules for one in other.destination_ports() or ()]
    starts = {0, *(first for first, _ in ranges), *(last + 1 for _, last in ranges)}
    mine = rule.destination_ports() or ALL_PORTS
    return tuple(sorted(port for port in starts if any(first <= port <= last for first, last in mine)))
