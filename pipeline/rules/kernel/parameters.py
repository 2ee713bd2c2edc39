"""Kernel parameters as they will be after boot: who reads the files, in which order, and what the command line says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.formats.boot import sysctl_conf, uboot_env
from pipeline.model.image_view import ImageView
from pipeline.rules.looking import files, lines, paths

READS = (
    "/etc/sysctl.conf", "/etc/sysctl.d/*", "/usr/lib/sysctl.d/*", "/usr/local/lib/sysctl.d/*", "/lib/sysctl.d/*",
    "/etc/init.d/*", "/etc/inittab", "/boot/cmdline.txt", "/boot/extlinux/extlinux.conf", "/boot/uEnv.txt",
    "/etc/default/grub", "/etc/default/grub.d/*.cfg", "/boot/grub/grub.cfg", "/boot/grub2/grub.cfg",
    "/boot/loader/entries/*.conf", "/boot/uboot*.env", "/boot/*/uboot*.env", "/uboot/uboot*.env",
    "/etc/kernel/cmdline", "/boot/*/cmdline.txt", "/boot/*Env.txt", "/boot/config-*", "/boot/*.scr", "/boot/*.scr.uimg",
)  # fmt: skip

# Of two files of one name the first directory's counts (sysctl.d(5)).
_DIRECTORIES = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
_MAIN = "/etc/sysctl.conf"
_COMMAND_LINES = (
    "/boot/cmdline.txt", "/boot/extlinux/extlinux.conf", "/boot/uEnv.txt", "/etc/default/grub", "/boot/grub/grub.cfg",
    "/boot/loader/entries/*.conf", "/etc/kernel/cmdline", "/boot/*/cmdline.txt", "/boot/*Env.txt",
    "/etc/default/grub.d/*.cfg", "/boot/grub2/grub.cfg", "/boot/config-*",
)  # fmt: skip
_SCRIPTS = ("/boot/*.scr", "/boot/*.scr.uimg")


@dataclass(frozen=True)
class Setting:
    """The assignment that counts."""

    path: str
    line: int
    value: str


def reader(view: ImageView) -> str | None:
    """What applies the files at boot; None when nothing is seen to."""
    if view.init == "systemd":
        return "systemd-sysctl"
    for link in paths(view, "/etc/rc[S0-5].d/S[0-9][0-9]procps", "/etc/rc[S0-5].d/S[0-9][0-9]sysctl*"):
        if view.exists(link):
            return str(link)
    pattern = "/etc/init.d/S[0-9][0-9]*" if view.init == "busybox" else "/etc/init.d/rc*"
    for path, data in files(view, pattern, "/etc/inittab"):
        for _, line in lines(data):
            if re.search(r"(^|[/\s:])sysctl\s+(-\S+\s+)*(-p|--system|--load)", line.partition("#")[0]):
                return path
    return None


def in_effect(view: ImageView, key: str) -> Setting | None:
    """The assignment of a key that counts; None when no file has one."""
    found: Setting | None = None
    for path, data in _in_order(view):
        for number, line in enumerate(sysctl_conf.parse(data), 1):
            if line.sets(key):
                found = Setting(path, number, line.value)
    return found


def _in_order(view: ImageView) -> Iterator[tuple[str, bytes]]:
    """Files in the order they are read. ``sysctl --system`` reads the main file last, systemd only by a link to it."""
    chosen: dict[str, str] = {}
    for directory in _DIRECTORIES:
        for path in paths(view, f"{directory}/*.conf"):
            chosen.setdefault(path.name, str(path))
    for name in sorted(chosen):
        yield from files(view, chosen[name])
    if view.init != "systemd":
        yield from files(view, _MAIN)


def on_command_line(view: ImageView, word: str) -> Iterator[tuple[str, int]]:
    """Where a word stands among the kernel's arguments, as far as they can be read in the image."""
    wanted = re.compile(rf"(^|[\s\"'=]){re.escape(word)}([\s\"'=]|$)")
    for path, data in files(view, *_COMMAND_LINES):
        for number, line in lines(data):
            if not line.lstrip().startswith("#") and wanted.search(line):
                yield path, number
    for path, data in files(view, *_SCRIPTS):
        # A script for U-Boot is text behind a header of 64 bytes and a table of lengths (include/image.h).
        for number, line in lines(data[72:]):
            if not line.lstrip().startswith("#") and wanted.search(line):
                yield path, number
    for path, data in (*environments(view), *view.beside.items()):
        try:
            environment = uboot_env.parse(data)
        except uboot_env.UbootEnvError:
            continue
        # Any valid copy: the next update of a redundant pair takes turns.
        pairs = [pair for copy in environment.copies if copy.valid for pair in copy.pairs]
        if any(wanted.search(value.decode("utf-8", "replace")) for _, value in pairs):
            yield path, 0


def environments(view: ImageView) -> Iterator[tuple[str, bytes]]:
    """U-Boot's in the image: in files, and in raw regions."""
    yield from files(view, "/boot/uboot*.env", "/boot/*/uboot*.env", "/uboot/uboot*.env")
    yield from ((str(region), data) for region, data in view.raw.items())
