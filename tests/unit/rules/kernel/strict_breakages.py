"""What breaks the strict profile's rules about the kernel, on an image hardened by it."""

from __future__ import annotations

import re

from pipeline.model.image_view import ImageView
from tests.support.breakages import Breakage, Change, both, put


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

BREAKAGES: tuple[Breakage, ...] = (
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
)
