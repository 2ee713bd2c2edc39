"""The other places that hold firewall rules: the snapshot's settings and the copy a factory reset restores."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.errors import PipelineError
from pipeline.formats.esf import firewall_ports
from pipeline.formats.network.iptables.rules import Table
from pipeline.formats.network.iptables.walk import Packet, opening
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.esf.installation import document, on_network, refused
from pipeline.rules.esf.snapshot_file import SnapshotFile, on_snapshot
from pipeline.rules.firewall.packets import (
    IPTABLES,
    OPEN_PORTS,
    OSGI_CONSOLE,
    PID,
    SSH,
    Firewall,
    entries,
    firewall,
    interfaces,
    is_let_in,
    networks,
    of_document,
    of_snapshot,
    sources,
)
from pipeline.rules.looking import harmless
from pipeline.rules.network.interfaces import network

FORWARDING = "firewall.port.forwarding"
_DEFAULTS = "ESF's default firewall is in force, with ports 8000, 1450 and 80 open"


@on_snapshot(_DEFAULTS)
def _closed_in_snapshot(found: SnapshotFile, view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Whenever the snapshot is applied, ESF writes its rules anew from these settings (threats 27)."""
    rules = _settings(found)
    if isinstance(rules, Judgement):
        return rules
    table = rules.filter
    if table is None:
        raise AssertionError("rules made of settings have a filter table")
    around = network(view, layout)
    inside = networks(expected.vpn)
    wanted = dict.fromkeys((*expected.closed_ports, SSH), "open to nobody")
    wanted |= dict.fromkeys(layout.console_ports, "open to the VPN only") | {OSGI_CONSOLE: "open to the loopback only"}
    breaches = [
        Breach(
            found.path, rules.base,
            f"{PID} {OPEN_PORTS}: port {port} is open to {packet.source} on {packet.interface}", wanted[port],
        )
        for port in sorted(wanted)
        for packet, _ in entries(table, around, port, "tcp", inside if port in layout.console_ports else ())
    ]  # fmt: skip
    return Judgement.of(breaches, f"{OPEN_PORTS} opens none of the closed ports, and the console to the VPN only")


