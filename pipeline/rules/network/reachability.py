"""Whether a gateway can still be reached and can reach its cloud: what one rule closes, another may need (threats 28).

A gateway that fails one of these could only be mended by visiting it. Each failure names both files.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface
from urllib.parse import urlsplit

from pipeline.formats.network import dhcpd_conf
from pipeline.formats.network.iptables.rules import Table
from pipeline.formats.network.iptables.walk import Packet, Verdict, refusal, walk
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule
from pipeline.rules.esf.installation import document, on_network
from pipeline.rules.esf.snapshot import PROVISIONING
from pipeline.rules.esf.snapshot_file import SnapshotFile, on_snapshot
from pipeline.rules.firewall.packets import (
    LOOPBACK,
    OSGI_CONSOLE,
    STRANGER,
    Firewall,
    firewall,
    is_let_in,
    networks,
    of_document,
    sources,
)
from pipeline.rules.looking import harmless
from pipeline.rules.network.files import per_interface
from pipeline.rules.network.interfaces import Network, network
from pipeline.rules.ssh.port import ssh_ports

_MQTT_PORTS = {"mqtt": 1883, "mqtts": 8883, "tcp": 1883, "ssl": 8883, "ws": 80, "wss": 443}
_NO_RULES = "no firewall rules: nothing is closed (see firewall.readable)"


def _ssh(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """SSH listens on a port the firewall lets in (A:84, A:113; threats 28)."""
    found = firewall(view, layout)
    table = found.filter if found else None
    if found is None or table is None:
        return Judgement.not_applicable(_NO_RULES)
    places, _, _ = ssh_ports(view)
    around = network(view, layout)
    if not places:
        return Judgement.not_applicable("nothing of SSH listens in this image (see ssh.starts)")
    if not around.used:
        return Judgement.failed(Breach(_file_of(around, layout), 0, "no interface is in use", "one people come in by"))
    if any(_is_reached(table, around, port) for port, _, _ in places):
        return Judgement.passed(f"SSH on port {places[0][0]} ({places[0][1]}) is let in by {found.path}")
    breaches = [
        Breach(
            path, line, f"SSH listens on port {port}, which {found.path} lets in from nowhere", "a port that is open"
        )
        for port, path, line in places
    ]
    wanted = expected.ssh_port or places[0][0]
    decided = _shut(table, Packet(STRANGER, around.used[0], "tcp", wanted))
    shown = f"port {wanted}, on which SSH listens by {places[0][1]}, is shut on {', '.join(around.used)}"
    line = decided.rule.line if decided and decided.rule else found.base
    breaches.append(Breach(found.path, line, shown, f"-A INPUT -p tcp --dport {wanted} -j ACCEPT"))
    return Judgement.failed(*breaches)


def _is_reached(table: Table, around: Network, port: int) -> bool:
    return any(
        is_let_in(table, Packet(source, interface, "tcp", port))
        for interface in around.used
        for source in sources(table)
        if source not in LOOPBACK
    )


def _shut(table: Table, packet: Packet) -> Verdict | None:
    return refusal(table, "INPUT", packet)


def _file_of(around: Network, layout: Layout) -> str:
    if around.kura:
        return around.kura[0].path
    return around.snapshot[0].path if around.snapshot else str(layout.snapshots)


def _console(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """From the VPN, the console answers on every interface in use (A:114)."""
    found = firewall(view, layout)
    table = found.filter if found else None
    if found is None or table is None:
        return Judgement.not_applicable(_NO_RULES)
    around = network(view, layout)
    if not around.used:
        return Judgement.failed(Breach(_file_of(around, layout), 0, "no interface is in use", "one the VPN comes by"))
    breaches = []
    for inside in networks(expected.vpn):
        for port in layout.console_ports:
            for interface in around.used:
                packet = Packet(inside[min(1, inside.num_addresses - 1)], interface, "tcp", port)
                decided = _shut(table, packet)
                if decided is not None:
                    shown = f"port {port} is shut to {packet.source} on {interface}: {harmless(decided.reason)}"
                    breaches.append(Breach(found.path, found.line(decided), shown, f"open to {inside}"))
                    shown = f"{interface} is in use, and {found.path} shuts the console on it"
                    place = _file_of(around, layout)
                    breaches.append(Breach(place, around.kura_line(interface), shown, "reached from the VPN"))
    ports = ", ".join(str(port) for port in layout.console_ports)
    return Judgement.of(breaches, f"port {ports} answers the VPN on {', '.join(around.used)}")


@on_snapshot()
def _provisioning(found: SnapshotFile, view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Packets to the provisioning broker get out, and its answers in (A:116, A:162)."""
    del expected
    rules = firewall(view, layout)
    table = rules.filter if rules else None
    if rules is None or table is None:
        return Judgement.not_applicable(_NO_RULES)
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
            breaches.append(Breach(rules.path, rules.line(verdict), shown, f"reached: {found.path} wants it"))
            breaches.append(Breach(found.path, line, f"broker on port {port}, which {rules.path} shuts off", "reached"))
        if not _is_wide(around):
            breaches.append(Breach(found.path, line, "no interface leads to a broker", "a WAN interface in use"))
            breaches.append(Breach(_file_of(around, layout), 0, f"none is a WAN: {found.path} wants a broker", "one"))
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


