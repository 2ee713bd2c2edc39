"""Trees: links are followed as the gateway's kernel would, and a layer leads to the tree one expects."""

from __future__ import annotations

import hashlib

import pytest

from pipeline.errors import PipelineError
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, FileEntry, Layer, LinkEntry, Origin, Removal
from pipeline.model.tree import Kind, Node, Tree

WHY = (Origin("test", "test"),)


def a_tree(files: dict[str, bytes] | None = None, links: dict[str, str] | None = None) -> Tree:
    nodes = {GuestPath("/"): Node(Kind.DIRECTORY, 0o755)}
    for name in {**(files or {}), **(links or {})}:
        for above in GuestPath(name).ancestors():
            nodes.setdefault(above, Node(Kind.DIRECTORY, 0o755))
    for name, content in (files or {}).items():
        nodes[GuestPath(name)] = Node(Kind.FILE, 0o644, size=len(content), sha256=hashlib.sha256(content).hexdigest())
    for name, target in (links or {}).items():
        nodes[GuestPath(name)] = Node(Kind.LINK, 0o777, target=target)
    return Tree(nodes)


def test_the_versioned_directory_behind_the_esf_link() -> None:
    tree = a_tree(
        {"/opt/eurotech/esf_5.0.0/kura/kura.properties": b"x"}, {"/opt/eurotech/esf": "/opt/eurotech/esf_5.0.0"}
    )
    assert (
        tree.resolve(GuestPath("/opt/eurotech/esf/kura/kura.properties"))
        == "/opt/eurotech/esf_5.0.0/kura/kura.properties"
    )
    assert tree.resolve(GuestPath("/opt/eurotech/esf"), follow_last=False) == "/opt/eurotech/esf"


def test_relative_links_and_dots_stay_inside_the_image() -> None:
    tree = a_tree({"/run/lock/x": b""}, {"/var/lock": "../run/lock", "/escape": "../../../../etc"})
    assert tree.resolve(GuestPath("/var/lock/x")) == "/run/lock/x"
    assert tree.resolve(GuestPath("/escape/passwd")) == "/etc/passwd"


def test_loops_and_paths_through_files_are_refused() -> None:
    with pytest.raises(PipelineError, match="too many levels"):
        a_tree(links={"/a": "/b", "/b": "/a"}).resolve(GuestPath("/a/x"))
    with pytest.raises(PipelineError, match="not a directory"):
        a_tree({"/etc/passwd": b""}).resolve(GuestPath("/etc/passwd/x"))


def test_a_layer_leads_to_the_expected_tree() -> None:
    tree = a_tree({"/etc/old": b"1", "/var/log/a": b"2", "/var/log/b/c": b"3"})
    after = tree.apply(
        Layer.of(
            FileEntry(GuestPath("/etc/old"), b"new", WHY, mode=0o600, xattrs=(("user.a", b"\x01"),)),
            DirEntry(GuestPath("/etc/dir"), WHY, mode=0o700, uid=5),
            LinkEntry(GuestPath("/etc/link"), "old", WHY),
            Removal(GuestPath("/var/log"), WHY),
        )
    )
    assert after.get(GuestPath("/var/log/b/c")) is None
    assert after.get(GuestPath("/var/log")) is None
    old = after.get(GuestPath("/etc/old"))
    assert old == Node(Kind.FILE, 0o600, size=3, sha256=hashlib.sha256(b"new").hexdigest(), xattrs=(("user.a", "01"),))
    assert after.get(GuestPath("/etc/dir")) == Node(Kind.DIRECTORY, 0o700, uid=5)
    assert after.get(GuestPath("/etc/link")) == Node(Kind.LINK, 0o777, target="old")


def test_children_and_everything_below() -> None:
    tree = a_tree({"/etc/a/x": b"", "/etc-old/y": b""})
    assert tree.below(GuestPath("/etc")) == ("/etc/a", "/etc/a/x")
    assert tree.children(GuestPath("/")) == ("/etc", "/etc-old")
