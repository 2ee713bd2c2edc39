"""Interfaces nobody uses are off, and all places agree on which those are (A:118, A:181 to A:199)."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from pipeline.formats.network import dhcpd_conf
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.esf.installation import on_network
from pipeline.rules.firewall.packets import firewall
from pipeline.rules.looking import harmless
from pipeline.rules.network.files import per_interface
from pipeline.rules.network.interfaces import DISABLED, PID, Network, network

_FLAGS = (
    "config.dhcpServer4.enabled",
    "config.dhcpServer4.passDns",
    "config.nat.enabled",
    "config.wifi.mode",
)
_BY_SNAPSHOT = "the snapshot alone decides; the files are made from it"


def _unused(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Disabled means: not started, no server for it, no rule that lets its packets in (A:118)."""
    del expected
    around = network(view, layout)
    if not around.names:
        return Judgement.not_applicable("the image speaks of no interfaces")
    breaches = []
    for name in around.disabled:
        if around.file and around.is_started(name):
            breaches.append(Breach(around.file[0].path, around.started_at(name), f"{name} is started", "disabled"))
        breaches += [
            Breach(file.path, 0, f"{name} is disabled, and this would serve it", "not there")
            for _, interface, file in per_interface(view)
            if interface == name
        ]
        breaches += _let_in(view, layout, name)
    breaches += _unknown(around)
    off = ", ".join(around.disabled) or "none"
    return Judgement.of(breaches, f"disabled: {off}; in use: {', '.join(around.used) or 'none'}")


def _let_in(view: ImageView, layout: Layout, name: str) -> Iterator[Breach]:
    found = firewall(view, layout)
    for rule in found.filter.rules if found and found.filter else ():
        if found and rule.target == "ACCEPT" and name in rule.interfaces():
            shown = f"{name} is disabled, and this lets its packets in: {harmless(rule.text)}"
            yield Breach(found.path, found.base or rule.line, shown, "not there")


def _unknown(around: Network) -> Iterator[Breach]:
    """Interfaces Linux starts and ESF knows nothing of."""
    if around.by_snapshot or around.kura is None or around.file is None:
        return
    for name in around.names:
        if around.is_started(name) and not around.status(name):
            shown = f"{name} is started, and {around.kura[0].path} does not know it"
            yield Breach(around.file[0].path, around.started_at(name), shown, "used, or disabled")


def _agreement(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Whenever the snapshot is applied, it overwrites the files: it must say the same of each interface (formats 2)."""
    del expected
    around = network(view, layout)
    if around.by_snapshot:
        return Judgement.not_applicable(_BY_SNAPSHOT)
    if around.kura is None or around.snapshot is None:
        return Judgement.not_applicable(f"there is no kuranet.conf, or no {PID} in the snapshot")
    breaches = []
    for name in around.names:
        status, other = around.status(name), around.snapshot_status(name)
        file, _ = around.snapshot
        line = file.line(PID, f"net.interface.{name}.config.ip4.status")
        if status and other and status != other:
            breaches.append(Breach(around.kura[0].path, around.kura_line(name), f"{name}: {status}", f"as {file.path}"))
            breaches.append(Breach(file.path, line, f"{name}: {other}", f"as {around.kura[0].path}"))
        elif other == DISABLED and not status:
            breaches.append(Breach(around.kura[0].path, 0, f"{name} is not disabled, as in {file.path}", DISABLED))
        if not around.is_disabled(name):
            breaches += [*_addresses(around, name), *_flags(around, name), *_leases(around, name, view)]
    return Judgement.of(breaches, f"snapshot and files agree on {', '.join(around.names)}")


def _addresses(around: Network, name: str) -> Iterator[Breach]:
    stanza = around.stanza(name)
    if stanza is None or around.snapshot is None or around.file is None:
        return
    file, configuration = around.snapshot
    key = f"net.interface.{name}.config.ip4.address"
    stated, live = configuration.text(key), (stanza.get("address") or "").partition("/")[0]
    if stanza.words[2] == "static" and stated and live and stated != live:
        yield Breach(file.path, file.line(PID, key), f"{name}: address {stated}", f"{live}, as {around.file[0].path}")
        yield Breach(around.file[0].path, stanza.line, f"{name}: address {live}", f"{stated}, as {file.path}")
    prefix, netmask = configuration.text(f"net.interface.{name}.config.ip4.prefix"), stanza.get("netmask") or ""
    if stanza.words[2] == "static" and prefix and netmask and _prefix(netmask) != prefix:
        key = f"net.interface.{name}.config.ip4.prefix"
        yield Breach(file.path, file.line(PID, key), f"{name}: prefix {prefix}", f"that of {netmask}")
        yield Breach(around.file[0].path, stanza.line_of("netmask"), f"{name}: netmask {netmask}", f"of {prefix} bits")


def _prefix(netmask: str) -> str:
    try:
        return str(IPv4Network(f"0.0.0.0/{netmask}").prefixlen)
    except ValueError:
        return ""


def _flags(around: Network, name: str) -> Iterator[Breach]:
    """What both ``kuranet.conf`` and the snapshot say with one word."""
    if around.kura is None or around.snapshot is None:
        return
    kura, told = around.kura
    file, configuration = around.snapshot
    for key in _FLAGS:
        one, full = told.get(name, key), f"net.interface.{name}.{key}"
        other = configuration.text(full)
        if one and other and one != other:
            yield Breach(kura.path, told.line_of(name, key), f"{name}: {key} is {harmless(one)}", f"as {file.path}")
            yield Breach(file.path, file.line(PID, full), f"{name}: {key} is {harmless(other)}", f"as {kura.path}")


def _leases(around: Network, name: str, view: ImageView) -> Iterator[Breach]:
    """The DHCP server's file, and what the snapshot would make of it."""
    if around.snapshot is None or not around.serves(name):
        return
    file, configuration = around.snapshot
    for _, interface, served in per_interface(view, "dhcpd"):
        if interface != name:
            continue
        server = dhcpd_conf.parse(served.text, served.path)
        prefix = f"net.interface.{name}.config.dhcpServer4"
        for key, live, line in (
            (f"{prefix}.rangeStart", str(server.first), server.lines.get("range", 0)),
            (f"{prefix}.rangeEnd", str(server.last), server.lines.get("range", 0)),
        ):
            stated = configuration.text(key)
            if stated and stated != live:
                yield Breach(file.path, file.line(PID, key), f"{key} is {harmless(stated)}", f"{live}: {served.path}")
                yield Breach(served.path, line, f"{name}: {live}", f"{harmless(stated)}, as {file.path}")


RULES: tuple[Rule, ...] = (
    Rule(
        id="network.unused",
        title="interfaces that are not used are disabled everywhere",
        why="An interface nobody uses is a socket nobody watches: whoever plugs in is on the inside.",
        severity=Severity.MEDIUM,
        documents=("A:118",),
        references=("ETSI 5.6-1", "62443 CR 7.7", "CRA I.1(2)(j)"),
        profile="documents",
        check=on_network(_unused),
        remedy='state = "disabled" for the interface in devices.toml',
        enforced_by="network",
    ),
    Rule(
        id="network.interface",
        title="snapshot and network files agree",
        why=(
            "Where snapshot and network files differ, the gateway's address changes with the first save in the "
            "console, and it is lost."
        ),
        severity=Severity.MEDIUM,
        documents=("A:181", "A:183", "A:193"),
        references=("62443 CR 7.6",),
        profile="documents",
        check=on_network(_agreement),
        remedy="save the interface once in the golden sample's console, and export again",
        enforced_by="network",
    ),
)
