"""Whether a gateway reaches the broker that hands out its credentials: what the firewall closes, it may need."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from ipaddress import IPv4Address
from urllib.parse import urlsplit

from pipeline.formats.network.iptables.rules import Table
from pipeline.formats.network.iptables.walk import Packet, Verdict, refusal, walk
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.esf.snapshot import PROVISIONING
from pipeline.rules.esf.snapshot_file import SnapshotFile, on_snapshot
from pipeline.rules.firewall.packets import NO_RULES, STRANGER, firewall
from pipeline.rules.looking import harmless
from pipeline.rules.network.interfaces import Network, file_of, network

_MQTT_PORTS = {"mqtt": 1883, "mqtts": 8883, "tcp": 1883, "ssl": 8883, "ws": 80, "wss": 443}


@on_snapshot()
def _provisioning(found: SnapshotFile, view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Packets to the provisioning broker get out, and its answers in (A:116, A:162)."""
    del expected
    rules = firewall(view, layout)
    table = rules.filter if rules else None
    if rules is None or table is None:
        return Judgement.not_applicable(NO_RULES)
    around = network(view, layout)
    instances = [item for item in found.snapshot.instances_of(PROVISIONING) if item.text("broker-url")]
    if not instances:
        return Judgement.not_applicable("no provisioning broker is named (see snapshot.provisioning)")
    breaches: list[Breach] = []
    for item in instances:
        host, port = _broker(item.text("broker-url"))
        if not host:
            continue  # snapshot.provisioning says so
        line = found.line(item.pid, "broker-url")
        for what, verdict in _blocked(table, around, host, port):
            shown = f"{what}: {harmless(verdict.reason)}"
            breaches.append(Breach(rules.path, rules.line(verdict), shown, f"reachable: {found.path} names it"))
            breaches.append(Breach(found.path, line, f"broker on port {port}, which {rules.path} shuts off", "reached"))
        if not _is_wide(around):
            breaches.append(Breach(found.path, line, "no interface leads to a broker", "a WAN interface in use"))
            breaches.append(Breach(file_of(around, layout), 0, f"none is a WAN: {found.path} names a broker", "one"))
    return Judgement.of(breaches, "the broker is reached, and its answers come back")


def _broker(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port or _MQTT_PORTS.get(parts.scheme, 8883)
    except ValueError:
        return "", 0


def _is_wide(around: Network) -> bool:
    known = [around.status(name) for name in around.used]
    return not any(known) or "netIPv4StatusEnabledWAN" in known


def _blocked(table: Table, around: Network, host: str, port: int) -> Iterator[tuple[str, Verdict]]:
    """What keeps a connection from going out or its answers from coming in, on every way out."""
    address = _address(host)
    ways = [name for name in around.used if around.status(name) in ("netIPv4StatusEnabledWAN", "")] or [*around.used]
    questions = [("tcp", port, address, f"port {port} of the broker")]
    if address is None:
        questions.append(("udp", 53, None, "names: port 53"))
    for protocol, number, destination, what in questions:
        shut = [_refused_out(table, name, protocol, number, destination) for name in ways]
        if shut and all(shut):
            yield from ((f"{what} is shut", verdict) for verdict in shut[:1] if verdict)
    answers = [refusal(table, "INPUT", Packet(STRANGER, name, "tcp", 40000, "ESTABLISHED")) for name in ways]
    if answers and all(answers):
        yield from (("answers are dropped", verdict) for verdict in answers[:1] if verdict)


def _refused_out(table: Table, name: str, protocol: str, port: int, destination: IPv4Address | None) -> Verdict | None:
    """The verdict that certainly stops a packet of the gateway's own; None when it may get out."""
    # A rule about the interface it comes in by says nothing of a packet made here: the name of none stands for it.
    packet = Packet(IPv4Address("192.0.2.2"), "", protocol, port, "NEW", destination, name)
    ends = walk(table, "OUTPUT", packet)
    if any(end.target == "ACCEPT" for end in ends):
        return None
    return ends[0] if ends[0].target in ("DROP", "REJECT") else None


def _address(host: str) -> IPv4Address | None:
    try:
        return IPv4Address(host)
    except ipaddress.AddressValueError:
        return None


RULES: tuple[Rule, ...] = (
    Rule(
        id="reachability.provisioning",
        title="the provisioning broker is reached",
        why="A gateway that cannot reach its broker never gets credentials, and somebody has to visit it.",
        severity=Severity.HIGH,
        documents=("A:116", "A:162"),
        references=("62443 EDR 3.12",),
        profile="documents",
        check=_provisioning,
        remedy="let OUTPUT and answers through",
        enforced_by="firewall",
    ),
)
