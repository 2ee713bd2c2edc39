"""What this image runs at boot, command by command: units, init scripts and inittab, followed through their scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.formats.boot import inittab, systemd_unit
from pipeline.formats.shell.expansion import UNKNOWN
from pipeline.formats.shell.run import Ran, System
from pipeline.formats.shell.trace import trace, trace_line
from pipeline.model.image_view import ImageView
from pipeline.model.tree import Kind
from pipeline.rules.esf.installation import children, node_of, place_of, read_documents
from pipeline.rules.looking import paths
from pipeline.rules.services import generators, rcs
from pipeline.rules.shared import shared

_UNIT_DIRECTORIES = (
    "/etc/systemd/system",
    "/usr/local/lib/systemd/system",
    "/lib/systemd/system",
    "/usr/lib/systemd/system",
)
# Targets every start of a system goes through; graphical only where it is the default.
_TARGETS = (
    "default", "multi-user", "basic", "sysinit", "local-fs", "local-fs-pre", "network", "network-pre", "network-online",
    "remote-fs", "sockets", "timers", "paths",
)  # fmt: skip
# What only a running system has; nobody can say here whether it is there.
_RUNNING = re.compile(r"/(?:run|proc|sys|dev|tmp|var/run|var/lock)(?:/|$)")
_SETUID = re.compile(r"^[-@+!:|]+")

READS = (
    *generators.READS, *rcs.READS,
    "/etc/systemd/system/*.wants/*", "/etc/systemd/system/*.requires/*", "/etc/systemd/system/*.service",
    "/etc/systemd/system/*.service.d/*.conf", "/lib/systemd/system/*.wants/*", "/usr/lib/systemd/system/*.wants/*",
    "/lib/systemd/system/*firewall*", "/usr/lib/systemd/system/*firewall*", "/lib/systemd/system/*iptables*",
    "/usr/lib/systemd/system/*iptables*", "/lib/systemd/system/*netfilter*", "/usr/lib/systemd/system/*netfilter*",
    "/lib/systemd/system/*firewall*.d/*.conf", "/usr/lib/systemd/system/*firewall*.d/*.conf",
    "/etc/init.d/*", "/etc/rc?.d/S*", "/etc/inittab", "/etc/rc.local", "/etc/default/*", "/etc/sysconfig/*",
    "/usr/share/netfilter-persistent/plugins.d/*", "/etc/iptables/*", "/etc/nftables.conf",
    "/usr/libexec/iptables/*", "/usr/local/sbin/*", "/usr/local/bin/*", "/lib/lsb/init-functions",
)  # fmt: skip


@dataclass(frozen=True)
class AtBoot:
    """One thing the system starts, and the commands that come of it.

    Attributes:
        name: of the unit or script, such as ``firewall``.
        path: the file that says what is started.
        commands: in order; see `pipeline.formats.shell.run.Ran`.
    """

    name: str
    path: str
    commands: tuple[Ran, ...]


@shared
def at_boot(view: ImageView) -> tuple[AtBoot, ...] | None:
    """Everything that is started; None where it is not known what starts services in this image."""
    system = system_of(view)
    if view.init == "systemd":
        scripts = (
            _links(view, ("/etc/rc[2-5].d/S*",), overshadowed=True) if generators.makes_units_of_scripts(view) else ()
        )
        local = _script(view, "/etc/rc.local") if generators.runs_rc_local(view) else ()
        return (*_units(view, system), *scripts, *local)
    if view.init == "sysv":
        return (
            *_inittab(view, system),
            *_links(view, ("/etc/rcS.d/S*", f"/etc/rc{_runlevel(view)}.d/S*")),
            *_script(view, "/etc/rc.local"),
        )
    if view.init == "busybox":
        started = rcs.start_scripts(view)
        if started is not None:
            return (*_inittab(view, system), *_links(view, tuple(str(path) for path in started)))
    return None


def system_of(view: ImageView) -> System:
    """What a trace may know of the image."""

    def script(path: str) -> str | None:
        place = place_of(view, path) if path.startswith("/") else None
        content = view.files.get(place) if place is not None else None
        if content is None or b"\0" in content[:4096]:
            return None
        return content.decode("utf-8", "surrogateescape")

    def exists(kind: str, path: str) -> bool | None:
        if _RUNNING.match(path) or not path.startswith("/"):
            return None
        node = node_of(view, path)
        if node is None:
            return False
        if kind == "f":
            return node.kind is Kind.FILE
        if kind == "d":
            return node.kind is Kind.DIRECTORY
        return bool(node.mode & 0o111) if kind == "x" else True

    return System(script, exists)


def _units(view: ImageView, system: System) -> Iterator[AtBoot]:
    names = dict.fromkeys(_enabled(view))
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        settings = _settings(view, name)
        if settings is None:
            continue
        for key in ("Wants", "Requires", "BindsTo", "Requisite"):
            for item in systemd_unit.in_effect(settings, "Unit", key):
                for word in item.value.split():
                    if word.endswith(".service") and word not in names:
                        names[word] = None
                        waiting.append(word)
    for name in sorted(names):
        settings = _settings(view, name)
        if settings is not None and _conditions_hold(settings, system):
            yield AtBoot(name.removesuffix(".service"), settings[0].file, tuple(_started(settings, system)))


def unit(view: ImageView, name: str) -> Iterator[AtBoot]:
    """What one service would run, whoever starts it; nothing where there is none or its conditions do not hold."""
    settings, system = _settings(view, name), system_of(view)
    if settings is not None and _conditions_hold(settings, system):
        yield AtBoot(name.removesuffix(".service"), settings[0].file, tuple(_started(settings, system)))


def _enabled(view: ImageView) -> Iterator[str]:
    targets = [*_TARGETS]
    default = next((place_of(view, f"{d}/default.target") for d in _UNIT_DIRECTORIES if _is_there(view, d)), None)
    if default is not None and default.name == "graphical.target":
        targets.append("graphical")
    for directory in _UNIT_DIRECTORIES:
        for target in targets:
            for kind in ("wants", "requires"):
                for link in children(view, f"{directory}/{target}.target.{kind}"):
                    if link.name.endswith(".service"):
                        yield link.name


def _is_there(view: ImageView, directory: str) -> bool:
    return node_of(view, f"{directory}/default.target") is not None


def _settings(view: ImageView, name: str) -> tuple[systemd_unit.Setting, ...] | None:
    """A unit with its drop-ins; None for one that is masked, empty or not there."""
    for directory in _UNIT_DIRECTORIES:
        if place_of(view, f"{directory}/{name}") == "/dev/null":
            return None
        found = next(iter(read_documents(view, [f"{directory}/{name}"])), None)
        if found is not None:
            drop_ins = sorted(
                {
                    path.name: path for d in reversed(_UNIT_DIRECTORIES) for path in children(view, f"{d}/{name}.d")
                }.items()
            )
            more = read_documents(view, [path for file, path in drop_ins if file.endswith(".conf")])
            texts = [found, *more]
            return tuple(item for text in texts for item in systemd_unit.parse(text.data, text.path)) or None
    return None


def _conditions_hold(settings: tuple[systemd_unit.Setting, ...], system: System) -> bool:
    for item in settings:
        path = item.value.lstrip("|!")
        kind = {"ConditionPathExists": "e", "ConditionFileNotEmpty": "f", "ConditionPathIsDirectory": "d"}.get(item.key)
        if kind and not item.value.startswith("|"):
            there = system.exists(kind, path)
            if there is not None and there == item.value.startswith("!"):
                return False
    return True


def _started(settings: tuple[systemd_unit.Setting, ...], system: System) -> Iterator[Ran]:
    variables = dict(
        part.strip("\"'").partition("=")[::2]
        for item in systemd_unit.in_effect(settings, "Service", "Environment")
        for part in re.findall(r'"[^"]*"|\S+', item.value)
    )
    for key in ("ExecStartPre", "ExecStart", "ExecStartPost"):
        for item in systemd_unit.in_effect(settings, "Service", key):
            command = _SETUID.sub("", item.value)
            yield from trace_line(command, item.file, item.line, system, variables)


def _links(view: ImageView, patterns: tuple[str, ...], *, overshadowed: bool = False) -> Iterator[AtBoot]:
    seen: set[str] = set()
    for link in paths(view, *patterns):
        name = re.sub(r"^S\d*", "", link.name) or link.name
        place = place_of(view, link)
        node = node_of(view, link)
        if place is None or place in seen or node is None or node.kind is not Kind.FILE or not node.mode & 0o111:
            continue
        if overshadowed and any(node_of(view, f"{d}/{name}.service") is not None for d in _UNIT_DIRECTORIES):
            continue
        seen.add(place)
        yield AtBoot(name, str(place), _traced(view, str(place), ("start",)))


@shared
def _traced(view: ImageView, path: str, arguments: tuple[str, ...]) -> tuple[Ran, ...]:
    """What one script runs: nearly all of them are the same on every gateway."""
    return trace(path, system_of(view), arguments)


def _script(view: ImageView, path: str) -> Iterator[AtBoot]:
    node = node_of(view, path)
    if node is not None and node.kind is Kind.FILE and node.mode & 0o111:
        yield AtBoot(path.rpartition("/")[2], path, _traced(view, path, ()))


def _inittab(view: ImageView, system: System) -> Iterator[AtBoot]:
    level = _runlevel(view)
    for file in read_documents(view, ("/etc/inittab",)):
        for entry in inittab.entries(file.data):
            runs = entry.action in ("sysinit", "boot", "bootwait") or (
                entry.action in ("wait", "once", "respawn") and (level in entry.runlevels or view.init == "busybox")
            )
            if runs and not re.search(r"/rcS?(\s|$)", entry.process):
                commands = trace_line(entry.process.lstrip("+-"), file.path, entry.line, system)
                yield AtBoot(entry.id or entry.process, file.path, commands)


def _runlevel(view: ImageView) -> str:
    for file in read_documents(view, ("/etc/inittab",)):
        for entry in inittab.entries(file.data):
            if entry.action == "initdefault" and entry.runlevels:
                return entry.runlevels[0]
    return "2"


def is_lost(command: Ran) -> bool:
    """Whether something stands here that could not be followed."""
    return any(UNKNOWN in word for word in command.words[:1])
