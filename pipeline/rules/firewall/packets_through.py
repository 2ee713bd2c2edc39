"""The firewall, judged by packets walked through its rules (A:113, A:114)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pipeline.errors import PipelineError
from pipeline.formats.network.iptables.rules import Rule as FirewallRule
from pipeline.formats.network.iptables.rules import Ruleset, parse_ports
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.esf.installation import document, on_network, refused
from pipeline.rules.esf.snapshot_file import snapshot_file
from pipeline.rules.firewall.packets import (
    IPTABLES,
    OSGI_CONSOLE,
    SSH,
    Firewall,
    entries,
    firewall,
    networks,
    of_document,
    of_snapshot,
)
from pipeline.rules.looking import harmless
from pipeline.rules.network.interfaces import Network, network

_OPEN = "no firewall rules: everything is open"


def missing(view: ImageView, layout: Layout) -> Judgement:
    """What an image without rules is: open."""
    if layout.network_truth == "snapshot":
        return Judgement.failed(Breach(str(view.place(layout.snapshots)), 0, _OPEN, "the firewall component"))
    return Judgement.failed(Breach(str(view.place(IPTABLES)), 0, _OPEN, "rules with INPUT DROP"))


def _readable(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Rules that cannot be loaded leave everything open (formats 6, threats 29)."""
    del expected
    try:
        if layout.network_truth == "snapshot":
            found = of_snapshot(snapshot_file(view, layout))
        else:
            file = document(view, IPTABLES)
            found = of_document(file) if file else None
    except PipelineError as error:
        return Judgement.failed(*refused(error, str(view.place(IPTABLES))))
    if found is None:
        return missing(view, layout)
    if found.filter is None:
        return Judgement.failed(Breach(found.path, 0, "no filter table: everything is open", "a filter table"))
    return Judgement.passed(f"{found.path} can be loaded as a whole")


