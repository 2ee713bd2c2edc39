"""The verifier with the real appliance: one launch, a good image and tampered copies, each named by path."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.image.write import bmap
from pipeline.manifest import build_manifest, to_bytes
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, LinkEntry, Origin
from pipeline.model.tree import Kind, Node, Tree
from pipeline.verification import verify_paths
from tests.support.delivered import Key
from tests.support.disks import MIB, ext_image, mbr_disk, run, tree_on_host
from tests.support.manifest import manifest_inputs

pytestmark = pytest.mark.appliance

UUID = "0b0e4c8f-7a5d-4d41-9f0f-2f1d3c6a9a10"
WHY = (Origin("test", "test"),)
FILES: dict[str, bytes | str] = {
    "/etc/fstab": f"UUID={UUID} / ext4 defaults 0 1\n".encode(),
    "/etc/hostname": b"gw-1\n",
    "/etc/shadow": b"root:secret\n",
    "/etc/mtab": "/proc/mounts",
    "/usr/bin/tool": b"#!/bin/sh\n",
    "/var/": b"",
}
CHANGED = ("/etc/hostname", "/etc/shadow", "/etc/mtab")


def tree_of(directory: Path) -> Tree:
    """What the image must show, told by the host's own system calls."""
    nodes = {GuestPath("/lost+found"): Node(Kind.DIRECTORY, 0o700)}
    for path in (directory, *directory.rglob("*")):
        about = path.lstat()
        place = GuestPath("/" + path.relative_to(directory).as_posix()) if path != directory else GuestPath("/")
        common = (stat.S_IMODE(about.st_mode), about.st_uid, about.st_gid)
        if path.is_symlink():
            nodes[place] = Node(Kind.LINK, *common, target=str(path.readlink()))
        elif path.is_dir():
            nodes[place] = Node(Kind.DIRECTORY, *common)
        else:
            content = path.read_bytes()
            nodes[place] = Node(Kind.FILE, *common, size=len(content), sha256=hashlib.sha256(content).hexdigest())
    nodes[GuestPath("/")] = replace(nodes[GuestPath("/")], uid=0, gid=0)
    return Tree(nodes)


def layer_of(tree: Tree) -> Layer:
    entries: list[FileEntry | LinkEntry] = []
    for name in CHANGED:
        node, content = tree.nodes[GuestPath(name)], FILES[name]
        if isinstance(content, str):
            entries.append(LinkEntry(GuestPath(name), content, WHY, node.uid, node.gid))
        else:
            secret = name == "/etc/shadow"
            entries.append(FileEntry(GuestPath(name), content, WHY, node.mode, node.uid, node.gid, secret=secret))
    return Layer.of(*entries)


def debugfs(*commands: str) -> Callable[[Path], None]:
    def tamper(image: Path) -> None:
        run("debugfs", "-w", "-f", "-", f"{image}?offset={MIB}", stdin="\n".join(commands).encode())

    return tamper


def overwrite(old: bytes, new: bytes) -> Callable[[Path], None]:
    """Change content in place: nothing but the bytes differs."""

    def tamper(image: Path) -> None:
        content = image.read_bytes()
        assert content.count(old) == 1
        image.write_bytes(content.replace(old, new))

    return tamper


def free_space(image: Path) -> None:
    with image.open("r+b") as stream:
        stream.seek(-100_000, os.SEEK_END)
        stream.write(b"hidden")


TAMPERINGS: dict[str, tuple[Callable[[Path], None], tuple[str, str]]] = {
    "content": (overwrite(b"gw-1\n", b"gw-9\n"), ("/etc/hostname", "content")),
    "secret": (overwrite(b"root:secret\n", b"root:sesame\n"), ("partition 1 (/)", "unexplained")),
    "unchanged": (overwrite(b"#!/bin/sh\n", b"#!/bin/su\n"), ("/usr/bin/tool", "content")),
    "mode": (debugfs("sif /etc/hostname mode 0100666"), ("/etc/hostname", "mode")),
    "owner": (debugfs("sif /var uid 1234"), ("/var", "owner")),
    "xattr": (debugfs("ea_set /usr/bin/tool user.x y"), ("/usr/bin/tool", "xattrs")),
    "target": (debugfs("rm /etc/mtab", "symlink /etc/mtab /proc/mountz"), ("/etc/mtab", "target")),
    "missing": (debugfs("rm /usr/bin/tool"), ("/usr/bin/tool", "missing")),
    "extra": (debugfs("mkdir /usr/extra"), ("/usr/extra", "extra")),
    "device": (debugfs("cd /var", "mknod sda b 8 0"), ("/var/sda", "extra")),
    "label": (debugfs("ssv volume_name EVIL"), ("partition 1 (/)", "label")),
    "journal": (debugfs("feature needs_recovery"), ("file systems", "clean")),
    "free": (free_space, ("partition 1 (/)", "unexplained")),
}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the untouched image, with ``trusted`` beside it."""
    top = tmp_path_factory.mktemp("delivered")
    content = tree_on_host(top / "content", FILES)
    place = top / "gw-1"
    place.mkdir()
    root = ext_image(top / "root.ext4", content, size=16 * MIB, options=("-U", UUID))
    image = mbr_disk(place / "image.img", [(0x83, root)])
    size = image.stat().st_size
    disk = Disk(size, "mbr", (Partition(1, MIB, size - MIB, "ext4", "", UUID, GuestPath("/")),))
    tree = tree_of(content)
    layer = layer_of(tree)
    vanilla = Tree({path: node for path, node in tree.nodes.items() if path not in CHANGED})
    facts = bmap.describe(image, disk).facts
    inputs = replace(
        manifest_inputs("gw-1"), disk=disk, image=facts, vanilla=vanilla, layer=layer, tree=tree, keystores=()
    )
    manifest, key = to_bytes(build_manifest(inputs)), Key.new()
    (place / "manifest.json").write_bytes(manifest)
    (place / "manifest.json.sig").write_bytes(key.sign(manifest))
    (top / "trusted").write_text(key.line())
    return place


def test_one_launch_tells_the_untouched_image_from_every_tampered_one(good: Path, tmp_path: Path) -> None:
    images = [good / "image.img"]
    for name, (tamper, _) in TAMPERINGS.items():
        copy = shutil.copytree(good, tmp_path / name) / "image.img"
        tamper(copy)
        images.append(copy)
    verdicts = verify_paths(
        images,
        allowed_signers=good.parent / "trusted",
        identity=None,
        deep=True,
        state_dir=tmp_path / "state",
        say=lambda text: None,
        rules=(),
    )
    assert verdicts[0].findings == ()
    for name, verdict in zip(TAMPERINGS, verdicts[1:], strict=True):
        found = {(finding.subject, finding.check) for finding in verdict.findings}
        assert TAMPERINGS[name][1] in found, (name, found)
        assert ("image.img", "sha256") in found, name
        assert verdict.exit_status == 1, (name, verdict.findings)
