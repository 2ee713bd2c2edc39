"""`doit diff` on real images: what is read of both is compared, and each difference has its rule or is unexplained."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline.commands.diff import compare_paths
from pipeline.image.write import bmap
from pipeline.manifest import build_manifest, to_bytes
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, LineOrigin, Origin
from pipeline.model.line_origins import kept
from pipeline.model.tree import Kind, Node, Tree
from tests.support.disks import MIB, ext_image, mbr_disk, tree_on_host
from tests.support.manifest import manifest_inputs

pytestmark = pytest.mark.appliance

UUID = "0b0e4c8f-7a5d-4d41-9f0f-2f1d3c6a9a10"
STATUS = "Package: dash\nStatus: install ok installed\nVersion: {}\nArchitecture: armhf\n"
VANILLA: dict[str, bytes | str] = {
    "/etc/fstab": f"UUID={UUID} / ext4 defaults 0 1\n".encode(),
    "/etc/os-release": b'ID=debian\nVERSION_ID="12"\n',
    "/etc/hostname": b"vanilla\n",
    "/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
    "/etc/shadow": b"root:$6$vanilla$hash:0:0:99999:7:::\n",
    "/etc/group": b"root:x:0:\n",
    "/etc/sysconfig/iptables": b"*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n",
    "/var/lib/dpkg/status": STATUS.format("0.5.12-2").encode(),
}
CHANGED = {
    "/etc/hostname": Origin("identity.host_name", "devices.toml"),
    "/etc/passwd": Origin("accounts.users", "gateway.toml", "A:17"),
    "/etc/shadow": Origin("accounts.root_password", "gateway.toml", "A:11"),
    "/etc/sysconfig/iptables": Origin("firewall.restrict", "golden", "A:113"),
}
PORT = Origin("ssh.port", "gateway.toml [ssh]", "A:84")


def built(top: Path, name: str, changes: Mapping[str, bytes], *, manifest: bool = True) -> Path:
    """A gateway's directory with an image, and with the manifest of its content as the build would write it."""
    files = {**VANILLA, **changes}
    place = top / name
    place.mkdir()
    content = tree_on_host(top / f"{name}.content", files)
    root = ext_image(top / f"{name}.ext4", content, size=16 * MIB, options=("-U", UUID))
    image = mbr_disk(place / "image.img", [(0x83, root)])
    if not manifest:
        return image
    size = image.stat().st_size
    disk = Disk(size, "mbr", (Partition(1, MIB, size - MIB, "ext4", "", UUID, GuestPath("/")),))
    nodes = {GuestPath("/"): Node(Kind.DIRECTORY, 0o755), GuestPath("/lost+found"): Node(Kind.DIRECTORY, 0o700)}
    for path, data in files.items():
        assert isinstance(data, bytes)
        for above in GuestPath(path).ancestors():
            nodes.setdefault(above, Node(Kind.DIRECTORY, 0o755))
        nodes[GuestPath(path)] = Node(Kind.FILE, 0o644, size=len(data), sha256=hashlib.sha256(data).hexdigest())
    layer = Layer.of(
        *(
            FileEntry(
                GuestPath(path),
                changes[path],
                (why,),
                secret=path == "/etc/shadow",
                lines=lines_of(path, changes[path]),
            )
            for path, why in CHANGED.items()
        )
    )
    vanilla = Tree({path: node for path, node in nodes.items() if path not in CHANGED})
    inputs = replace(
        manifest_inputs(name), disk=disk, image=bmap.describe(image, disk).facts, vanilla=vanilla, layer=layer,
        tree=Tree(nodes), keystores=(),
    )  # fmt: skip
    (place / "manifest.json").write_bytes(to_bytes(build_manifest(inputs)))
    return place


def lines_of(path: str, content: bytes) -> tuple[LineOrigin, ...]:
    if path != "/etc/sysconfig/iptables":
        return ()
    lines = content.decode().splitlines()
    return tuple(
        LineOrigin(number, number, PORT if "--dport" in line else kept("golden: iptables"))
        for number, line in enumerate(lines, 1)
    )


def changes(name: str, port: int) -> dict[str, bytes]:
    return {
        "/etc/hostname": f"{name}\n".encode(),
        "/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nops:x:1500:1500::/home/ops:/bin/sh\n",
        "/etc/shadow": f"root:$6${name}$hash:0:0:99999:7:::\nops:*:0:0:99999:7:::\n".encode(),
        "/etc/sysconfig/iptables": b"*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport %d -j ACCEPT\nCOMMIT\n" % port,
    }


def told(text: str) -> dict[str, str]:
    """Each difference with the cause in the line below it."""
    lines = text.splitlines()
    return {
        line.strip().rpartition(": ")[0]: below.strip()
        for line, below in pairwise(lines)
        if line.startswith("    ") and below.startswith("        ")
    }


def test_two_gateways_and_a_spoiled_one_and_the_vanilla_image(tmp_path: Path) -> None:
    one, two = built(tmp_path, "gw-1", changes("gw-1", 22022)), built(tmp_path, "gw-2", changes("gw-2", 22033))
    subprocess.run(
        ["debugfs", "-w", "-R", "sif /etc/group mode 0100666", f"{two}/image.img?offset={MIB}"], check=True,
        capture_output=True,
    )  # fmt: skip
    text, different = compare_paths(one, two, deep=True)
    found = told(text)
    assert different
    assert found["/etc/group"] == "unexplained"  # changed after the build
    assert found["/etc/hostname"] == "identity.host_name, from devices.toml"
    ports = [cause for subject, cause in found.items() if "--dport" in subject]
    assert ports == ["ssh.port, from gateway.toml [ssh] (A:84)"] * 2
    assert found["shadow root"] == "accounts.root_password, from gateway.toml (A:11)"
    assert "root: secret -> another secret" in text
    assert "$6$" not in text
    vanilla = built(tmp_path, "vanilla", {"/var/lib/dpkg/status": STATUS.format("0.5.11-1").encode()}, manifest=False)
    text, different = compare_paths(vanilla, one / "image.img", deep=False)
    found = told(text)
    assert different
    assert found["passwd ops"] == "accounts.users, from gateway.toml (A:17)"
    assert "deb dash armhf: 0.5.11-1 -> 0.5.12-2" in text
    assert found["deb dash armhf"] == "unexplained"
    assert found["/var/lib/dpkg/status"] == "unexplained"
    assert {cause for subject, cause in found.items() if "dpkg" not in subject and "dash" not in subject} >= {
        "identity.host_name, from devices.toml", "accounts.root_password, from gateway.toml (A:11)",
    }  # fmt: skip
