"""Whether the golden sample's firewall file says what its snapshot, ``kuranet.conf`` and DHCP servers say.

Only golden samples that have their network in files are asked: where the snapshot decides, the file is made from it.
A disagreement names both places with their lines.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network

from pipeline.errors import PipelineError, Problem
from pipeline.formats.esf import esf_snapshot, firewall_ports, kuranet
from pipeline.formats.esf.esf_snapshot import Configuration
from pipeline.formats.esf.firewall_ports import Nat, OpenPort, PortForward
from pipeline.formats.network import dhcpd_conf
from pipeline.formats.network.iptables import text as iptables
from pipeline.formats.network.iptables.flat import flat
from pipeline.formats.network.iptables.rules import Ports, Rule, Ruleset, Table, parse_ports, subtract
from pipeline.formats.network.iptables.walk import Packet, refusal
from pipeline.model.claim import Place
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layout import Layout
from pipeline.transforms.firewall.network_facts import ANYWHERE, translated_to
from pipeline.transforms.firewall.saving import unkept
from pipeline.transforms.firewall.settings import PID, forwards, open_ports, translations

_REMEDY = "save the firewall once in the golden sample's console, so that ESF writes both anew, and export again"
IPTABLES = GuestPath("/etc/sysconfig/iptables")
_DHCPD = re.compile(r"/etc/dhcpd-([^/]+)\.conf")
_NAMES = 53
_LAN, _WAN = "netIPv4StatusEnabledLAN", "netIPv4StatusEnabledWAN"


def contradictions(golden: Golden, layout: Layout) -> list[Problem]:
    """What the export's firewall file contradicts, the same for all gateways, told before anything is built.

    Files that are missing or cannot be read are told by `restrict`.
    """
    content = golden.network.get(IPTABLES)
    if layout.network_truth != "files" or content is None:
        return []
    try:
        rules = iptables.parse(saved_text(content, layout), f"golden: {IPTABLES}")
        return list(disagreements(golden, rules, layout, f"golden: {IPTABLES}"))
    except PipelineError as error:
        return list(error.problems)


def saved_text(content: bytes, layout: Layout) -> str:
    """The golden sample's file without what Kura 5.0 itself spoils it with.

    For a translation without masquerading it writes ``-A`` and no more (NatPostroutingChainRule.toString, 5.0.0 line
    169), for one of all protocols ``-m all`` (FilterForwardChainRule.toStrings); iptables-restore refuses both. It
    applies its settings when it starts, so the gateway runs what can be run all the same.
    """
    text = content.decode("utf-8", "replace")
    return re.sub(r"(?m)^-A[ \t]*$|(?<= )-m all ", "", text) if layout.generation == "C" else text


@dataclass(frozen=True)
class _File:
    """The firewall file: its rules, how messages call it, and its tables."""

    rules: Ruleset
    where: str

    def table(self, name: str) -> Table | None:
        return self.rules.table(name)

    def at(self, rule: Rule) -> Place:
        return Place(self.where, rule.line)

    def around(self, table: str, chain: str) -> Place:
        """Where a rule would stand that is not there: with the first of its chain."""
        found = self.table(table)
        return Place(self.where, next((rule.line for rule in (found.of(chain) if found else ())), 0))


def disagreements(golden: Golden, rules: Ruleset, layout: Layout, where: str) -> Iterator[Problem]:
    """Everything the file contradicts.

    Args:
        where: how messages call the file.
    """
    file = _File(rules, where)
    yield from unkept(rules, layout, where)
    yield from _snapshot(golden, file, layout)
    yield from _translation(golden, file, layout)
    yield from _names(golden, file, layout)


def _snapshot(golden: Golden, file: _File, layout: Layout) -> Iterator[Problem]:
    """Applied again, the snapshot's settings overwrite the file (formats 2)."""
    if not golden.snapshot:
        return  # the snapshot's own transform refuses that
    component = _component(golden.snapshot, layout.generation)
    if component is None:
        return

    def place(name: str) -> Place:
        prop = component.get(name)
        return golden.setting_place(PID, name, prop.line if prop else 0)

    filtering, nat = file.table("filter"), file.table("nat")
    name = "firewall.open.ports"
    if component.get(name) is not None:
        at = place(name)
        stated = firewall_ports.parse_open_ports(component.text(name), f"{at}: {name}")
        yield from _ports(stated, at, list(open_ports(filtering)), file)
    name = "firewall.port.forwarding"
    if component.get(name) is not None:
        at = place(name)
        led = firewall_ports.parse_port_forwarding(component.text(name), f"{at}: {name}")
        found = {_forward(entry): rule for rule, entry in forwards(nat, filtering)}
        yield from _same({_forward(entry) for entry in led}, found, found.keys(), name, at, file, "PREROUTING")
    name = "firewall.nat"
    if component.get(name) is not None:
        at = place(name)
        yield from _translated(firewall_ports.parse_nat(component.text(name), f"{at}: {name}"), name, at, file)


