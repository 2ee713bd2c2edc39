"""Dropbear, the SSH server of Yocto and Buildroot: its flags, wherever the image's init takes them from (A:26 to A:86).

It has no configuration file. Public keys are all it takes with ``-s``; the other documents' settings have no flag.
"""

from __future__ import annotations

import getopt
import re
import shlex
from collections.abc import Iterator

from pipeline.errors import PipelineError
from pipeline.formats.boot import shell_variables, systemd_unit
from pipeline.formats.boot.shell_variables import ShellValueError
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, Entry, FileEntry, Layer, Origin, combine
from pipeline.model.release import Release
from pipeline.model.tree_glob import glob
from pipeline.model.vanilla import Vanilla

DEFAULTS = GuestPath("/etc/default/dropbear")
KEYS = tuple(GuestPath(f"/etc/dropbear/dropbear_{kind}_host_key") for kind in ("ed25519", "ecdsa"))
_SERVERS = ("/usr/sbin/dropbear", "/usr/bin/dropbear", "/usr/sbin/dropbearmulti", "/usr/bin/dropbearmulti")
# dropbear 2022.83, `dropbear -h`.
_LETTERS = "b:r:REFemwsgBT:G:jkp:P:iW:K:I:c:tzVu:a"
# Ours, or against ours: another port or key, keys made on the gateway, empty passwords, passwords besides keys, logins
# for a group or a command only.
_DROPPED = frozenset({"-p", "-r", "-R", "-B", "-s", "-w", "-g", "-t", "-G", "-c"})
_UNITS = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
_SOURCE = "gateway.toml [ssh]"
_PORT = Origin("ssh.port", _SOURCE, "A:84")
_ORIGINS = (Origin("ssh.no_root", _SOURCE, "A:34"), Origin("ssh.no_passwords", _SOURCE, "A:70-72"), _PORT)


def present(vanilla: Vanilla) -> bool:
    """Whether the image has the server."""
    return any(vanilla.exists(path) for path in _SERVERS)


def harden(vanilla: Vanilla, release: Release) -> Layer:
    """No root (``-w``), no passwords (``-s``), one port, the gateway's own host keys; nothing without dropbear.

    Raises:
        PipelineError: nothing is known that starts it, or its flags are computed by a shell.
    """
    if not present(vanilla):
        return Layer()
    if vanilla.init == "systemd":
        return combine(
            (Layer.of(*_services(vanilla, release)), Layer.of(*_sockets(vanilla, release)), _defaults(vanilla, release))
        )
    return _defaults(vanilla, release)


def _flags(words: list[str], port: int, where: str) -> list[str]:
    """The flags as they are to be; those that stay, stay in their order. No port when systemd or inetd listens."""
    try:
        options, rest = getopt.getopt(words, _LETTERS)
    except getopt.GetoptError as error:
        raise PipelineError(
            f"vanilla image: {where}: {error}", "give dropbear plain flags in the vanilla image"
        ) from None
    if rest:
        raise PipelineError(
            f"vanilla image: {where}: dropbear takes no {rest[0]!r}", "give dropbear plain flags in the vanilla image"
        )
    kept = [word for name, given in options if name not in _DROPPED for word in (name, given) if word]
    own = ["-w", "-s", *(["-p", str(port)] if port and ("-i", "") not in options else [])]
    return [*kept, *own, *(word for key in KEYS for word in ("-r", str(key)))]


def _defaults(vanilla: Vanilla, release: Release) -> Layer:
    """The file that init scripts of Debian and Yocto (``DROPBEAR_EXTRA_ARGS``) and Buildroot (``_ARGS``) read."""
    before = vanilla.find(DEFAULTS)
    variable = "DROPBEAR_EXTRA_ARGS"
    if vanilla.init != "systemd":
        script = _script(vanilla)
        reads = {name for name in ("DROPBEAR_EXTRA_ARGS", "DROPBEAR_ARGS") if f"${name}" in script}
        if str(DEFAULTS) not in script or not reads:
            raise PipelineError(
                f"vanilla image: the init script of dropbear takes no flags from {DEFAULTS}",
                "use an image whose script reads DROPBEAR_EXTRA_ARGS from there",
            )
        variable = min(reads, key=len) if len(reads) == 1 else variable
        by_port = "$DROPBEAR_PORT" in script or "${DROPBEAR_PORT" in script
    else:
        if before is None:
            return Layer()  # the commands of the units say everything
        by_port = True
    values = {item.name: item.value for item in shell_variables.assignments(before or b"")}
    if values.get(variable, "") is None:
        raise PipelineError(
            f"vanilla image: {DEFAULTS}: {variable} is computed by the shell", "give it a plain value in the image"
        )
    words = shlex.split(values.get(variable) or "")
    wanted = {variable: shlex.join(_flags(words, 0 if by_port else release.ssh.port, f"{DEFAULTS}: {variable}"))}
    if by_port:
        wanted["DROPBEAR_PORT"] = str(release.ssh.port)
    after = before or b""
    for name, value in sorted(wanted.items()):
        after = _assigned(after, name, value)
    if after == before:
        return Layer()
    place = vanilla.tree.resolve(DEFAULTS)
    node = vanilla.tree.get(place)
    about = (node.mode, node.uid, node.gid) if node else (0o644, 0, 0)
    parent = [] if vanilla.exists(DEFAULTS.parent) else [DirEntry(DEFAULTS.parent, _ORIGINS)]
    return Layer.of(*parent, FileEntry(place, after, _ORIGINS, *about))


