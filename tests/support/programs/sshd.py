"""The real sshd as judge of a configuration: in a name space of its own, without touching this machine's /etc/ssh."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

_SCRIPT = """
mount --bind "$1/ssh" /etc/ssh && mount -t tmpfs t /run && mkdir /run/sshd &&
exec /usr/sbin/sshd -T -h "$1/key" "${@:2}"
"""

_GIVEN = ("ed25519", "ecdsa")


def sshd_says(files: Mapping[str, bytes], directory: Path, connection: str = "") -> dict[str, list[str]]:
    """What ``sshd -T`` reports, keyword to values, for files below /etc/ssh.

    Args:
        connection: ``user=…,host=…,addr=…`` to have Match blocks judged.
    """
    done = run_sshd(files, directory, connection)
    assert done.returncode == 0, done.stderr
    # A deprecated keyword is all it may complain of: it starts all the same.
    assert all(" Deprecated option " in line for line in done.stderr.splitlines()), done.stderr
    result: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        keyword, _, value = line.partition(" ")
        result.setdefault(keyword, []).append(value)
    return result


def run_sshd(files: Mapping[str, bytes], directory: Path, connection: str = "") -> subprocess.CompletedProcess[str]:
    """Run ``sshd -T``; the status tells whether it would start."""
    base = directory / "etc"
    for name, content in files.items():
        path = base / "ssh" / Path(name).relative_to("/etc/ssh")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    # A key of its own by option, so that any configuration starts; and those a finished image has.
    for kind, key in (("ed25519", base / "key"), *((kind, base / f"ssh/ssh_host_{kind}_key") for kind in _GIVEN)):
        if not key.exists():
            key.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", key], check=True)
    options = ["-C", connection] if connection else []
    return subprocess.run(
        ["unshare", "-rm", "bash", "-c", _SCRIPT, "sshd", base, *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