def _translated(stated: tuple[Nat, ...], name: str, at: Place, file: _File) -> Iterator[Problem]:
    """An entry that does not masquerade has its rules in FORWARD only; one for all protocols is read back as none."""
    filtering, nat = file.table("filter"), file.table("nat")
    found = {_nat(entry): rule for rule, entry in translations(nat, filtering)}
    masked = {_way(rule) for rule in flat(nat, "POSTROUTING") if rule.target == "MASQUERADE" and rule.value("-o")}
    through = {_way(rule) for rule in flat(filtering, "FORWARD") if rule.target == "ACCEPT"}
    made = {_nat(entry) for entry in stated}
    kept = {entry for entry in made if (entry in masked if _masks(entry, stated) else entry in through)}
    yield from _same(made, found, kept, name, at, file, "POSTROUTING")


def _masks(entry: tuple[str, ...], stated: Iterable[Nat]) -> bool:
    return any(_nat(one) == entry and one.masquerade == "true" for one in stated)


@lru_cache(maxsize=2)
def _component(content: bytes, generation: str) -> Configuration | None:
    """The firewall's settings; read once for all gateways of a release."""
    snapshot = esf_snapshot.read(content, generation, "golden: snapshot").snapshot
    return snapshot.get(PID) if snapshot else None


def _ports(
    stated: Iterable[OpenPort], at: Place, written: list[tuple[Rule, OpenPort]], file: _File
) -> Iterator[Problem]:
    """Ranges are compared as what they open, however they are cut."""
    left: dict[Hashable, Ports] = {}
    right: dict[Hashable, Ports] = {}
    stated = list(stated)
    for entry in stated:
        left[_who(entry)] = (*left.get(_who(entry), ()), *parse_ports(entry.ports))
    for _, entry in written:
        right[_who(entry)] = (*right.get(_who(entry), ()), *parse_ports(entry.ports))
    near = file.around("filter", "INPUT")
    for entry in stated:
        for first, last in subtract(parse_ports(entry.ports), right.get(_who(entry), ())):
            told = f"firewall.open.ports opens {_said(entry, first, last)}"
            yield Problem(f"{at}: {told}, but neither {near} nor another INPUT rule does", _REMEDY)
    for rule, entry in written:
        for first, last in subtract(parse_ports(entry.ports), left.get(_who(entry), ())):
            told = f"opens {_said(entry, first, last)}"
            yield Problem(f"{file.at(rule)}: {told}, but firewall.open.ports in {at} does not", _REMEDY)


def _who(entry: OpenPort) -> Hashable:
    """For whom an entry opens its ports."""
    return (
        entry.protocol or "tcp", _network(entry.network), entry.interface, entry.not_interface, entry.mac.lower(),
        _range(entry.source_ports),
    )  # fmt: skip


def _said(entry: OpenPort, first: int, last: int) -> str:
    ports = str(first) if first == last else f"{first} to {last}"
    words = [f"{ports}/{entry.protocol or 'tcp'}"]
    words += [f"to {_network(entry.network)}"] if _network(entry.network) else []
    words += [f"on {entry.interface}"] if entry.interface else []
    words += [f"on all but {entry.not_interface}"] if entry.not_interface else []
    words += [f"to {entry.mac}"] if entry.mac else []
    words += [f"from ports {entry.source_ports}"] if entry.source_ports else []
    return " ".join(words)


def _same(
    stated: Collection[tuple[str, ...]],
    written: Mapping[tuple[str, ...], Rule],
    kept: Collection[tuple[str, ...]],
    name: str,
    at: Place,
    file: _File,
    chain: str,
) -> Iterator[Problem]:
    """Entries of the snapshot the file does not keep, and such of the file that the snapshot has not."""
    near = file.around("nat", chain)
    for entry in sorted(set(stated) - set(kept)):
        told = " ".join(filter(None, entry))
        yield Problem(f"{at}: {name} has {told}, but neither {near} nor another {chain} rule has", _REMEDY)
    for entry in sorted(written.keys() - set(stated)):
        yield Problem(f"{file.at(written[entry])}: {' '.join(filter(None, entry))}: is not in {name} of {at}", _REMEDY)


def _forward(entry: PortForward) -> tuple[str, ...]:
    # Where it leaves by, and whether it is masqueraded, is in other rules that need not be there.
    return (
        entry.in_interface, entry.protocol, entry.in_port, entry.address, entry.out_port, _network(entry.network),
        entry.mac.lower(), _range(entry.source_ports),
    )  # fmt: skip


def _nat(entry: Nat) -> tuple[str, ...]:
    return (entry.out_interface, _protocol(entry.protocol), _network(entry.source), _network(entry.destination))


