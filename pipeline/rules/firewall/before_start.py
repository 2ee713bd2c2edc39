"""The firewall between power-on and the framework's start, where the snapshot has it (Kura 5.1, ESF 7.1 and later).

``firewall.service`` loads a file that is not the snapshot's yet; the vendor's has port 22 and the console open.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.errors import PipelineError
from pipeline.formats.network.iptables.rules import Table
from pipeline.formats.network.iptables.walk import Packet
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.esf.installation import Document, document, on_network, refused
from pipeline.rules.firewall.packets import (
    IPTABLES,
    LOOPBACK,
    OSGI_CONSOLE,
    SSH,
    Firewall,
    entries,
    is_let_in,
    networks,
    of_document,
    sources,
)
from pipeline.rules.looking import harmless
from pipeline.rules.network.interfaces import Network, network
from pipeline.rules.ssh.port import ssh_ports

PERSISTENT = "/etc/iptables/rules.v4"
"""Where Debian's netfilter-persistent looks."""

READS = (PERSISTENT,)

# What the framework empties when it starts (formats 6); rules anywhere else outlive it.
_OURS = ("input-kura", "output-kura", "forward-kura")


def _before_start(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """A file that opens more than the snapshot leaves a gateway open until the framework runs, or for good (A:113)."""
    if layout.network_truth != "snapshot":
        return Judgement.not_applicable("the file is the firewall (see firewall.restrict)")
    first = document(view, IPTABLES)
    if first is None:
        shown = "missing: until the framework has started, everything is open"
        return Judgement.failed(Breach(str(view.place(IPTABLES)), 0, shown, "the rules of the snapshot"))
    second = document(view, PERSISTENT)
    breaches = [breach for file in (first, second) if file for breach in _judged(file, view, layout, expected)]
    return Judgement.of(breaches, f"{first.path} is as closed as the snapshot, and lets SSH in")


def _judged(file: Document, view: ImageView, layout: Layout, expected: Expected) -> Iterator[Breach]:
    try:
        found = of_document(file)
    except PipelineError as error:
        yield from refused(error, file.path)
        return
    table = found.filter
    if table is None:
        yield Breach(file.path, 0, "no filter table: everything is open until the framework has started", "one")
        return
    for name in ("INPUT", "FORWARD"):
        chain = table.chain(name)
        if chain is None or chain.policy != "DROP":
            shown = f"policy of {name} is {chain.policy if chain else 'that of the kernel, ACCEPT'}"
            yield Breach(file.path, file.line_of(rf"(?m)^:{name}\b"), shown, "DROP")
    around = network(view, layout)
    yield from _open(found, table, around, layout, expected)
    yield from _shut(found, table, around, view)
    if table.chain(_OURS[0]) is not None:
        yield from _lasting(found, table)


def _open(found: Firewall, table: Table, around: Network, layout: Layout, expected: Expected) -> Iterator[Breach]:
    inside = networks(expected.vpn)
    wanted = dict.fromkeys((*expected.closed_ports, SSH), "open to nobody")
    wanted |= dict.fromkeys(layout.console_ports, "open to the VPN only") | {OSGI_CONSOLE: "open to the loopback only"}
    for port in sorted(wanted):
        for packet, verdict in entries(table, around, port, "tcp", inside if port in layout.console_ports else ()):
            shown = f"port {port} {'is' if verdict.certain else 'may be'} open to {packet.source} on {packet.interface}"
            reason = f"before the framework starts: {harmless(verdict.reason)}"
            yield Breach(found.path, found.line(verdict), f"{shown} {reason}", wanted[port])


def _shut(found: Firewall, table: Table, around: Network, view: ImageView) -> Iterator[Breach]:
    """Without SSH, a gateway whose framework does not start is lost."""
    places, _, _ = ssh_ports(view)
    for port, path, line in places:
        packets = (Packet(source, name, "tcp", port) for name in around.used for source in sources(table))
        if not any(is_let_in(table, packet) for packet in packets if packet.source not in LOOPBACK):
            shown = f"port {port}, on which SSH listens by {path}, is shut until the framework has started"
            yield Breach(found.path, 0, shown, f"-A input-kura -p tcp --dport {port} -j ACCEPT")
            yield Breach(path, line, f"SSH listens on port {port}, which {found.path} shuts", "a port that is open")


def _lasting(found: Firewall, table: Table) -> Iterator[Breach]:
    """Rules outside the framework's chains stay, whatever is set in the console later."""
    for name in table.reachable("INPUT"):
        for rule in table.of(name):
            if name not in _OURS and rule.target == "ACCEPT":
                shown = f"stays in force when the framework has started: {harmless(rule.text)}"
                yield Breach(found.path, rule.line, shown, f"in {_OURS[0]}")


RULES: tuple[Rule, ...] = (
    Rule(
        id="firewall.before_start",
        title="until the framework starts, the firewall is as closed as after",
        why="The framework takes minutes to start. Until then only this file protects the gateway, on every boot.",
        severity=Severity.HIGH,
        documents=("A:113", "A:114"),
        references=("62443 CR 7.7", "CRA I.1(2)(b)"),
        profile="documents",
        check=on_network(_before_start),
        remedy="write the snapshot's rules into /etc/sysconfig/iptables, in the framework's own chains",
        enforced_by="firewall",
    ),
)
