"""Where SSH listens: on one port of 49152 to 65535, whoever opens it (A:76 to A:84)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.formats import systemd_unit
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach, Expected, Judgement, Rule
from pipeline.rules import dropbear, kernel, sshd
from pipeline.rules.looking import files, paths, words_of

FIRST, LAST = 49152, 65535
READS = (
    *sshd.READS,
    *dropbear.READS,
    *kernel.READS,
    "/etc/inetd.conf",
    "/etc/xinetd.conf",
    "/etc/xinetd.d/*",
    "/etc/inittab",
)

Place = tuple[int, str, int]  # port, file, line


def ssh_ports(view: ImageView) -> tuple[tuple[Place, ...], tuple[Breach, ...], tuple[str, ...]]:
    """Every port on which something of SSH listens, whatever opens it; what nobody can read; what is unclear."""
    found: list[Place] = []
    odd: list[Breach] = []
    unclear: list[str] = []
    server, small = sshd.daemon(view), dropbear.dropbear(view)
    sockets = [*_sockets(view)]
    activated = any("dropbear" not in path for _, path, _ in sockets)
    if server is not None and not activated:
        for place in sshd.listening(view, server):
            if isinstance(place, Breach):
                odd.append(place)
            else:
                found.append(place)
        unclear += [f"{breach.path} line {breach.line}: {breach.found}" for breach in server.unclear]
    if small is not None and not any("dropbear" in path for _, path, _ in sockets):
        ports = [_port(argument) for argument in small.flags.get("p", ())] or [22]
        found += [(port, *small.place) for port in ports]
        unclear += [f"{small.place[0]}: flags only a shell could work out"] if small.unclear else []
    return (*found, *sockets, *_super_servers(view)), tuple(odd), tuple(unclear)


def _port(text: str) -> int:
    """Of ``22``, ``192.0.2.1:22`` or ``[::]:22``; 0 for anything else."""
    found = re.search(r"(?:^|:)(\d+)$", text)
    return int(found[1]) if found else 0


def _sockets(view: ImageView) -> Iterator[Place]:
    """Sockets systemd opens itself and hands over; sshd's own ``Port`` means nothing then."""
    if view.init != "systemd":
        return
    for unit in ("ssh.socket", "sshd.socket", "dropbear.socket"):
        enabled = paths(view, *(f"{base}/*.wants/{unit}" for base in _BASES))
        masked = str(view.place(f"/etc/systemd/system/{unit}")) == "/dev/null"
        if not enabled or masked:
            continue
        patterns = (f"{base}/{unit}{more}" for base in reversed(_BASES) for more in ("", ".d/*.conf"))
        settings = [setting for path, data in files(view, *patterns) for setting in systemd_unit.parse(data, path)]
        listens = systemd_unit.in_effect(settings, "Socket", "ListenStream")
        for setting in listens:
            yield _port(setting.value), setting.file, setting.line


_BASES = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")


def _super_servers(view: ImageView) -> Iterator[Place]:
    """inetd and xinetd, which start a server for each connection."""
    for path, data in files(view, "/etc/inetd.conf"):
        for number, words in words_of(data):
            if any(re.search(r"(^|/)(sshd|dropbear)$", word) for word in words[1:]):
                yield 22 if words[0] == "ssh" else _port(words[0]), path, number
    for path, data in files(view, "/etc/xinetd.conf", "/etc/xinetd.d/*"):
        text = data.decode("utf-8", "replace")
        if re.search(r"(?m)^\s*server\s*=\s*\S*(sshd|dropbear)\s*$", text) and not re.search(
            r"(?m)^\s*disable\s*=\s*yes", text
        ):
            stated = re.search(r"(?m)^\s*port\s*=\s*(\d+)", text)
            yield int(stated[1]) if stated else 22, path, text[: stated.start() if stated else 0].count("\n") + 1


def _port_rule(view: ImageView, expected: Expected) -> Judgement:
    places, odd, unclear = ssh_ports(view)
    if not places and not odd and not unclear:
        if sshd.daemon(view) is None and dropbear.dropbear(view) is None:
            return Judgement.not_applicable("the image has no SSH server")
        return Judgement.not_applicable("nothing of SSH listens")
    wanted = str(expected.ssh_port) if expected.ssh_port else f"a port from {FIRST} to {LAST}"
    breaches = list(odd)
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
    reader = kernel.reader(view)
    if reader is None:
        return Judgement.unverifiable("nothing in the image reads sysctl.conf at boot, as far as can be seen")
    setting = kernel.in_effect(view, "net.ipv4.ip_local_reserved_ports")
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
    setting = kernel.in_effect(view, "net.ipv4.ip_local_port_range")
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
        documents=("A:76", "A:84"),
        references=("ETSI 5.6-1", "62443 CR 7.7", "CaC sshd_set_port"),
        profile="documents",
        check=_port_rule,
        remedy="[ssh] port in gateway.toml; not by appending: Port adds up",
        conflict="obscurity only: benchmarks leave the port alone; see services.reserved_ports",
        enforced_by="ssh",
    ),
    Rule(
        id="services.reserved_ports",
        title="the port of SSH cannot be taken by a client's connection first",
        documents=("A:84",),
        references=("Linux ip-sysctl: ip_local_reserved_ports",),
        profile="documents",
        check=_reserved,
        remedy="net.ipv4.ip_local_reserved_ports = <port> in /etc/sysctl.d",
        enforced_by="services",
    ),
)
