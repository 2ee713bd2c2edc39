"""Lines of a tree: readable, one form for one node, and nothing else is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.tree_text import escape, format_node, format_tree, parse_node, parse_tree, unescape
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind, Node, Tree
from tests.support.manifest import a_vanilla_tree

BYTES = st.binary(min_size=1, max_size=12).filter(lambda name: b"\0" not in name)
NAMES = BYTES.filter(lambda name: b"/" not in name and name not in (b".", b"..")).map(
    lambda name: name.decode("utf-8", "surrogateescape")
)
NUMBERS = st.integers(0, 2**32 - 1)
XATTRS = st.dictionaries(NAMES, st.binary(max_size=4).map(bytes.hex), max_size=3).map(
    lambda pairs: tuple(sorted(pairs.items()))
)
SHARED = {"mode": st.integers(0, 0o7777), "uid": NUMBERS, "gid": NUMBERS, "xattrs": XATTRS}
NODES = st.one_of(
    st.builds(
        Node,
        kind=st.just(Kind.FILE),
        size=st.integers(0, 2**40),
        sha256=st.none() | st.binary(min_size=32, max_size=32).map(bytes.hex),
        **SHARED,
    ),
    st.builds(Node, kind=st.sampled_from([Kind.DIRECTORY, Kind.FIFO, Kind.SOCKET]), **SHARED),
    st.builds(
        Node,
        kind=st.sampled_from([Kind.CHARACTER, Kind.BLOCK]),
        device=st.tuples(NUMBERS, NUMBERS).map(lambda pair: f"{pair[0]}:{pair[1]}"),
        **SHARED,
    ),
    st.builds(
        Node, kind=st.just(Kind.LINK), target=BYTES.map(lambda name: name.decode("utf-8", "surrogateescape")), **SHARED
    ),
)


@given(NODES)
def test_a_node_is_read_back_from_its_line(node: Node) -> None:
    assert parse_node(format_node(node)) == node


@given(st.dictionaries(NAMES, NODES, max_size=5))
def test_a_tree_is_read_back_from_its_lines(children: dict[str, Node]) -> None:
    top = GuestPath("/a b")
    nodes = {GuestPath("/"): Node(Kind.DIRECTORY, 0o755), top: Node(Kind.DIRECTORY, 0o700)}
    nodes |= {top / name: node for name, node in children.items()}
    assert parse_tree(format_tree(Tree(nodes))) == Tree(nodes)


def test_a_whole_tree_with_every_kind_is_read_back() -> None:
    assert parse_tree(format_tree(a_vanilla_tree())) == a_vanilla_tree()


@given(BYTES.map(lambda name: name.decode("utf-8", "surrogateescape")))
def test_a_name_is_read_back_from_plain_unicode(name: str) -> None:
    assert unescape(escape(name)) == name
    escape(name).encode("utf-8")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "f 0644 0:0 5",
        "f 644 0:0 5 secret",
        "f 0644 0:0 05 secret",
        "f 0644 00:0 5 secret",
        "f 0644 0:0 5 sha256:abc",
        "f 0644 0:0 5 secret 8:0",
        "f 0644 0:0 5 secret -> x",
        "d 0755 0:0 5 secret",
        "d 0755 0:0 -> x",
        "d 0755 0:0 ",
        "d 0755 0:0\n",
        " d 0755 0:0",
        "d  0755 0:0",
        "x 0755 0:0",
        "l 0777 0:0",
        "l 0777 0:0 ->",
        "l 0777 0:0 -> \\141",
        "b 0660 0:0",
        "c 0660 0:0 5",
        "d 0755 0:0 @b=00 @a=00",
        "d 0755 0:0 @a=00 @a=00",
        "d 0755 0:0 @a=0",
        "d 0755 0:0 @a=GG",
        "d 0755 0:0 @=00",
    ],
)
def test_another_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        parse_node(line)
