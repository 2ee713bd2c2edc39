"""A real sshd on the loopback, with a host key and an authorized key of its own; it touches nothing of this machine."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Started as root, sshd wants its own empty directory under /run; it gets one in a mount namespace.
_AS_ROOT = 'mount -t tmpfs t /run && mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e -f "$1"'


@dataclass(frozen=True)
class LiveSshd:
    """Where it listens, and what is needed to get in."""

    user: str
    port: int
    key: Path
    known_hosts: Path
    fingerprint: str

    @property
    def address(self) -> str:
        """As `doit capture` takes it."""
        return f"ssh://{self.user}@127.0.0.1:{self.port}"


@contextmanager
def live_sshd(place: Path) -> Iterator[LiveSshd]:
    """Run one in a directory for the time of a test."""
    place.mkdir(mode=0o700, parents=True)
    for name in ("host", "login", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(place / name)], check=True)
    (place / "authorized_keys").write_bytes((place / "login.pub").read_bytes())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (place / "config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {place}/host\nAuthorizedKeysFile {place}/authorized_keys\n"
        f"PidFile none\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nStrictModes no\n"
        f"PermitRootLogin prohibit-password\nLogLevel VERBOSE\n"
    )
    command = ["/usr/sbin/sshd", "-D", "-e", "-f", str(place / "config")]
    if os.geteuid() == 0:
        command = ["unshare", "-m", "sh", "-c", _AS_ROOT, "sshd", str(place / "config")]
    shown = subprocess.run(["ssh-keygen", "-lf", str(place / "host.pub")], capture_output=True, text=True, check=True)
    words = (place / "host.pub").read_text().split()
    (place / "known_hosts").write_text(f"[127.0.0.1]:{port} {words[0]} {words[1]}\n")
    with (place / "log").open("wb") as log, subprocess.Popen(command, stderr=log, stdin=subprocess.DEVNULL) as process:
        try:
            _wait(port, process, place / "log")
            yield LiveSshd(getpass.getuser(), port, place / "login", place / "known_hosts", shown.stdout.split()[1])
        finally:
            process.terminate()


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("sshd does not listen")
