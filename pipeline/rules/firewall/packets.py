"""Packets walked through the firewall an image will have: from everywhere, to the ports that matter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network

from pipeline.errors import PipelineError
from pipeline.formats.esf import firewall_ports
from pipeline.formats.esf.firewall_ports import OpenPort
from pipeline.formats.network.iptables import text as iptables
from pipeline.formats.network.iptables.rules import Chain, Rule, Ruleset, Table
from pipeline.formats.network.iptables.walk import Packet, Verdict, opening, refusal
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.rules.esf.installation import Document, document
from pipeline.rules.esf.snapshot_file import SnapshotFile, snapshot_file
from pipeline.rules.network.interfaces import Network
from pipeline.rules.shared import shared

IPTABLES = "/etc/sysconfig/iptables"
PID = "org.eclipse.kura.net.admin.FirewallConfigurationService"
OPEN_PORTS = "firewall.open.ports"
SSH, OSGI_CONSOLE = 22, 5002

STRANGER = IPv4Address("192.0.2.1")
"""An address of nobody (RFC 5737), for everybody whom no rule names."""

NO_RULES = "no firewall rules: nothing is closed (see firewall.readable)"
LOOPBACK = IPv4Network("127.0.0.0/8")
# States a first packet may be in; the last two only where rules speak of them.
_STATES = ("INVALID", "UNTRACKED", "DNAT")


@dataclass(frozen=True)
class Firewall:
    """The rules in force, and where they stand.

    Attributes:
        base: added to a rule's line: where the rules come from the snapshot, all stand on one.
    """

    path: str
    ruleset: Ruleset
    base: int = 0

    @property
    def filter(self) -> Table | None:
        """The table that decides what comes in."""
        return self.ruleset.table("filter")

    def line(self, verdict: Verdict) -> int:
        """Line of the rule that decides."""
        return self.base or (verdict.rule.line if verdict.rule else 0)


@shared
def firewall(view: ImageView, layout: Layout) -> Firewall | None:
    """The rules in force after boot; None when there are none, so that everything is open.

    Raises:
        PipelineError: rules nobody could load (see firewall.readable).
    """
    if layout.network_truth == "snapshot":
        return of_snapshot(snapshot_file(view, layout))
    found = document(view, IPTABLES)
    return of_document(found) if found else None


def of_document(found: Document) -> Firewall:
    """Rules of a file as iptables-save writes it."""
    return _of_text(found.path, found.text)


@lru_cache(maxsize=32)
def _of_text(path: str, text: str) -> Firewall:
    """Ten rules look at the same file; nobody changes what was read of it."""
    return Firewall(path, iptables.parse(text, path))


def of_snapshot(found: SnapshotFile | None) -> Firewall | None:
    """The rules ESF makes of its own settings; None when it has none."""
    component = found.snapshot.get(PID) if found else None
    if found is None or component is None:
        return None
    return _of_settings(found.path, component.text(OPEN_PORTS), found.line(PID, OPEN_PORTS))


@lru_cache(maxsize=32)
def _of_settings(path: str, text: str, line: int) -> Firewall:
    entries = firewall_ports.parse_open_ports(text, path)
    first = [iptables.rule("-A INPUT -i lo -j ACCEPT"),
             iptables.rule("-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT")]  # fmt: skip
    chains = (Chain("INPUT", "DROP"), Chain("FORWARD", "DROP"), Chain("OUTPUT", "ACCEPT"))
    return Firewall(path, Ruleset((Table("filter", chains, (*first, *map(rule_of, entries))),)), line)


def rule_of(entry: OpenPort) -> Rule:
    """The rule ESF makes of an entry (formats 6)."""
    words = ["-A INPUT", f"-p {entry.protocol or 'tcp'}"]
    words += [f"-s {entry.network}"] if entry.network else []
    words += [f"-i {entry.interface}"] if entry.interface else []
    words += [f"! -i {entry.not_interface}"] if entry.not_interface else []
    words += [f"-m mac --mac-source {entry.mac}"] if entry.mac else []
    words += [f"--sport {entry.source_ports}"] if entry.source_ports else []
    return iptables.rule(" ".join([*words, f"--dport {entry.ports}", "-j ACCEPT"]))


def sources(table: Table) -> tuple[IPv4Address, ...]:
    """An address of every region the rules tell apart, the stranger's first: ends of networks, and their neighbours."""
    found: set[IPv4Address] = set()
    for rule in table.rules:
        for option in ("-s", "-d"):
            clause = rule.get(option)
            if clause is not None:
                network = IPv4Network(clause.values[0], strict=False)
                first, last = int(network[0]), int(network[-1])
                found |= {IPv4Address(n) for n in (first - 1, first, last, last + 1) if 0 < n < 2**32 - 1}
    return (STRANGER, *sorted(found - {STRANGER}))


def interfaces(table: Table, network: Network | None) -> tuple[str, ...]:
    """Those in use, those rules name, negated or not, and one nobody has heard of; never the loopback."""
    clauses = (rule.get(option) for rule in table.rules for option in ("-i", "-o"))
    named = {clause.values[0].rstrip("+") for clause in clauses if clause is not None}
    used = set(network.used) if network else set()
    return tuple(sorted({*used, *named, "other0"} - {"lo", ""}))


def states(table: Table) -> tuple[str, ...]:
    """States worth a walk."""
    spoken = {
        value
        for rule in table.rules
        for clause in rule.clauses
        if clause.option in ("--state", "--ctstate")
        for value in clause.values[0].split(",")
    }
    return ("NEW", *(state for state in _STATES if state in spoken))


def entries(
    table: Table, network: Network | None, port: int, protocol: str, inside: tuple[IPv4Network, ...] = ()
) -> Iterator[tuple[Packet, Verdict]]:
    """Every packet from outside some networks that gets in, or may, to a port; one for each deciding rule."""
    told: set[str] = set()
    names, spoken = interfaces(table, network), states(table)
    for source in sources(table):
        if source in LOOPBACK or any(source in allowed for allowed in inside):
            continue
        for interface in names:
            for state in spoken:
                packet = Packet(source, interface, protocol, port, state)
                found = opening(table, "INPUT", packet)
                if found and found.reason not in told:
                    told.add(found.reason)
                    yield packet, found


def is_let_in(table: Table, packet: Packet) -> bool:
    """Whether a packet gets in for certain."""
    return refusal(table, "INPUT", packet) is None


def networks(texts: tuple[str, ...]) -> tuple[IPv4Network, ...]:
    """Networks of a release; `PipelineError` names one that is none."""
    try:
        return tuple(IPv4Network(text, strict=False) for text in texts)
    except ValueError as error:
        raise PipelineError(f"VPN network: {error}", "write gateway.toml [firewall] vpn as 10.234.0.0/16") from None
