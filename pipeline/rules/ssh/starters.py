"""Whatever else starts an SSH server: super-servers, sockets and units of other names, init's own lines, scripts."""

from __future__ import annotations

import getopt
import re
from collections.abc import Iterator

from pipeline.formats.boot import inittab, systemd_unit
from pipeline.formats.boot.systemd_unit import Setting
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.rules.looking import files, paths, program, words_of
from pipeline.rules.services import rcs, startup
from pipeline.rules.shared import listed, shared
from pipeline.rules.ssh import dropbear, sshd
from pipeline.rules.ssh.server_commands import SERVER, servers_in

_BASES = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
READS = (
    "/etc/inetd.conf", "/etc/xinetd.conf", "/etc/xinetd.d/*", "/etc/inittab", "/etc/rc.local", "/etc/init.d/*",
    *(f"{base}/*.{kind}" for base in _BASES for kind in ("socket", "service")),
    *(f"{base}/*.socket.d/*.conf" for base in _BASES),
)  # fmt: skip
Place = tuple[int, str, int]  # port, file, line

# Units of these names are the servers' own, whose options `sshd` and `dropbear` read.
_OWN = re.compile(r"(sshd?|dropbear)@?\.(service|socket)")
_LETTERS = {"sshd": "C:E:b:c:f:g:h:k:o:p:u:46DGQRTVdeiqrt", "dropbear": "b:r:REFemwsgBT:G:jkp:P:iW:K:I:c:tzVu:a"}


def port_in(text: str) -> int:
    """Of ``22``, ``192.0.2.1:22`` or ``[::]:22``; 0 for anything else."""
    found = re.search(r"(?:^|:)(\d+)$", text)
    return int(found[1]) if found else 0


def sockets(view: ImageView) -> Iterator[Place]:
    """Sockets systemd opens itself and hands over to a server; the server's own port means nothing then."""
    if view.init != "systemd":
        return
    units = {path.name for base in _BASES for path in paths(view, f"{base}/*.wants/*.socket")}
    for unit in sorted(units):
        if not startup.enabled(view, unit):
            continue
        settings = _settings(view, unit)
        if _OWN.fullmatch(unit) is None and not _hands_over(view, unit, settings):
            continue
        for setting in systemd_unit.in_effect(settings, "Socket", "ListenStream"):
            yield port_in(setting.value), setting.file, setting.line


def _hands_over(view: ImageView, unit: str, settings: list[Setting]) -> bool:
    """Whether a socket of another name starts an SSH server (systemd.socket(5): Service=, else by its own name)."""
    name = unit.removesuffix(".socket")
    named = [setting.value for setting in systemd_unit.in_effect(settings, "Socket", "Service")]
    services = named[-1:] or [f"{name}.service", f"{name}@.service"]
    return any(_OWN.fullmatch(service) or list(_commands(view, service)) for service in services)


def _settings(view: ImageView, unit: str) -> list[Setting]:
    patterns = (f"{base}/{unit}{more}" for base in reversed(_BASES) for more in ("", ".d/*.conf"))
    return [setting for path, data in files(view, *patterns) for setting in systemd_unit.parse(data, path)]


def _commands(view: ImageView, unit: str) -> Iterator[tuple[Setting, str, list[str]]]:
    """The commands of a unit that are an SSH server: where, which, and its words."""
    for command in systemd_unit.in_effect(_settings(view, unit), "Service", "ExecStart"):
        words = command.value.lstrip("-@:+!").split()
        for server, rest in servers_in(words):
            yield command, server, rest


def super_servers(view: ImageView) -> Iterator[Place]:
    """inetd and xinetd, which start a server for each connection."""
    for path, data in files(view, "/etc/inetd.conf"):
        for number, words in words_of(data):
            if any(SERVER.fullmatch(word) for word in words[1:]):
                yield 22 if words[0] == "ssh" else port_in(words[0]), path, number
    for path, data in files(view, "/etc/xinetd.conf", "/etc/xinetd.d/*"):
        yield from _xinetd(path, data)


