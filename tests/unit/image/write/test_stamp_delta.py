"""A layer stamped on metadata alone changes the same blocks as on a whole copy, and two readers see what was meant."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.image.containers import prepare
from pipeline.image.ext4 import seal
from pipeline.image.witness.client import NAMES, Witness
from pipeline.image.witness.looking import Readers
from pipeline.image.write.stamp import stamp
from pipeline.image.write.stamp_delta import make_template, stamp_delta
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, FileEntry, Layer, LinkEntry, Origin, Removal
from pipeline.model.tree import Kind, Node, Tree
from tests.support import disks

EPOCH = 1_767_225_600
WHY = (Origin("test.rule", "a test"),)
FILES: dict[str, bytes | str] = {
    "/etc/hostname": b"base\n",
    "/etc/large": os.urandom(300_000),
    "/etc/removed": b"secret of the base\n" * 3000,
    "/etc/link": "hostname",
    "/opt/kept/data": b"kept" * 9000,
    "/opt/gone/one": b"1" * 5000,
    "/var/": b"",
}
LAYER = Layer.of(
    FileEntry(GuestPath("/etc/hostname"), b"gw-1\n", WHY, mode=0o600),
    FileEntry(GuestPath("/etc/zeros"), bytes(40_000) + b"end", WHY),
    FileEntry(GuestPath("/etc/new"), b"new content\n" * 900, WHY, uid=7, xattrs=(("user.a", b"\0\xff"),)),
    LinkEntry(GuestPath("/etc/other"), "/etc/new", WHY),
    DirEntry(GuestPath("/opt/new"), WHY, mode=0o700),
    FileEntry(GuestPath("/opt/new/file"), b"", WHY),
    Removal(GuestPath("/etc/removed"), WHY),
    Removal(GuestPath("/opt/gone"), WHY),
)


def a_disk(place: Path, *options: str, block: int = 4096) -> tuple[Path, Disk, Tree]:
    """A disk with one sealed ext4 partition, and what it holds."""
    bare = disks.ext_image(
        place / "bare", disks.tree_on_host(place / "tree", FILES), options=("-b", str(block), *options)
    )
    image = place / "base.img"
    with image.open("wb") as stream:
        stream.truncate(disks.MIB)
        stream.seek(disks.MIB)
        stream.write(bare.read_bytes())
    disk = Disk(33 * disks.MIB, "mbr", (Partition(1, disks.MIB, 32 * disks.MIB, "ext4", mountpoint=GuestPath("/")),))
    seal.seal(image, disk, epoch=EPOCH)
    nodes: dict[GuestPath, Node] = {}
    with Witness("libfsext", image, disk.partitions) as witness:
        seen = witness.base(digest=["*"])
    for path, one in seen.paths.items():
        digest = seen.digests.get(path)
        xattrs = one.xattrs or ()
        nodes[GuestPath(path)] = Node(
            Kind(one.kind), one.mode, one.uid, one.gid, one.size, one.target, one.device or "", digest, xattrs
        )
    return image, disk, Tree(nodes)


@pytest.mark.parametrize(
    ("options", "block"), [((), 4096), ((), 1024), (("-O", "^metadata_csum,^64bit"), 4096), (("-I", "128"), 4096)]
)
def test_the_same_blocks_change_as_on_a_whole_copy(tmp_path: Path, options: tuple[str, ...], block: int) -> None:
    image, disk, tree = a_disk(tmp_path, *options, block=block)
    make_template(image, disk, tmp_path / "template")
    blocks = stamp_delta(image, tmp_path / "template", disk, tree, LAYER, epoch=EPOCH, state_dir=tmp_path / "state")
    whole = tmp_path / "whole.img"
    prepare.copy_sparse(image, whole)
    stamp(whole, disk, tree, LAYER, epoch=EPOCH, state_dir=tmp_path / "state")
    base, now = image.read_bytes(), whole.read_bytes()
    differing = {n for n in range(len(base) // 4096) if base[n * 4096 :][:4096] != now[n * 4096 :][:4096]}
    assert differing <= set(blocks)
    assert all(now[n * 4096 : (n + 1) * 4096] == content for n, content in blocks.items())
    assert b"secret of the base" not in b"".join(blocks.values())


def test_two_readers_see_what_was_planned_and_tell_what_was_not(tmp_path: Path) -> None:
    image, disk, tree = a_disk(tmp_path)
    make_template(image, disk, tmp_path / "template")
    blocks = stamp_delta(image, tmp_path / "template", disk, tree, LAYER, epoch=EPOCH, state_dir=tmp_path / "state")
    after = tree.apply(LAYER)
    touched = {path for path in {*tree.nodes, *after.nodes} if tree.get(path) != after.get(path)}
    with Readers(image, disk, disk.partitions, tree) as readers:
        assert readers.base(digest=["*"]).findings == ()
        look = readers.gateway(blocks, after, touched, read={GuestPath("/etc/hostname")})
        assert look.findings == ()
        assert look.contents == {GuestPath("/etc/hostname"): b"gw-1\n"}
        # content of a file the plan leaves alone: its block is changed, and both say so
        at = image.read_bytes().index(b"kept" * 1000) // 4096
        changed = readers.gateway({**blocks, at: b"evil" * 1024}, after, touched).findings
        assert {one.subject for one in changed} == {"/opt/kept/data"}
        assert len(changed) == len(NAMES)
        wrong = replace(after.nodes[GuestPath("/etc/new")], mode=0o777)
        other = Tree({**after.nodes, GuestPath("/etc/new"): wrong})
        assert {one.subject for one in readers.gateway(blocks, other, touched).findings} == {"/etc/new"}
        fewer = Tree({path: node for path, node in after.nodes.items() if path != "/etc/zeros"})
        assert {one.check for one in readers.gateway(blocks, fewer, touched).findings} == {"extra"}


@pytest.mark.parametrize("reader", NAMES)
def test_a_reader_survives_what_it_cannot_read(tmp_path: Path, reader: str) -> None:
    image, disk, _ = a_disk(tmp_path)
    with Witness(reader, image, disk.partitions) as witness:
        garbage = {number: os.urandom(4096) for number in range(256, 300)}
        with pytest.raises(PipelineError, match="cannot read this image"):
            witness.gateway(garbage)
        assert len(witness.gateway({}).changed) == 0
    (tmp_path / "short").write_bytes(b"x" * 100)
    with Witness(reader, tmp_path / "short", disk.partitions) as witness, pytest.raises(PipelineError):
        witness.base()