def _policy(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """What no rule names is dropped (A:113); Kura's own generator writes no policy (formats 6)."""
    del expected
    found = firewall(view, layout)
    if found is None or found.filter is None:
        return missing(view, layout)
    source = document(view, IPTABLES) if layout.network_truth != "snapshot" else None
    breaches = []
    for name in ("INPUT", "FORWARD"):
        chain = found.filter.chain(name)
        if chain is None or chain.policy != "DROP":
            line = source.line_of(rf"(?m)^:{name}\b") if source else 0
            shown = (
                f"policy of {name} is {chain.policy}" if chain else f"no policy of {name}: that of the kernel, ACCEPT"
            )
            breaches.append(Breach(found.path, line, shown, "DROP"))
    return Judgement.of(breaches, "INPUT and FORWARD drop what no rule names")


Ports = Callable[[Layout, Expected], tuple[int, ...]]


def _closed(
    ports: Ports, protocols: tuple[str, ...], wanted: str, *, but_vpn: bool = False
) -> Callable[[ImageView, Layout, Expected], Judgement]:
    """A check that nothing gets in to some ports, from the VPN excepted where that is meant."""

    def check(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
        found = firewall(view, layout)
        table = found.filter if found else None
        if found is None or table is None:
            return missing(view, layout)
        around = network(view, layout)
        inside = networks(expected.vpn) if but_vpn else ()
        breaches = [
            Breach(
                found.path, found.line(verdict),
                f"port {port} {'is' if verdict.certain else 'may be'} open to {packet.source} on {packet.interface}"
                f" ({protocol}): {harmless(verdict.reason)}", wanted,
            )
            for port in ports(layout, expected)
            for protocol in protocols
            for packet, verdict in entries(table, around, port, protocol, inside)
        ]  # fmt: skip
        closed = ", ".join(str(port) for port in ports(layout, expected))
        return Judgement.of(breaches, f"packets to {closed} were walked from every network and interface")

    return check


def _translation(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Nothing forwards another port to the console, or a closed port to somebody else."""
    if layout.network_truth == "snapshot":
        return Judgement.not_applicable("the firewall is made from the snapshot (see firewall.snapshot_forwarding)")
    found = firewall(view, layout)
    if found is None:
        return missing(view, layout)
    guarded = {*expected.closed_ports, *layout.console_ports, SSH, OSGI_CONSOLE}
    breaches = list(_forwarding(found, guarded))
    return Judgement.of(breaches, "no rule leads around the rules for the console and the closed ports")


def _forwarding(found: Firewall, guarded: set[int]) -> Iterator[Breach]:
    for rule in _before_routing(found.ruleset):
        outside = rule.destination_ports()
        inside = _inner_ports(rule)
        wanted = "no way to the console and to closed ports"
        for port in sorted(guarded):
            if any(low <= port <= high for low, high in inside):
                yield Breach(found.path, rule.line, f"leads to port {port}: {harmless(rule.text)}", wanted)
            elif any(low <= port <= high for low, high in outside or ()):
                yield Breach(found.path, rule.line, f"takes port {port} somewhere: {harmless(rule.text)}", wanted)


def _before_routing(ruleset: Ruleset) -> Iterator[FirewallRule]:
    for table in ruleset.tables:
        for chain in table.reachable("PREROUTING"):
            yield from (rule for rule in table.of(chain) if rule.target in ("DNAT", "REDIRECT", "TPROXY"))


def _inner_ports(rule: FirewallRule) -> tuple[tuple[int, int], ...]:
    """Where a rule sends packets; their own port when it names none."""
    text = rule.value("--to-ports") or rule.value("--to-port") or rule.value("--on-port")
    text = text or rule.value("--to-destination").partition(":")[2]
    try:
        return parse_ports(text.replace("-", ":")) if text else rule.destination_ports() or ((0, 65535),)
    except ValueError:
        return ((0, 65535),)


def _forward(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """What comes in from a wide network reaches a local one only as an answer, or by a rule that names its port."""
    del expected
    found = firewall(view, layout)
    table = found.filter if found else None
    if found is None or table is None:
        return missing(view, layout)
    wide = _wide(network(view, layout))
    if not wide:
        return Judgement.not_applicable("no interface of the image is a wide network's")
    breaches = []
    for rule in table.of("FORWARD"):
        narrow = any(rule.get(option) for option in ("--dport", "--dports"))
        answer = any(
            clause.option in ("--state", "--ctstate") and "NEW" not in clause.values[0].split(",")
            for clause in rule.clauses
        )
        inward = rule.value("-i") in wide or (not rule.value("-i") and not rule.value("-s"))
        if rule.target == "ACCEPT" and inward and not narrow and not answer and rule.value("-p") != "icmp":
            shown = f"lets everything from {rule.value('-i') or 'everywhere'} through: {harmless(rule.text)}"
            breaches.append(Breach(found.path, rule.line, shown, "answers only, or named ports"))
    return Judgement.of(breaches, f"nothing unasked is forwarded from {', '.join(wide)}")


def _wide(around: Network) -> tuple[str, ...]:
    return tuple(name for name in around.used if around.status(name) == "netIPv4StatusEnabledWAN")


RULES: tuple[Rule, ...] = (
    Rule(
        id="firewall.readable",
        title="the firewall's rules can be loaded",
        why="The loader gives up at the first line it cannot read, and the gateway runs without a firewall.",
        severity=Severity.HIGH,
        documents=("A:113", "A:187"),
        references=("CaC service_iptables_enabled", "62443 CR 7.6"),
        profile="documents",
        check=on_network(_readable),
        remedy="iptables-restore --test names what it does not take",
        enforced_by="firewall",
    ),
    Rule(
        id="firewall.policy",
        title="what no rule names is dropped",
        why="Where what no rule names is let in, every service that starts later is open to the network at once.",
        severity=Severity.HIGH,
        documents=("A:113",),
        references=("CIS 4.4.2.1", "CaC set_iptables_default_rule", "ANSSI R80", "lynis FIRE-4512", "62443 CR 7.7"),
        profile="documents",
        check=on_network(_policy),
        remedy=":INPUT DROP and :FORWARD DROP",
        enforced_by="firewall",
    ),
    Rule(
        id="firewall.restrict",
        title="ports 8000 and 1450 are open to nobody",
        why="Ports 8000 and 1450 are for debuggers: whoever reaches them controls the framework.",
        severity=Severity.HIGH,
        documents=("A:113",),
        references=("CIS 4.4.2.4", "CaC iptables_rules_for_open_ports", "ETSI 5.6-1", "62443 CR 7.7"),
        profile="documents",
        check=on_network(_closed(lambda _, expected: expected.closed_ports, ("tcp", "udp"), "open to nobody")),
        remedy="take the ports out of the rule, ranges and lists included",
        enforced_by="firewall",
    ),
    Rule(
        id="firewall.ssh_22",
        title="port 22 is open to nobody",
        why="Port 22 draws every scanner. Open beside the chosen port, it hides a second server or a mistake.",
        severity=Severity.MEDIUM,
        documents=("A:76", "A:113"),
        references=("CIS 4.4.2.4", "62443 CR 7.7"),
        profile="documents",
        check=on_network(_closed(lambda *_: (SSH,), ("tcp",), "open to nobody: SSH has another port")),
        remedy="take the port out of the rule",
        enforced_by="firewall",
    ),
    Rule(
        id="firewall.console_from_vpn",
        title="the console is reached from the VPN only",
        why="A console that anybody reaches is attacked day and night, and each hole in it is a hole in every gateway.",
        severity=Severity.HIGH,
        documents=("A:114",),
        references=("ETSI 5.5-5", "ETSI 5.6-2", "62443 CR 7.7"),
        profile="documents",
        check=on_network(
            _closed(lambda layout, _: layout.console_ports, ("tcp",), "open to the VPN only", but_vpn=True)
        ),
        remedy="-s 10.234.0.0/16 in every rule that accepts the console's port",
        enforced_by="firewall",
    ),
    Rule(
        id="firewall.osgi_console",
        title="the OSGi console is reached from the gateway itself only",
        why="The OSGi console installs code for whoever connects, without a password.",
        severity=Severity.HIGH,
        documents=("A:113",),
        references=("CVE-2017-7649", "ETSI 5.6-1", "62443 CR 7.7"),
        profile="documents",
        check=on_network(_closed(lambda *_: (OSGI_CONSOLE,), ("tcp",), "open to the loopback only")),
        remedy="-s 127.0.0.1/32 in the rule that accepts port 5002",
        enforced_by="firewall",
    ),
    Rule(
        id="firewall.translation",
        title="address translation leads around no rule",
        why="A forwarded port reaches the console or a closed port around the rules that guard it.",
        severity=Severity.HIGH,
        documents=("A:113", "A:114"),
        references=("62443 CR 7.7",),
        profile="documents",
        check=on_network(_translation),
        remedy="take the DNAT or REDIRECT rule out",
    ),
    Rule(
        id="firewall.forward",
        title="nothing unasked is forwarded from a wide network",
        why="A gateway that forwards what nobody asked for connects the Internet with the machines of the plant.",
        severity=Severity.HIGH,
        documents=("A:113", "A:118"),
        references=("CIS 4.4.2.1", "62443 NDR 5.2"),
        profile="documents",
        check=on_network(_forward),
        remedy="-m state --state RELATED,ESTABLISHED, or a port, in the FORWARD rule",
    ),
)