def _xinetd(path: str, data: bytes) -> Iterator[Place]:
    """Each service of a file by itself: one that is off says nothing about the next."""
    text = data.decode("utf-8", "replace")
    for block in re.finditer(r"(?ms)^\s*service\s+(\S+)\s*\{(.*?)^\s*\}", text):
        told = dict(re.findall(r"(?m)^\s*(\w+)\s*[+-]?=\s*(.*?)\s*$", block[2]))
        server = [told.get("server", ""), *told.get("server_args", "").split()]
        if not any(SERVER.fullmatch(word) for word in server) or told.get("disable", "no").lower() == "yes":
            continue
        stated = re.search(r"(?m)^\s*port\s*=", block[2])
        # Without a port of its own it is that of the service's name in /etc/services.
        port = port_in(told["port"]) if stated else 22 if block[1] == "ssh" else port_in(block[1])
        line = text[: block.start(2) + stated.end() if stated else block.start(1)].count("\n") + 1
        yield port, path, line


@shared
@listed
def others(view: ImageView) -> Iterator[Place]:
    """Ports of servers that init, units or scripts of other names start, by what stands on their command lines."""
    for path, line, server, words in _started(view):
        try:
            flags, _ = getopt.getopt([word for word in words if not word.startswith("$")], _LETTERS[server])
        except getopt.GetoptError:
            # Such as Debian's `sshd -\\?`, which asks whose sshd it is.
            if any(re.match(r"-[46a-zA-Z]*p", word) for word in words):
                yield 0, path, line
            continue
        asks = server == "sshd" and {"-t", "-T", "-V"} & {name for name, _ in flags}
        if ("-i", "") in flags or asks:
            continue  # a connection it is handed, or only a question
        ports = [port_in(value) for name, value in flags if name == "-p"]
        if ports:
            yield from ((port, path, line) for port in ports)
        elif server == "dropbear" or any(name == "-f" for name, _ in flags):
            yield (22 if server == "dropbear" else 0), path, line


def _started(view: ImageView) -> Iterator[tuple[str, int, str, list[str]]]:
    if view.init == "systemd":
        units = {path.name for base in _BASES for path in paths(view, f"{base}/*.wants/*.service")}
        for unit in sorted(units):
            if _OWN.fullmatch(unit) is None and startup.enabled(view, unit):
                for command, server, words in _commands(view, unit):
                    yield command.file, command.line, server, words
        return
    for path, data in files(view, "/etc/inittab"):
        for entry in inittab.entries(data):
            if entry.action != "off":
                yield from ((path, entry.line, *found) for found in servers_in(entry.process.lstrip("+-").split()))
    for path, data in files(view, "/etc/rc.local", *_scripts(view)):
        for number, words in words_of(data):
            yield from ((path, number, *found) for found in servers_in(words))


def _scripts(view: ImageView) -> Iterator[str]:
    """Init scripts that are run at start and are not the servers' own."""
    links = paths(view, "/etc/rc[2-5S].d/S[0-9][0-9]*") if view.init == "sysv" else ()
    direct = (rcs.start_scripts(view) or ()) if view.init == "busybox" else ()
    places = dict.fromkeys(str(view.tree.resolve(GuestPath(path))) for path in (*links, *direct) if view.exists(path))
    for place in places:
        name = place.rpartition("/")[2]
        if not re.search("dropbear|ssh", name) and program(view, place) is not None:
            yield place


def both(view: ImageView) -> tuple[str, str] | None:
    """What starts OpenSSH's server and what starts dropbear, where both are there and started."""
    if sshd.daemon(view) is None or dropbear.dropbear(view) is None:
        return None
    starters = [
        next((breach.path for name in names for breach in startup.starts(view, name)), None)
        for names in (("ssh", "sshd"), ("dropbear",))
    ]
    return (starters[0], starters[1]) if starters[0] and starters[1] else None
