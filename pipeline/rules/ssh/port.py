"""Where SSH listens: on one port of 49152 to 65535, whoever opens it (A:76 to A:84)."""

from __future__ import annotations

import re

from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.kernel import parameters
from pipeline.rules.ssh import dropbear, sshd, starters

FIRST, LAST = 49152, 65535
READS = (
    *sshd.READS,
    *dropbear.READS,
    *parameters.READS,
    *starters.READS,
)

Place = tuple[int, str, int]  # port, file, line


def ssh_ports(view: ImageView) -> tuple[tuple[Place, ...], tuple[Breach, ...], tuple[str, ...]]:
    """Every port on which something of SSH listens, whatever opens it; what nobody can read; what is unclear."""
    found: list[Place] = []
    odd: list[Breach] = []
    unclear: list[str] = []
    server, small = sshd.daemon(view), dropbear.dropbear(view)
    sockets = [*starters.sockets(view)]
    activated = any("dropbear" not in path for _, path, _ in sockets)
    if server is not None and not activated:
        for place in sshd.listening(view, server):
            if isinstance(place, Breach):
                odd.append(place)
            else:
                found.append(place)
        unclear += [f"{breach.path} line {breach.line}: {breach.found}" for breach in server.unclear]
    if small is not None and not any("dropbear" in path for _, path, _ in sockets):
        ports = [starters.port_in(argument) for argument in small.flags.get("p", ())] or [22]
        found += [(port, *small.place) for port in ports]
        unclear += [f"{small.place[0]}: flags only a shell could work out"] if small.unclear else []
    elsewhere = (*starters.super_servers(view), *starters.others(view))
    return (*found, *sockets, *elsewhere), tuple(odd), tuple(unclear)


def _port_rule(view: ImageView, expected: Expected) -> Judgement:
    places, odd, unclear = ssh_ports(view)
    if not places and not odd and not unclear:
        if sshd.daemon(view) is None and dropbear.dropbear(view) is None:
            return Judgement.not_applicable("the image has no SSH server")
        return Judgement.not_applicable("nothing of SSH listens")
    wanted = str(expected.ssh_port) if expected.ssh_port else f"a port from {FIRST} to {LAST}"
    breaches = list(odd)
    two = starters.both(view)
    if two is not None:
        breaches.append(Breach(two[1], 0, f"dropbear starts beside OpenSSH's server ({two[0]})", "one SSH server"))
    for port, path, line in places:
        if (expected.ssh_port and port != expected.ssh_port) or not FIRST <= port <= LAST:
            breaches.append(Breach(path, line, f"SSH listens on port {port}", wanted))
    if not breaches and len({port for port, _, _ in places}) > 1:
        for port, path, line in places:
            breaches.append(Breach(path, line, f"SSH listens on port {port} and on others", "one port"))
    if unclear and not breaches:
        return Judgement.unverifiable("; ".join(unclear))
    return Judgement.of(breaches, ", ".join(f"{port} ({path})" for port, path, _ in places))


def _reserved(view: ImageView, expected: Expected) -> Judgement:
    del expected
    places, _, _ = ssh_ports(view)
    first, last, _ = _range(view)
    wanted = sorted({port for port, _, _ in places if first <= port <= last})
    if not wanted:
        return Judgement.not_applicable(f"no port of SSH lies in the range handed out to clients, {first} to {last}")
    reader = parameters.reader(view)
    if reader is None:
        return Judgement.unverifiable("nothing in the image reads sysctl.conf at boot, as far as can be seen")
    setting = parameters.in_effect(view, "net.ipv4.ip_local_reserved_ports")
    reserved = _numbers(setting.value) if setting else []
    missing = [port for port in wanted if not any(low <= port <= high for low, high in reserved)]
    path, line = (setting.path, setting.line) if setting else ("/etc/sysctl.conf", 0)
    return Judgement.of(
        [
            Breach(path, line, f"port {port} can be taken by a client before sshd starts", "reserved")
            for port in missing
        ],
        f"{', '.join(map(str, wanted))} reserved",
    )


def _range(view: ImageView) -> tuple[int, int, str]:
    """The ports handed out to clients: Linux's own default unless something sets it."""
    setting = parameters.in_effect(view, "net.ipv4.ip_local_port_range")
    found = re.fullmatch(r"(\d+)\s+(\d+)", setting.value) if setting else None
    return (int(found[1]), int(found[2]), setting.path) if found and setting else (32768, 60999, "")


def _numbers(text: str) -> list[tuple[int, int]]:
    found = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match:
            found.append((int(match[1]), int(match[2] or match[1])))
    return found


RULES = (
    Rule(
        id="ssh.port",
        title="SSH listens on one port from 49152 to 65535, whoever opens it",
        why=(
            "Port 22 is what scanners try first; the documents ask for a port outside the registered range. A port the "
            "firewall does not expect also locks people out."
        ),
        severity=Severity.MEDIUM,
        documents=("A:76", "A:84"),
        references=("ETSI 5.6-1", "62443 CR 7.7", "CaC sshd_set_port"),
        profile="documents",
        check=_port_rule,
        remedy="[ssh] port in gateway.toml, not by appending: Port adds up; of two servers, dropbear under [services]",
        conflict="obscurity only: benchmarks leave the port alone; see services.reserved_ports",
        enforced_by="ssh",
    ),
    Rule(
        id="services.reserved_ports",
        title="the port of SSH cannot be taken by a client's connection first",
        why=(
            "The kernel may give SSH's port to an outgoing connection before sshd starts. The server then cannot "
            "listen, and the gateway cannot be reached until the next boot."
        ),
        severity=Severity.MEDIUM,
        documents=("A:84",),
        references=("Linux ip-sysctl: ip_local_reserved_ports",),
        profile="documents",
        check=_reserved,
        remedy="net.ipv4.ip_local_reserved_ports = <port> in /etc/sysctl.d",
        enforced_by="services",
    ),
)
