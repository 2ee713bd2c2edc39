"""Whether a gateway can still be reached and can reach its cloud: what one rule closes, another may need (threats 28).

A gateway that fails one of these could only be mended by visiting it. Each failure names both files.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Interface

from pipeline.formats.network import dhcpd_conf
from pipeline.formats.network.iptables.rules import Table
from pipeline.formats.network.iptables.walk import Packet, Verdict, refusal
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.esf.installation import document, on_network
from pipeline.rules.firewall.packets import (
    LOOPBACK,
    NO_RULES,
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
from pipeline.rules.network.interfaces import Network, file_of, network
from pipeline.rules.ssh.port import ssh_ports


def _ssh(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """SSH listens on a port the firewall lets in (A:84, A:113; threats 28)."""
    found = firewall(view, layout)
    table = found.filter if found else None
    if found is None or table is None:
        return Judgement.not_applicable(NO_RULES)
    places, _, _ = ssh_ports(view)
    around = network(view, layout)
    if not places:
        return Judgement.not_applicable("nothing of SSH listens in this image (see ssh.starts)")
    if not around.used:
        return Judgement.failed(Breach(file_of(around, layout), 0, "no interface is in use", "one people come in by"))
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


def _console(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """From the VPN, the console answers on every interface in use (A:114)."""
    found = firewall(view, layout)
    table = found.filter if found else None
    if found is None or table is None:
        return Judgement.not_applicable(NO_RULES)
    around = network(view, layout)
    if not around.used:
        return Judgement.failed(Breach(file_of(around, layout), 0, "no interface is in use", "one the VPN comes by"))
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
                    place = file_of(around, layout)
                    breaches.append(Breach(place, around.kura_line(interface), shown, "reached from the VPN"))
    ports = ", ".join(str(port) for port in layout.console_ports)
    return Judgement.of(breaches, f"port {ports} answers the VPN on {', '.join(around.used)}")


def _leases(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Who serves leases must be asked for them: DHCP, and DNS where it names itself (A:185, A:190)."""
    del expected
    found = firewall(view, layout)
    table = found.filter if found else None
    if found is None or table is None:
        return Judgement.not_applicable(NO_RULES)
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
        return Judgement.not_applicable(NO_RULES)
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
        Breach(around.file[0].path, 0, f"starts no interface that {file_of(around, layout)} uses", "one"),
        Breach(file_of(around, layout), 0, f"uses no interface that {around.file[0].path} starts", "one"),
    )


RULES: tuple[Rule, ...] = (
    Rule(
        id="reachability.ssh",
        title="the firewall lets SSH in where it listens",
        why="A firewall that closes the port SSH listens on locks everybody out from the first boot.",
        severity=Severity.HIGH,
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
        why="If the console does not answer the VPN, people open it to other networks to get their work done.",
        severity=Severity.MEDIUM,
        documents=("A:114",),
        references=("62443 CR 7.6",),
        profile="documents",
        check=on_network(_console),
        remedy="accept the console's port from the VPN's network",
        enforced_by="firewall",
    ),
    Rule(
        id="reachability.leases",
        title="clients of the gateway's networks get leases and names",
        why=(
            "Machines behind the gateway get no address or name and stop working, although the gateway itself looks "
            "healthy."
        ),
        severity=Severity.MEDIUM,
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
        why=(
            "Services talk to each other over the loopback; with it closed, they fail in ways that are hard to explain."
        ),
        severity=Severity.MEDIUM,
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
        why="A factory reset is the last remedy in the field; if it closes SSH, the gateway has to be visited.",
        severity=Severity.HIGH,
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
        why="An interface that is configured and not brought up leaves the gateway out of reach after the first boot.",
        severity=Severity.HIGH,
        documents=("A:183", "A:186"),
        references=("62443 CR 7.6",),
        profile="documents",
        check=on_network(_interface_up),
        remedy="correct /etc/network/interfaces, or devices.toml",
        enforced_by="network",
    ),
)