def _leases(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Who serves leases must be asked for them: DHCP, and DNS where it names itself (A:185, A:190)."""
    del expected
    found = firewall(view, layout)
    table = found.filter if found else None
    if found is None or table is None:
        return Judgement.not_applicable(_NO_RULES)
    around = network(view, layout)
    files = per_interface(view, "dhcpd", "udhcpd")
    servers = [(name, file) for _, name, file in files if name in around.used and around.serves(name)]
    if not servers:
        return Judgement.not_applicable("no DHCP server is configured for an interface in use")
    breaches = []
    for name, file in servers:
        # Before it has an address, a client asks from 0.0.0.0.
        asked = [(67, "udp", IPv4Address("0.0.0.0"))]  # noqa: S104 - a client's source, nothing is bound
        inside = _network_of(around, name)
        if inside and "udhcpd" not in file.path and dhcpd_conf.parse(file.text, file.path).pass_dns:
            asked.append((53, "udp", inside.network[min(2, inside.network.num_addresses - 1)]))
        for port, protocol, source in asked:
            decided = refusal(table, "INPUT", Packet(source, name, protocol, port))
            if decided is not None:
                shown = f"{protocol} port {port} is shut on {name}: {harmless(decided.reason)}"
                breaches.append(Breach(found.path, found.line(decided), shown, f"open: {file.path} serves it"))
                breaches.append(Breach(file.path, 0, f"serves {name}, where {found.path} shuts port {port}", "open"))
    return Judgement.of(breaches, f"clients on {', '.join(name for name, _ in servers)} get leases and names")


def _network_of(around: Network, name: str) -> IPv4Interface | None:
    stanza = around.stanza(name)
    address, mask = (stanza.get("address"), stanza.get("netmask")) if stanza else (None, None)
    if not address:
        return None
    try:
        return IPv4Interface(address if "/" in address or not mask else f"{address}/{mask}")
    except ValueError:
        return None


def _loopback(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """The init script stops the framework through its console on the loopback (formats 3.2)."""
    del expected
    found = firewall(view, layout)
    table = found.filter if found else None
    if found is None or table is None:
        return Judgement.not_applicable(_NO_RULES)
    decided = refusal(table, "INPUT", Packet(IPv4Address("127.0.0.1"), "lo", "tcp", OSGI_CONSOLE))
    if decided is None:
        return Judgement.passed("the gateway reaches its own services")
    shown = f"the loopback is shut: {harmless(decided.reason)}"
    return Judgement.failed(Breach(found.path, found.line(decided), shown, "-A INPUT -i lo -j ACCEPT"))


def _after_reset(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """After a factory reset SSH is still let in: the restored firewall knows the port (threats 27 and 28)."""
    del expected
    copy = document(view, f"{layout.restore}/iptables")
    if copy is None:
        return Judgement.not_applicable(f"{view.place(layout.restore)} holds no copy of the firewall")
    restored: Firewall = of_document(copy)
    places, _, _ = ssh_ports(view)
    around = network(view, layout)
    if not places or not around.used or restored.filter is None:
        return Judgement.not_applicable("nothing of SSH listens, or no interface is in use (see reachability.ssh)")
    if any(_is_reached(restored.filter, around, port) for port, _, _ in places):
        return Judgement.passed(f"{copy.path} lets SSH in")
    port, path, line = places[0]
    return Judgement.failed(
        Breach(copy.path, copy.line_of(r"(?m)^:INPUT\b"), f"shuts port {port}, on which SSH listens by {path}", "open"),
        Breach(path, line, f"SSH listens on port {port}, which {copy.path} would shut", "a port that stays open"),
    )


def _interface_up(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """At least one interface people and packets come by is brought up (A:186)."""
    del expected
    around = network(view, layout)
    if around.by_snapshot or around.file is None:
        return Judgement.not_applicable("no /etc/network/interfaces decides what is brought up")
    started = [name for name in around.used if around.is_started(name) or re.match(r"ppp\d", name)]
    if started:
        return Judgement.passed(f"brought up: {', '.join(started)}")
    return Judgement.failed(
        Breach(around.file[0].path, 0, f"starts no interface that {_file_of(around, layout)} uses", "one"),
        Breach(_file_of(around, layout), 0, f"uses no interface that {around.file[0].path} starts", "one"),
    )


RULES: tuple[Rule, ...] = (
    Rule(
        id="reachability.ssh",
        title="the firewall lets SSH in where it listens",
        documents=("A:76", "A:84", "A:113"),
        references=("62443 CR 7.6", "CIS 4.4.2.4"),
        profile="documents",
        check=on_network(_ssh),
        remedy="open the SSH port of the release on the golden sample",
        enforced_by="ssh, firewall",
    ),
    Rule(
        id="reachability.console",
        title="the console answers the VPN",
        documents=("A:114",),
        references=("62443 CR 7.6",),
        profile="documents",
        check=on_network(_console),
        remedy="accept the console's port from the VPN's network",
        enforced_by="firewall",
    ),
    Rule(
        id="reachability.provisioning",
        title="the provisioning broker is reached",
        documents=("A:116", "A:162"),
        references=("62443 EDR 3.12",),
        profile="documents",
        check=_provisioning,
        remedy="let OUTPUT and answers through",
        enforced_by="firewall",
    ),
    Rule(
        id="reachability.leases",
        title="clients of the gateway's networks get leases and names",
        documents=("A:185", "A:190"),
        references=("62443 CR 7.6",),
        profile="documents",
        check=on_network(_leases),
        remedy="open udp 67 and 53 on the interface, or leave its DHCP server off",
        enforced_by="firewall",
    ),
    Rule(
        id="reachability.loopback",
        title="the gateway reaches its own services",
        documents=("A:113", "A:238"),
        references=("62443 CR 7.6",),
        profile="documents",
        check=on_network(_loopback),
        remedy="-A INPUT -i lo -j ACCEPT",
        enforced_by="firewall",
    ),
    Rule(
        id="reachability.after_reset",
        title="after a factory reset SSH is still let in",
        documents=("A:76", "A:113"),
        references=("CRA I.1(2)(b)",),
        profile="documents",
        check=on_network(_after_reset),
        remedy="copy /etc/sysconfig/iptables over the restored copy",
        enforced_by="firewall",
    ),
    Rule(
        id="reachability.interface",
        title="an interface in use is brought up",
        documents=("A:183", "A:186"),
        references=("62443 CR 7.6",),
        profile="documents",
        check=on_network(_interface_up),
        remedy="correct /etc/network/interfaces, or devices.toml",
        enforced_by="network",
    ),
)
