"""What starts a service in this image: everything init, systemd, the bus or a supervisor would act on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from pipeline.formats.boot import inittab, monitrc, systemd_unit
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach
from pipeline.model.tree import Kind
from pipeline.rules.looking import files, harmless, paths, words_of
from pipeline.rules.services import generators, rcs
from pipeline.rules.shared import listed, shared

READS = (
    *generators.READS,
    "/etc/inittab", "/etc/rc.local", "/etc/monitrc", "/etc/monit/monitrc", "/etc/monit/conf.d/*",
    "/etc/monit/conf-enabled/*", "/etc/monit.d/*", "/usr/share/dbus-1/system-services/*",
    "/etc/systemd/system-preset/*", "/usr/lib/systemd/system-preset/*", "/lib/systemd/system-preset/*",
    "/etc/machine-id", "/etc/systemd/system/*", "/usr/lib/systemd/system/*.service", "/lib/systemd/system/*.service",
    "/usr/lib/systemd/system/*.target", "/lib/systemd/system/*.target", "/etc/crontab", "/etc/cron.d/*",
    "/etc/network/if-*.d/*", "/etc/ppp/ip-*.d/*", "/etc/dhcp/dhclient-*-hooks.d/*",
    "/etc/NetworkManager/dispatcher.d/*",
)  # fmt: skip

KINDS = ("service", "socket", "path", "timer")
_BASES = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
_MONIT = ("/etc/monitrc", "/etc/monit/monitrc", "/etc/monit/conf.d/*", "/etc/monit/conf-enabled/*", "/etc/monit.d/*")
_OFF = "not started"
_BEFORE_COMMANDS = frozenset({"exec", "nohup", "setsid", "sudo", "root"})  # root: of a line of /etc/crontab
_BETWEEN = frozenset({"&&", "||", ";", "|", "&", "then", "else", "do", "if", "while", "{", "("})
_STARTERS = frozenset({"service", "invoke-rc.d", "rc-service", "systemctl"})
_BRINGS = ("Wants", "Requires", "Requisite", "BindsTo", "Upholds")
_SCRIPTS = (
    "/etc/rc.local", "/etc/crontab", "/etc/cron.d/*", "/etc/network/if-*.d/*", "/etc/ppp/ip-*.d/*",
    "/etc/dhcp/dhclient-*-hooks.d/*", "/etc/NetworkManager/dispatcher.d/*",
)  # fmt: skip


def known_init(view: ImageView) -> bool:
    """Whether it is known at all what starts services."""
    return view.init in ("systemd", "sysv") or (view.init == "busybox" and rcs.start_scripts(view) is not None)


@shared
@listed
def starts(view: ImageView, name: str) -> Iterator[Breach]:
    """Everything that starts a service, by the init the image has."""
    if view.init == "systemd":
        yield from _systemd(view, name)
    elif view.init == "sysv":
        yield from _links(view, name)
    else:
        yield from _busybox(view, name)
    yield from _bus(view, name)
    yield from _supervisors(view, name)


def _links(view: ImageView, name: str) -> Iterator[Breach]:
    for path in paths(view, "/etc/rc[2-5S].d/S[0-9][0-9]*"):
        node = view.tree.get(view.tree.resolve(path, follow_last=False))
        target = node.target.rsplit("/", 1)[-1] if node is not None else ""
        if name in (path.name[3:], target) and view.exists(path):
            yield Breach(str(path), 0, f"starts {name}", _OFF)


def _busybox(view: ImageView, name: str) -> Iterator[Breach]:
    for path in rcs.start_scripts(view) or ():
        node = view.tree.get(view.tree.resolve(path, follow_last=False))
        target = node.target.rsplit("/", 1)[-1] if node is not None else ""
        if name in (path.name[3:], path.name[3:].removesuffix(".sh"), target):
            yield Breach(str(path), 0, f"the start script of BusyBox starts {name}", _OFF)


def _systemd(view: ImageView, name: str) -> Iterator[Breach]:
    for kind in KINDS:
        unit = f"{name}.{kind}"
        if masked(view, unit) or not _is_there(view, unit):
            continue
        for base in _BASES:
            for path in paths(view, *(f"{base}/*.{way}/{unit}" for way in ("wants", "requires", "upholds"))):
                yield Breach(str(path), 0, f"systemd starts {unit}", "not enabled, and masked")
        yield from _wanted(view, unit)
        if _is_first_boot(view) and _preset(view, unit):
            where = str(_first_of(view, unit))
            yield Breach(
                where, 0, f"{unit}: the first boot's presets enable it", "masked, or a preset that disables it"
            )
    native = _is_there(view, f"{name}.service", native=True)
    if not native and not masked(view, f"{name}.service") and generators.makes_units_of_scripts(view):
        # systemd makes a unit of an init script that has no unit.
        yield from _links(view, name)


def _wanted(view: ImageView, unit: str) -> Iterator[Breach]:
    """Enabled units that bring another one up with them (systemd.unit(5))."""
    for path, data in files(view, *(f"{base}/*.{kind}" for base in _BASES for kind in ("service", "target"))):
        other = path.rpartition("/")[2]
        if other != unit and not _is_own(other, unit) and (other.endswith(".target") or enabled(view, other)):
            for setting in systemd_unit.parse(data, path):
                if setting.section == "Unit" and setting.key in _BRINGS and unit in setting.value.split():
                    yield Breach(path, setting.line, f"{other} starts {unit}", "not enabled, and masked")


def _is_own(one: str, other: str) -> bool:
    """Whether two units are of one service, such as its socket: what starts the one is told by itself."""
    return one.rpartition(".")[0] == other.rpartition(".")[0]


def masked(view: ImageView, unit: str) -> bool:
    """Whether a unit is a link to nothing, or empty: then nothing starts it."""
    path = GuestPath(f"/etc/systemd/system/{unit}")
    place = view.tree.resolve(path)
    if place == "/dev/null":
        return True
    node = view.tree.get(place)
    return node is not None and node.kind is Kind.FILE and node.size == 0


def enabled(view: ImageView, unit: str) -> bool:
    """Whether systemd starts a unit at boot."""
    ways = [f"{base}/*.{way}/{unit}" for base in _BASES for way in ("wants", "requires", "upholds")]
    return not masked(view, unit) and bool(paths(view, *ways))


def _is_there(view: ImageView, unit: str, *, native: bool = False) -> bool:
    if any(view.exists(f"{base}/{unit}") for base in _BASES):
        return True
    # A link in .wants counts even without a unit behind it, if an init script is.
    return not native and unit.endswith(".service") and view.exists(f"/etc/init.d/{unit.removesuffix('.service')}")


def _first_of(view: ImageView, unit: str) -> str:
    return next((f"{base}/{unit}" for base in _BASES if view.exists(f"{base}/{unit}")), f"{_BASES[0]}/{unit}")


def _is_first_boot(view: ImageView) -> bool:
    """machine-id(5): missing or ``uninitialized`` means a first boot, empty does not."""
    data = view.find("/etc/machine-id")
    return data is None or data.strip() == b"uninitialized"


def _preset(view: ImageView, unit: str) -> bool:
    """Whether presets enable a unit that can be enabled: the first line that fits decides, without one it is yes."""
    place = _first_of(view, unit)
    settings = systemd_unit.parse(view.find(place) or b"", place)
    if not any(setting.section == "Install" for setting in settings):
        return False
    chosen: dict[str, GuestPath] = {}
    for base in ("/etc/systemd/system-preset", "/usr/lib/systemd/system-preset", "/lib/systemd/system-preset"):
        for path in paths(view, f"{base}/*.preset"):
            chosen.setdefault(path.name, path)
    for name in sorted(chosen):
        for _, data in files(view, chosen[name]):
            for _, words in words_of(data):
                if len(words) > 1 and fnmatchcase(unit, words[1]):
                    return words[0] == "enable"
    return True


def _bus(view: ImageView, name: str) -> Iterator[Breach]:
    """The bus starts a program when somebody asks for its name; with systemd, by way of a unit."""
    for path, data in files(view, "/usr/share/dbus-1/system-services/*.service"):
        settings = {setting.key: setting for setting in systemd_unit.parse(data, path)}
        unit = settings.get("SystemdService")
        command = settings.get("Exec")
        if view.init == "systemd" and unit is not None:
            place = view.tree.resolve(GuestPath(f"/etc/systemd/system/{unit.value}"))
            if place.name == f"{name}.service" and not masked(view, place.name) and not masked(view, unit.value):
                yield Breach(path, unit.line, f"the bus starts {name} by way of {unit.value}", "its unit masked")
        elif command is not None:
            program = (command.value.split() or [""])[0].rsplit("/", 1)[-1]
            if program == name:
                yield Breach(path, command.line, f"the bus starts {name}", "no such file")


def _supervisors(view: ImageView, name: str) -> Iterator[Breach]:
    for path, data in files(view, *_MONIT):
        for check in monitrc.checks(data):
            started = {word.rsplit("/", 1)[-1].removesuffix(".service") for word in check.starts}
            if check.starts and (check.name == name or name in started):
                yield Breach(path, check.line, f"monit starts {name} again", "no check that starts it")
    for path, data in files(view, "/etc/inittab"):
        for entry in inittab.entries(data):
            words = entry.process.lstrip("+-").split()
            if entry.action != "off" and words and words[0].rsplit("/", 1)[-1] == name:
                yield Breach(path, entry.line, f"init starts {harmless(words[0])}", "no such line")
    # Scripts ask for services many images have not: Debian's if-up.d/mountnfs for three of NFS.
    for path, data in files(view, *_SCRIPTS) if _has(view, name) else ():
        for number, words in words_of(data):
            if _runs(words, name):
                yield Breach(path, number, f"{path.rpartition('/')[2]} starts {name}", "no such line")


def _has(view: ImageView, name: str) -> bool:
    """Whether there is anything of a service to start."""
    places = ("/etc/init.d", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin")
    return any(view.exists(f"{place}/{name}") for place in places) or _is_there(view, f"{name}.service")


def _runs(words: list[str], name: str) -> bool:
    """Whether a line of a script starts a service: its program, its init script, or by whoever starts services."""
    command: list[str] = []
    for word in words:
        ends = word in _BETWEEN
        if not ends:
            command.append(word.strip("\"'`();&"))
        if ends or word.endswith((";", "&")):
            if _is_start(command, name):
                return True
            command = []
    return _is_start(command, name)


def _is_start(command: list[str], name: str) -> bool:
    said = {*command}
    if said & {"stop", "--stop", "-K", "disable", "mask", "killall", "pkill", "pidof", "test", "[", "!"}:
        return False
    program = re.compile(rf"/\S*s?bin/{re.escape(name)}|/etc/init\.d/{re.escape(name)}")
    for at, word in enumerate(command):
        if program.fullmatch(word) or (word == name and (at == 0 or command[at - 1] in _BEFORE_COMMANDS)):
            return True
        if word.removesuffix(".service") == name and _STARTERS & {*command[:at]}:
            return bool(said & {"start", "restart", "enable", "reload-or-restart", "try-restart"})
    return False
