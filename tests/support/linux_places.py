"""Where files lie in the tests' Linux image, and passwords and keys that are planted in it."""

from __future__ import annotations

from tests.support.breakages import Change, field

SHADOW, PASSWD, GROUP, GSHADOW = "/etc/shadow", "/etc/passwd", "/etc/group", "/etc/gshadow"
SSHD, OPTIONS = "/etc/ssh/sshd_config", "/etc/default/ssh"
KEYS = "/home/technician/.ssh/authorized_keys"
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key"
SUDOERS = "/etc/sudoers.d/gateway-users"
STRONG = "$6$salt$" + "B" * 86
MD5 = "$1$salt$0123456789012345678901"


def root(password: str) -> Change:
    return field(SHADOW, "root", 1, password)


YESCRYPT = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"