@on_snapshot(_DEFAULTS)
def _in_step(found: SnapshotFile, view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """What the settings open, the file opens too, and the other way round where settings can say it."""
    del expected
    if layout.network_truth == "snapshot":
        return Judgement.not_applicable("the firewall is made from the snapshot: there is nothing to compare it with")
    rules, live = _settings(found), firewall(view, layout)
    if isinstance(rules, Judgement):
        return rules
    if live is None or live.filter is None:
        return Judgement.not_applicable(f"{view.place(IPTABLES)} has no rules (see firewall.readable)")
    left, right = rules.filter, live.filter
    if left is None:
        raise AssertionError("rules made of settings have a filter table")
    packets = tuple(_packets(left, right, layout, view))
    breaches = [
        Breach(
            found.path, rules.base,
            f"{OPEN_PORTS}: port {packet.dport} ({packet.protocol}) is open to {packet.source} on {packet.interface}, "
            f"but not by {live.path}", "the same in both",
        )
        for packet in packets
        if is_let_in(left, packet) and opening(right, "INPUT", packet) is None
    ]  # fmt: skip
    for packet in packets:
        decided = opening(right, "INPUT", packet)
        if decided and decided.certain and decided.rule and opening(left, "INPUT", packet) is None:
            shown = f"port {packet.dport} ({packet.protocol}) is open to {packet.source} on {packet.interface}"
            breaches.append(
                Breach(live.path, live.line(decided), f"{shown}, but not by {OPEN_PORTS}", "the same in both")
            )
    return Judgement.of(_first_of_each(breaches), f"{OPEN_PORTS} and {live.path} open the same")


def _first_of_each(breaches: list[Breach]) -> list[Breach]:
    """One breach for each line and port; a rule for everybody would be told for every network."""
    kept: dict[tuple[str, int, str], Breach] = {}
    for breach in breaches:
        kept.setdefault((breach.path, breach.line, breach.found.partition(" is open")[0]), breach)
    return list(kept.values())


def _packets(left: Table, right: Table, layout: Layout, view: ImageView) -> Iterator[Packet]:
    """From every region to both ends of every range of ports that either names."""
    around = network(view, layout)
    ports: set[tuple[str, int]] = set()
    for rule in (*left.rules, *right.of("INPUT")):
        for low, high in rule.destination_ports() or ():
            ports |= {(rule.value("-p") or "tcp", port) for port in (low, high)}
    regions = sorted({*sources(left), *sources(right)})
    names = sorted({*interfaces(left, around), *interfaces(right, around)})
    for protocol, port in sorted(ports):
        for source in regions:
            for interface in names:
                yield Packet(source, interface, protocol, port)


def _settings(found: SnapshotFile) -> Firewall | Judgement:
    """The rules ESF would make of its settings."""
    component = found.snapshot.get(PID)
    if component is None or component.get(OPEN_PORTS) is None:
        return Judgement.failed(Breach(found.path, found.line(PID), f"{PID} {OPEN_PORTS}: not set: {_DEFAULTS}", "set"))
    try:
        rules = of_snapshot(found)
    except PipelineError as error:
        line = found.line(PID, OPEN_PORTS)
        return Judgement.failed(Breach(found.path, line, harmless(error.problems[0].what), "entries ESF can read"))
    if rules is None:
        raise AssertionError("a component that is there has rules")
    return rules


@on_snapshot()
def _forwarding(found: SnapshotFile, view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """No forwarding leads to the console or opens a closed port (A:113, A:114)."""
    del view
    component = found.snapshot.get(PID)
    text = component.text(FORWARDING) if component else ""
    if component is None or not text:
        return Judgement.not_applicable(f"{found.path}: nothing is forwarded")
    guarded = {str(port) for port in (*expected.closed_ports, *layout.console_ports, SSH, OSGI_CONSOLE)}
    breaches = [
        found.breach(
            component, FORWARDING, f"port {entry.in_port} leads to {entry.address}:{entry.out_port}", "not there"
        )
        for entry in firewall_ports.parse_port_forwarding(text, found.path)
        if entry.in_port in guarded or entry.out_port in guarded
    ]
    return Judgement.of(breaches, "no forwarding concerns the console or a closed port")


def _factory_restore(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """A factory reset copies it back: ports 8000 and 1450 would be open again (formats 3, threats 27)."""
    del expected
    copy = document(view, f"{layout.restore}/iptables")
    if copy is None:
        return Judgement.not_applicable(f"{view.place(layout.restore)} holds no copy of the firewall")
    live = document(view, IPTABLES)
    if live is None:
        return Judgement.failed(Breach(copy.path, 0, f"a copy of {IPTABLES}, which is not there", "the same rules"))
    try:
        same = of_document(copy).ruleset == of_document(live).ruleset
    except PipelineError as error:
        return Judgement.failed(*refused(error, copy.path))
    if same:
        return Judgement.passed(f"{copy.path} has the rules of {live.path}")
    lines = zip(copy.text.splitlines(), (*live.text.splitlines(), *[""] * len(copy.text)), strict=False)
    line = next((number for number, (one, other) in enumerate(lines, 1) if one != other), 0)
    return Judgement.failed(Breach(copy.path, line, f"not the rules of {live.path}", "the same rules"))


RULES: tuple[Rule, ...] = (
    Rule(
        id="firewall.snapshot",
        title="the snapshot opens no closed port, and the console to the VPN only",
        why=(
            "Whenever the snapshot is applied, the framework writes the firewall anew from it; an open port there "
            "comes back."
        ),
        severity=Severity.HIGH,
        documents=("A:113", "A:114"),
        references=("62443 CR 7.7", "CRA I.1(2)(b)"),
        profile="documents",
        check=_closed_in_snapshot,
        remedy="set firewall.open.ports as the file has it",
        enforced_by="firewall",
    ),
    Rule(
        id="firewall.in_step",
        title="snapshot and firewall file open the same ports",
        why=(
            "Where snapshot and file differ, the firewall changes with the first save in the console, for better or "
            "worse."
        ),
        severity=Severity.MEDIUM,
        documents=("A:113", "A:187"),
        references=("62443 CR 7.6",),
        profile="documents",
        check=_in_step,
        remedy="set the firewall in the console of the golden sample, and export again",
        enforced_by="firewall",
    ),
    Rule(
        id="firewall.snapshot_forwarding",
        title="the snapshot forwards nothing to the console and no closed port",
        why="A forwarding in the snapshot opens the console or a closed port as soon as the snapshot is applied.",
        severity=Severity.HIGH,
        documents=("A:113", "A:114"),
        references=("62443 CR 7.7",),
        profile="documents",
        check=_forwarding,
        remedy="take the entry out of firewall.port.forwarding",
        enforced_by="firewall",
    ),
    Rule(
        id="firewall.factory_restore",
        title="a factory reset brings the same firewall back",
        why=(
            "After a factory reset the firewall would be the vendor's, with the ports open that were closed on purpose."
        ),
        severity=Severity.HIGH,
        documents=("A:113",),
        references=("CRA I.1(2)(b)",),
        profile="documents",
        check=on_network(_factory_restore),
        remedy="copy /etc/sysconfig/iptables over it",
        enforced_by="firewall",
    ),
)
