"""Turns a freshly installed Debian into the system of a gateway that has left the factory and was never booted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from pipeline.demo.members import Member, Members, text_file
from pipeline.errors import PipelineError
from pipeline.model.guest_path import GuestPath

# Traces of the installation and of the machine it ran on, and what every gateway must make for itself: package
# scripts have just made one set of secrets, which all copies of the image would share.
_DROPPED = (
    "/etc/apt/apt.conf.d/99mmdebstrap",
    "/etc/apt/sources.list.d/*",
    "/etc/bind/rndc.key",
    "/etc/machine-id",
    "/etc/ssh/ssh_host_*",
    "/etc/[gps]*-",  # group-, gshadow-, passwd-, shadow-
    "/var/cache/apt/*",
    "/var/cache/debconf/*-old",
    "/var/cache/ldconfig/*",
    "/var/lib/apt/lists/*",
    "/var/lib/dbus/machine-id",
    "/var/lib/dpkg/*-old",
    "/var/lib/systemd/random-seed",
    "/var/lib/ucf/*.[0-9]",
    "/var/lib/urandom/random-seed",
    "/var/log/fsck/*",
    "/var/log/*.log",
)
_KEPT_EMPTY = ("/var/log/btmp", "/var/log/faillog", "/var/log/lastlog", "/var/log/wtmp")

# The weak password a vendor prints in its manual ("eurotech"): the demo has to start from the real weakness, and a
# fixed salt keeps the image reproducible. The product replaces it (A:11-17).
ROOT_PASSWORD = "eurotech"
_ROOT_HASH = "$6$vanilla$5RBULEgKg6XMifb1cj1Fp.Gma4lRY9.f5e5Nv3LOifmCkjp3xtBrvXpkcUumDCvA0RvmjhMfEi7v5jgPBIH290"

HOST_NAME = "gateway"


def never_booted(members: Members, *, root_uuid: str, boot_label: str, epoch: int) -> dict[GuestPath, Member]:
    """The tree without traces of its making, with the vendor's weak defaults and the disk's file systems.

    Raises:
        PipelineError: a file of Debian does not look as expected, so that an edit would not take effect.
    """
    kept = {path: member for path, member in members.items() if not _is_dropped(path)}
    for name in _KEPT_EMPTY:
        path = GuestPath(name)
        if path in kept:
            kept[path] = replace(kept[path], content=b"")
    edits: Mapping[str, Callable[[str], str]] = {"/etc/shadow": _root_password, "/etc/ssh/sshd_config": _open_sshd}
    for name, edit in edits.items():
        kept[GuestPath(name)] = _edited(kept, name, edit, epoch)
    if GuestPath("/etc/inittab") in kept:  # not there under systemd, which finds the console by itself
        kept[GuestPath("/etc/inittab")] = _edited(kept, "/etc/inittab", _serial_console, epoch)
    for name, text in _written(root_uuid, boot_label).items():
        kept[GuestPath(name)] = text_file(text, mtime=epoch)
    if "/usr/lib/systemd/systemd" in kept:
        # It starts from a read-only root only if the file is there; empty, it asks for no first-boot questions.
        kept[GuestPath("/etc/machine-id")] = text_file("", 0o444, mtime=epoch)
    return kept


def _is_dropped(path: GuestPath) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in _DROPPED)


def _edited(members: Members, name: str, edit: Callable[[str], str], epoch: int) -> Member:
    member = members.get(GuestPath(name))
    if member is None:
        raise PipelineError(
            f"demo: {name} is missing in the Debian root file system",
            "check the list of packages in pipeline/demo/rootfs.py",
        )
    return replace(member, content=edit(member.read().decode()).encode(), mtime=epoch)


def _root_password(shadow: str) -> str:
    return _replaced(r"(?m)^root:[^:]*:", f"root:{_ROOT_HASH}:", shadow, "/etc/shadow")


def _open_sshd(config: str) -> str:
    """Port 22, root and passwords welcome: what A:35-89 closes."""
    for key, value in (("Port", "22"), ("PermitRootLogin", "yes"), ("PasswordAuthentication", "yes")):
        config = _replaced(rf"(?m)^#?{key} .*$", f"{key} {value}", config, "/etc/ssh/sshd_config")
    return config


def _serial_console(inittab: str) -> str:
    """One login on the serial line instead of six on a screen that gateways do not have."""
    without = _replaced(r"(?m)^[1-6]:\d+:respawn:/sbin/getty .*\n", "", inittab, "/etc/inittab", count=6)
    return without.rstrip("\n") + "\nS0:2345:respawn:/sbin/getty -L ttyS0 115200 vt100\n"


def _replaced(pattern: str, new: str, text: str, name: str, count: int = 1) -> str:
    result, done = re.subn(pattern, lambda _: new, text, count=count)
    if done != count:
        raise PipelineError(
            f"demo: {name} of the Debian root file system does not look as expected (no match for {pattern})",
            "the package has changed; adapt pipeline/demo/debian.py",
        )
    return result


def _written(root_uuid: str, boot_label: str) -> dict[str, str]:
    """Files that mmdebstrap copied from the build machine or left to the installer."""
    return {
        "/etc/apt/sources.list": (
            "deb http://deb.debian.org/debian bookworm main\n"
            "deb http://deb.debian.org/debian bookworm-updates main\n"
            "deb http://deb.debian.org/debian-security bookworm-security main\n"
        ),
        "/etc/fstab": (
            "# <file system> <mount point> <type> <options> <dump> <pass>\n"
            f"UUID={root_uuid} / ext4 defaults,noatime,errors=remount-ro 0 1\n"
            f"LABEL={boot_label} /boot vfat defaults,umask=0077 0 0\n"
        ),
        "/etc/hostname": f"{HOST_NAME}\n",
        "/etc/hosts": (f"127.0.0.1\tlocalhost\n127.0.1.1\t{HOST_NAME}\n::1\t\tlocalhost ip6-localhost ip6-loopback\n"),
        "/etc/resolv.conf": "# written by the network interfaces as they come up\n",
    }