def _assigned(data: bytes, name: str, value: str) -> bytes:
    """Every assignment of a variable changed; one added where there is none, for nothing else gives it a value."""
    if any(item.name == name for item in shell_variables.assignments(data)):
        try:
            return shell_variables.change(data, name, lambda _: value)
        except ShellValueError as error:
            raise PipelineError(f"vanilla image: {DEFAULTS}: {error}", f"give {name} a plain value") from None
    newline = b"" if not data or data.endswith(b"\n") else b"\n"
    return data + newline + f"{name}={shlex.quote(value)}\n".encode()


def _script(vanilla: Vanilla) -> str:
    for path in glob(vanilla.tree, "/etc/init.d/*dropbear*"):
        found = vanilla.find(path)
        if found is not None:
            return re.sub(r"\$\{(\w+)[^}]*\}", r"$\1", found.decode("utf-8", "replace"))
    raise PipelineError(
        "vanilla image: it has dropbear, and no init script starts it",
        "use an image with one SSH server and what starts it",
    )


def _services(vanilla: Vanilla, release: Release) -> Iterator[Entry]:
    """A command of ours for every unit: without variables, so that nothing else can add to it."""
    found = 0
    for unit in ("dropbear.service", "dropbear@.service"):
        settings = [
            setting
            for base in reversed(_UNITS)
            for pattern in (f"{base}/{unit}", f"{base}/{unit}.d/*.conf")
            for path in glob(vanilla.tree, pattern)
            for setting in systemd_unit.parse(vanilla.find(path) or b"", str(path))
        ]
        commands = systemd_unit.in_effect(settings, "Service", "ExecStart")
        if not commands:
            continue
        found += 1
        where = f"{commands[-1].file} line {commands[-1].line}"
        program, *words = shlex.split(commands[-1].value)
        flags = _flags(_without_variables(words), release.ssh.port, where)
        command = " ".join((program, *flags))
        yield from _drop_in(vanilla, unit, f"[Service]\nExecStart=\nExecStart={command}\n", _ORIGINS)
    if not found:
        raise PipelineError(
            "vanilla image: it has dropbear, and no unit of systemd starts it",
            "use an image with one SSH server and what starts it",
        )


def _without_variables(words: list[str]) -> list[str]:
    """A variable goes together with the flag it is the argument of."""
    kept: list[str] = []
    for word in words:
        if not word.startswith("$"):
            kept.append(word)
        elif kept and re.fullmatch(r"-\w*", kept[-1]) and f"{kept[-1][-1]}:" in _LETTERS:
            kept.pop()
    return kept


def _sockets(vanilla: Vanilla, release: Release) -> Iterator[Entry]:
    """With socket activation systemd listens; the empty assignment takes back the unit's own port 22."""
    if any(vanilla.exists(f"{base}/dropbear.socket") for base in _UNITS):
        content = f"[Socket]\nListenStream=\nListenStream={release.ssh.port}\n"
        yield from _drop_in(vanilla, "dropbear.socket", content, (_PORT,))


def _drop_in(vanilla: Vanilla, unit: str, content: str, origins: tuple[Origin, ...]) -> Iterator[Entry]:
    directory = GuestPath(f"/etc/systemd/system/{unit}.d")
    place = directory / "zz-gateway.conf"  # the last one to be read
    if not vanilla.exists(directory):
        yield DirEntry(directory, origins)
    if vanilla.find(place) != content.encode():
        yield FileEntry(place, content.encode(), origins)
