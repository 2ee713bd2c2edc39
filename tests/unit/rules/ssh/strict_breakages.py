"""What breaks the strict profile's rules about the SSH server, on an image hardened by it."""

from __future__ import annotations

from tests.support.breakages import Breakage, append, prepend
from tests.support.linux_places import SSHD

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


BREAKAGES: tuple[Breakage, ...] = (
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
)
