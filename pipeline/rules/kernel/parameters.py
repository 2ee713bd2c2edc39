"""Kernel parameters as they will be after boot: who reads the files, in which order, and what the command line says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.formats.boot import sysctl_conf, uboot_env
from pipeline.formats.packages import dpkg_status
from pipeline.model.image_view import ImageView
from pipeline.rules.looking import files, lines, paths
from pipeline.rules.services import rcs
from pipeline.rules.shared import shared

READS = (
    "/etc/sysctl.conf", "/etc/sysctl.d/*", "/usr/lib/sysctl.d/*", "/usr/local/lib/sysctl.d/*", "/lib/sysctl.d/*",
    *rcs.READS, "/etc/init.d/*", "/etc/inittab", "/boot/cmdline.txt", "/boot/extlinux/extlinux.conf", "/boot/uEnv.txt",
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
    scripts = [str(path) for path in rcs.start_scripts(view) or ()] if view.init == "busybox" else ["/etc/init.d/rc*"]
    for path, data in files(view, *scripts, "/etc/inittab"):
        for _, line in lines(data):
            if re.search(r"(^|[/\s:])sysctl\s+(-\S+\s+)*(-p|--system|--load)", line.partition("#")[0]):
                return path
    return None


@shared
def in_effect(view: ImageView, key: str) -> Setting | None:
    """The assignment of a key that counts; None when no file has one.

    The last one does; but one that names the key counts more than any pattern, for systemd and for procps since 4.0.
    """
    named: Setting | None = None
    last: Setting | None = None
    for path, data in _in_order(view):
        for number, line in enumerate(sysctl_conf.parse(data), 1):
            if line.sets(key):
                last = Setting(path, number, line.value)
                named = last if line.key == key else named
    return named if named is not None and _names_count_more(view) else last


def _names_count_more(view: ImageView) -> bool:
    if view.init == "systemd":
        return True
    for path in ("/var/lib/dpkg/status", "/var/lib/opkg/status", "/usr/lib/opkg/status"):
        installed = dpkg_status.versions(view.find(path) or b"")
        version = re.match(r"(?:\d+:)?(\d+)", installed.get("procps", ""))
        if version:
            return int(version[1]) >= 4
    return False


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
    seen: set[tuple[str, int]] = set()
    for path, number, text in command_lines(view):
        if wanted.search(text) and (path, number) not in seen:
            seen.add((path, number))
            yield path, number


def command_lines(view: ImageView) -> Iterator[tuple[str, int, str]]:
    """Every line in which arguments of the kernel may stand, with its file and number; 0 for U-Boot's environments."""
    for path, data in files(view, *_COMMAND_LINES):
        for number, line in lines(data):
            if not line.lstrip().startswith("#"):
                yield path, number, line
    for path, data in files(view, *_SCRIPTS):
        # A script for U-Boot is text behind a header of 64 bytes and a table of lengths (include/image.h).
        for number, line in lines(data[72:]):
            if not line.lstrip().startswith("#"):
                yield path, number, line
    for path, data in (*environments(view), *view.beside.items()):
        try:
            environment = uboot_env.parse(data)
        except uboot_env.UbootEnvError:
            continue
        # Any valid copy: the next update of a redundant pair takes turns.
        for copy in environment.copies:
            for _, value in copy.pairs if copy.valid else ():
                yield path, 0, value.decode("utf-8", "replace")


def environments(view: ImageView) -> Iterator[tuple[str, bytes]]:
    """U-Boot's in the image: in files, and in raw regions."""
    yield from files(view, "/boot/uboot*.env", "/boot/*/uboot*.env", "/uboot/uboot*.env")
    yield from ((str(region), data) for region, data in view.raw.items())
