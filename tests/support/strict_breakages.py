"""What breaks the rules of the strict profile, on an image hardened by it."""
# ruff: noqa: S108 - directories of the image, not of the build machine

from __future__ import annotations

import re

from pipeline.model.image_view import ImageView
from tests.support.breakages import Breakage, Change, append, both, edit, own, prepend, put, remove
from tests.support.linux_breakages import SSHD


def _unset(line: str) -> Change:
    """No file that is read at boot sets it, ours or the system's."""
    key = line.partition(" ")[0]
    setting = re.compile(rf"(?m)^\s*-?{re.escape(key)}\s*=.*\n".encode())

    def change(view: ImageView) -> ImageView:
        found = [path for path, data in view.files.items() if "/sysctl." in path and setting.search(data)]
        assert found, key
        return both(*(put(path, setting.sub(b"", view.files[path])) for path in found))(view)

    return change


def _late(line: str) -> Change:
    return put("/etc/sysctl.d/zzz.conf", f"{line}\n")


_PARAMETERS = (
    ("kptr_restrict", "kernel.kptr_restrict = 2", "kernel.kptr_restrict = 0"),
    ("dmesg_restrict", "kernel.dmesg_restrict = 1", "kernel.dmesg_restrict = 0"),
    ("randomize_va_space", "", "kernel.randomize_va_space = 0"),
    ("protected_symlinks", "fs.protected_symlinks = 1", "fs.protected_symlinks = 0"),
    ("protected_hardlinks", "fs.protected_hardlinks = 1", "fs.protected_hardlinks = 0"),
    ("suid_dumpable", "", "fs.suid_dumpable = 2"),
    ("accept_redirects", "net.ipv4.conf.all.accept_redirects = 0", "net.ipv4.conf.all.accept_redirects = 1"),
    ("accept_source_route", "", "net.ipv4.conf.all.accept_source_route = 1"),
    ("tcp_syncookies", "", "net.ipv4.tcp_syncookies = 0"),
)
_KEYWORDS = (
    ("maxauthtries", "MaxAuthTries 6"),
    ("logingracetime", "LoginGraceTime 2m"),
    ("logingracetime", "LoginGraceTime 0"),
    ("x11forwarding", "X11Forwarding yes"),
    ("allowtcpforwarding", "AllowTcpForwarding local"),
    ("permituserenvironment", "PermitUserEnvironment yes"),
    ("ignorerhosts", "IgnoreRhosts no"),
    ("strictmodes", "StrictModes no"),
    ("loglevel", "LogLevel QUIET"),
)

STRICT: tuple[Breakage, ...] = (
    *(
        Breakage(
            f"{name} set otherwise by a later file",
            f"kernel.{name}",
            "/etc/sysctl.d/zzz.conf",
            _late(other),
            other,
            "strict",
        )
        for name, _, other in _PARAMETERS
    ),
    *(
        Breakage(f"nothing sets {name}", f"kernel.{name}", "/etc/sysctl.conf", _unset(line), base="strict")
        for name, line, _ in _PARAMETERS
        if line
    ),
    *(
        Breakage(f"{line}, said first", f"ssh.{name}", SSHD, prepend(SSHD, f"{line}\n"), line, "strict")
        for name, line in _KEYWORDS
    ),
    Breakage(
        "tunnels for one user",
        "ssh.allowtcpforwarding",
        SSHD,
        append(SSHD, "Match User technician\nAllowTcpForwarding yes\n"),
        "AllowTcpForwarding yes",
        "strict",
    ),
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
