"""Boot tests run as a person runs them, and a gateway that does not do what its manifest says."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.boottest import peek
from pipeline.image.ext4.tools import place_of
from pipeline.manifest import NAMESPACE, from_bytes, to_bytes
from pipeline.model.guest_path import GuestPath
from pipeline.model.manifest import Manifest
from tests.support.workspaces import doit

# Under load and without KVM a start takes minutes.
PATIENCE = 1500


@dataclass(frozen=True)
class BootTest:
    """One gateway's part of what ``doit boottest --json`` printed."""

    status: int
    text: str
    told: Mapping[str, Any]

    def answers(self, interface: str, where: str) -> dict[int, str]:
        """What the ports said to somebody of that kind at one interface."""
        (found,) = [one for one in self.told["packets"] if (one["interface"], one["from"]) == (interface, where)]
        return {int(port): answer for port, answer in found["answers"].items()}

    @property
    def findings(self) -> set[tuple[str, str]]:
        """Subjects and checks."""
        return {(one["subject"], one["check"].split(",")[0]) for one in self.told["findings"]}


def boot_test(workspace: Path, gateway: str, key: Path, log: Path) -> BootTest:
    """Boot one gateway and look at it, from inside too."""
    options = ("--json", "--identity", str(key), "--patience", str(PATIENCE), "--log", str(log))
    ran = doit(workspace, "boottest", *options, gateway, timeout=3 * PATIENCE)
    assert ran.stdout.startswith("{"), ran.text
    (told,) = json.loads(ran.stdout)["gateways"]
    return BootTest(ran.status, ran.text, told)


def digests_of(directory: Path) -> dict[str, str]:
    """Every file below a directory by its content."""
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


_LISTEN = b"""#!/bin/sh
mkdir -p /run/sshd
exec /usr/sbin/sshd -D -f /dev/null -o PidFile=none -p 22 -p 80 -p 443 -p 1450 -p 8000
"""


def spoil(gateway: Path, target: Path, signer: Path) -> None:
    """Copy a gateway's directory with an image that breaks promises, and a manifest that is signed for just that image.

    Something listens on every port that is asked for, so that silence is the firewall's; the firewall lets everybody
    in at 8000; passwords are taken; the name is another's.
    """
    shutil.copytree(gateway, target)
    manifest = from_bytes((target / "manifest.json").read_bytes())
    raw = target / "image.img"
    _rewrite(raw, manifest, "/etc/hostname", lambda text: "gw-impostor\n")
    _rewrite(raw, manifest, "/etc/ssh/sshd_config", _passwords)
    _rewrite(raw, manifest, "/etc/sysconfig/iptables", _opened)
    _rewrite(raw, manifest, "/etc/inittab", lambda text: text + "L1:2345:respawn:/usr/sbin/listen\n")
    _write(raw, manifest, "/usr/sbin/listen", _LISTEN, 0o100755)
    image = replace(manifest.image, sha256=hashlib.sha256(raw.read_bytes()).hexdigest())
    (target / "manifest.json").write_bytes(to_bytes(replace(manifest, image=image)))
    (target / "manifest.json.sig").unlink()
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-f", str(signer), "-n", NAMESPACE, str(target / "manifest.json")],
        check=True,
        capture_output=True,
    )


def _passwords(text: str) -> str:
    return _swapped(_swapped(text, "PasswordAuthentication no", "yes"), "AuthenticationMethods publickey", "any")


def _swapped(text: str, line: str, value: str) -> str:
    assert line in text
    return text.replace(line, f"{line.split()[0]} {value}")


def _opened(text: str) -> str:
    before, filtering = text.split("*filter", 1)
    return f"{before}*filter" + filtering.replace("COMMIT", "-A INPUT -p tcp -m tcp --dport 8000 -j ACCEPT\nCOMMIT", 1)


def _rewrite(raw: Path, manifest: Manifest, path: str, change: Callable[[str], str]) -> None:
    before = peek.read_text(raw, manifest.disk, manifest.tree, path)
    assert before is not None, path
    _write(raw, manifest, path, change(before).encode(), 0o100000 | manifest.tree.nodes[GuestPath(path)].mode)


def _write(raw: Path, manifest: Manifest, path: str, content: bytes, mode: int) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        commands = f'rm "{path}"\nwrite "{file.name}" "{path}"\nset_inode_field "{path}" mode {mode:#o}\n'
        subprocess.run(
            ["/usr/sbin/debugfs", "-w", "-f", "-", place_of(raw, peek.root_partition(manifest.disk))],
            input=commands.replace("0o", "0"),
            text=True,
            capture_output=True,
            check=True,
        )
    assert peek.read_text(raw, manifest.disk, manifest.tree, path) in (content.decode(), None)
