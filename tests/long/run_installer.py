"""Runs a genuine installer of Kura in a copy of this machine that nobody sees, and reads what it left behind.

The copy is an overlay of the root file system in a mount name space of its own: the installer's real commands
(``useradd``, ``systemctl enable``, ``keytool``, ``rndc-confgen``) do what they do on a gateway; nothing of it stays.
Needs root and unshare(1).
"""

from __future__ import annotations

import hashlib
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind, Node, Tree

# Programs that would reach the machine itself, and one that takes a minute.
_STUBS = ("sysctl", "service", "timedatectl", "semodule", "sudo", "sync", "killall", "ntpd", "apt")
_READ = (
    "/etc",
    "/opt/eclipse",
    "/home/root",
    "/lib",
    "/bin",
    "/sbin",
    "/usr/lib/systemd",
    "/usr/sbin/init",
    "/usr/lib/NetworkManager",
    "/usr/lib/netplan",
)
_LEFT_OUT = re.compile(r"/etc/(ssl|alternatives|java[^/]*|fonts|X11|perl|apt)(/|$)|/usr/lib/python")

_SCRIPT = r"""
set -e
mount -t tmpfs tmpfs {work}
mkdir {work}/upper {work}/inner {work}/merged
mount -t overlay overlay -o lowerdir=/,upperdir={work}/upper,workdir={work}/inner {work}/merged
mount -t proc proc {work}/merged/proc
cp -a {given}/base/. {work}/merged/
export PATH=/stub:/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_OFFLINE=1
chroot {work}/merged /bin/bash -c 'id bind >/dev/null 2>&1 || useradd -r bind; {command}
rm -rf {where}/kura/install; mkdir -p {where}/kura/log' >{given}/log 2>&1 </dev/null || true
rm -rf {work}/merged/stub
cd {work}/merged && tar --numeric-owner -cf {given}/result.tar $(ls -d {read} 2>/dev/null)
"""


def installed(
    files: Mapping[str, tuple[bytes, int]], base: Mapping[str, bytes | str], where: str
) -> tuple[Tree, dict[GuestPath, bytes], str]:
    """Tree and content after an installer ran, and what it said.

    Args:
        files: of the archive, by the path they are unpacked to.
        base: further files and links (text) the gateway's system has before.
        where: the directory it is unpacked in.
    """
    with tempfile.TemporaryDirectory(prefix="kura-install-") as given:
        place = Path(given)
        _lay(place / "base", files)
        _lay(place / "base", {name: (data, 0o644) for name, data in base.items() if isinstance(data, bytes)})
        for name, target in base.items():
            if isinstance(target, str):
                (place / "base" / name.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
                (place / "base" / name.lstrip("/")).symlink_to(target)
        _lay(place / "base", {f"stub/{name}": (b"#!/bin/sh\nexit 0\n", 0o755) for name in _STUBS})
        (place / "work").mkdir()
        script = _SCRIPT.format(
            work=place / "work",
            given=given,
            command=f"sh {where}/kura_*/install/kura_install.sh",
            where=where,
            read=" ".join(part[1:] for part in _READ),
        )
        subprocess.run(["unshare", "-m", "bash", "-c", script], check=True)
        nodes, content = _unpacked(place / "result.tar", place / "result")
        log = (place / "log").read_text("utf-8", "replace")
        shutil.rmtree(place / "result", ignore_errors=True)
    return Tree(nodes), content, log


def _lay(root: Path, files: Mapping[str, tuple[bytes, int]]) -> None:
    for name, (data, mode) in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(mode)


def _unpacked(archive: Path, into: Path) -> tuple[dict[GuestPath, Node], dict[GuestPath, bytes]]:
    into.mkdir()
    subprocess.run(["tar", "--numeric-owner", "-pxf", archive, "-C", into], check=True)
    nodes: dict[GuestPath, Node] = {GuestPath("/"): Node(Kind.DIRECTORY, 0o755)}
    content: dict[GuestPath, bytes] = {}
    for path in _walk(into):
        guest = GuestPath("/" + str(path.relative_to(into)))
        if _LEFT_OUT.match(guest):
            continue
        found = path.lstat()
        mode, owner = stat.S_IMODE(found.st_mode), {"uid": found.st_uid, "gid": found.st_gid}
        if stat.S_ISLNK(found.st_mode):
            nodes[guest] = Node(Kind.LINK, 0o777, target=str(path.readlink()), **owner)
        elif stat.S_ISDIR(found.st_mode):
            nodes[guest] = Node(Kind.DIRECTORY, mode, **owner)
        elif stat.S_ISREG(found.st_mode):
            data = path.read_bytes()
            content[guest] = data
            nodes[guest] = Node(Kind.FILE, mode, size=len(data), sha256=hashlib.sha256(data).hexdigest(), **owner)
    for guest in list(nodes):
        for above in guest.ancestors():
            nodes.setdefault(above, Node(Kind.DIRECTORY, 0o755))
    return nodes, content


def _walk(root: Path) -> Iterator[Path]:
    for entry in sorted(root.iterdir()):
        yield entry
        if entry.is_dir() and not entry.is_symlink():
            yield from _walk(entry)