def _way(rule: Rule) -> tuple[str, ...]:
    return (rule.value("-o"), _protocol(rule.value("-p")), _network(rule.value("-s")), _network(rule.value("-d")))


def _protocol(name: str) -> str:
    return "" if name == "all" else name


def _range(ports: str) -> str:
    """``1000:1000`` is written as ``1000`` by iptables-save."""
    low, _, high = ports.partition(":")
    return low if low == high else ports


def _network(text: str) -> str:
    """A network in one form; empty for everybody."""
    if not text:
        return ""
    try:
        network = IPv4Network(text, strict=False)
    except ValueError:
        return text
    return "" if network.prefixlen == 0 else str(network)


def _translation(golden: Golden, file: _File, layout: Layout) -> Iterator[Problem]:
    """``kuranet.conf`` says whose packets are translated, and by which interface they leave (formats 6)."""
    content = golden.network.get(layout.kuranet) if layout.kuranet else None
    if content is None:
        return
    where = f"golden: {layout.kuranet}"
    try:
        conf = kuranet.parse(content.decode("utf-8", "replace"), where)
    except PipelineError:
        return  # the network's own transform names it
    nat = file.table("nat")
    masks = [rule for rule in flat(nat, "POSTROUTING") if rule.target == "MASQUERADE"]
    wanted: dict[str, Place] = {}
    for name in conf.interfaces:
        out = translated_to(conf, name)
        if out in ("", ANYWHERE):
            continue
        at = Place(where, conf.line_of(name, "config.nat.dst.interface"))
        wanted.setdefault(out, at)
        if not any(rule.value("-o") == out for rule in masks):
            near = file.around("nat", "POSTROUTING")
            yield Problem(
                f"{at}: {name} is translated to {out}, but neither {near} nor another POSTROUTING rule does that",
                _REMEDY,
            )
    yield from _unasked(conf, where, masks, wanted, file)


def _unasked(
    conf: kuranet.Kuranet, where: str, masks: Iterable[Rule], wanted: Mapping[str, Place], file: _File
) -> Iterator[Problem]:
    """A rule for whole interfaces, of which ``kuranet.conf`` knows nothing; others are ``firewall.nat``'s.

    Where it does not know the interface, as it leaves the factory, it may be any.
    """
    if any(translated_to(conf, name) == ANYWHERE for name in conf.interfaces):
        return
    told = [entry.line for entry in conf.entries if entry.key.endswith(".config.nat.enabled")]
    for rule in masks:
        out = rule.value("-o")
        named = any(rule.value(option) for option in ("-p", "-s", "-d"))  # an entry of firewall.nat's
        if told and out and not named and out not in wanted:
            yield Problem(
                f"{file.at(rule)}: translates everything that leaves by {out}, "
                f"but neither {Place(where, told[0])} nor another interface there asks for it",
                _REMEDY,
            )


def _names(golden: Golden, file: _File, layout: Layout) -> Iterator[Problem]:
    """Clients that a DHCP server sends to this gateway for names get through to its name server.

    Leases need no rule: ISC's server takes its packets before the firewall sees them.
    """
    filtering = file.table("filter")
    for path, content in sorted(golden.network.items()):
        found = _DHCPD.fullmatch(path)
        if found is None or filtering is None:
            continue
        try:
            server = dhcpd_conf.parse(content.decode("utf-8", "replace"), f"golden: {path}")
        except PipelineError:
            continue  # the network's own transform names it
        own = set(server.dns) & set(server.routers)
        if not own or not _serves(golden, layout, found[1]):
            continue
        refused = refusal(filtering, "INPUT", Packet(server.first, found[1], "udp", _NAMES, destination=min(own)))
        if refused is not None and refused.certain:
            rule = file.at(refused.rule) if refused.rule and refused.rule.line else file.around("filter", "INPUT")
            yield Problem(
                f"{Place(f'golden: {path}', server.lines.get('option domain-name-servers', 0))}: clients on {found[1]} "
                f"ask {min(own)} for names, but the INPUT rules ({rule}) refuse them: {refused.reason}",
                "open port 53/udp on the interface in the golden sample's console, or stop passing DNS on",
            )


def _serves(golden: Golden, layout: Layout, name: str) -> bool:
    """Whether Kura starts the server: on a LAN's interface, unless ``kuranet.conf`` says otherwise."""
    content = golden.network.get(layout.kuranet) if layout.kuranet else None
    if content is None:
        return True
    try:
        conf = kuranet.parse(content.decode("utf-8", "replace"), "")
    except PipelineError:
        return True  # the network's own transform names it
    status = conf.get(name, "config.ip4.status")
    wide = status == _WAN and not conf.get(name, "config.wifi.mode")
    off = conf.get(name, "config.dhcpServer4.enabled").lower() not in ("", "true")
    return not off and not wide and status in ("", _LAN, _WAN)
