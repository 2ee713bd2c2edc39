"""What breaks the strict profile's rules about files and accounts, on an image hardened by it."""
# ruff: noqa: S108 - directories of the image, not of the build machine

from __future__ import annotations

from tests.support.breakages import Breakage, edit, own, put, remove

BREAKAGES: tuple[Breakage, ...] = (
    Breakage(
        "a file for everybody to write",
        "files.world_writable",
        "/etc/hosts",
        own("/etc/hosts", mode=0o666),
        base="strict",
    ),
    Breakage(
        "a directory without the sticky bit",
        "files.world_writable",
        "/var/tmp",
        own("/var/tmp", mode=0o777),
        base="strict",
    ),
    Breakage(
        "a setuid program nobody knows",
        "files.setuid",
        "/usr/bin/helper",
        put("/usr/bin/helper", "ELF", 0o4755),
        base="strict",
    ),
    Breakage(
        "a setgid program nobody knows",
        "files.setuid",
        "/opt/vendor/tool",
        put("/opt/vendor/tool", "ELF", 0o2755),
        base="strict",
    ),
    Breakage(
        "a file of nobody", "files.unowned", "/opt/vendor/data", put("/opt/vendor/data", "x", uid=4711), base="strict"
    ),
    Breakage("a file of no group", "files.unowned", "/etc/hosts", own("/etc/hosts", gid=4711), base="strict"),
    Breakage(
        "a program of a user's",
        "files.programs",
        "/usr/bin/tool",
        put("/usr/bin/tool", "ELF", 0o755, uid=1500),
        base="strict",
    ),
    Breakage(
        "a start script its group may write",
        "files.programs",
        "/etc/init.d/ssh",
        own("/etc/init.d/ssh", mode=0o775),
        base="strict",
    ),
    Breakage(
        "programs in a directory others may write",
        "files.programs",
        "/usr/sbin",
        own("/usr/sbin", mode=0o777),
        base="strict",
    ),
    Breakage(
        "trust by host name", "accounts.trust_by_name", "/root/.rhosts", put("/root/.rhosts", "+ +\n"), base="strict"
    ),
    Breakage(
        "trust by host name for all",
        "accounts.trust_by_name",
        "/etc/hosts.equiv",
        put("/etc/hosts.equiv", "+\n"),
        base="strict",
    ),
    Breakage(
        "files for everybody",
        "accounts.umask",
        "/etc/login.defs",
        edit("/etc/login.defs", "027", "022"),
        "UMASK",
        "strict",
    ),
    Breakage(
        "files for everybody, by the profile",
        "accounts.umask",
        "/etc/profile",
        lambda view: put("/etc/profile", "umask 0022\n")(remove("/etc/login.defs")(view)),
        "umask",
        "strict",
    ),
    Breakage(
        "a home for everybody to read",
        "accounts.homes",
        "/home/technician",
        own("/home/technician", mode=0o755),
        base="strict",
    ),
    Breakage("root's home for everybody to read", "accounts.homes", "/root", own("/root", mode=0o755), base="strict"),
)
