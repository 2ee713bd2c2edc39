"""A tree as text that people read and programs compare: one line per path, grouped by directory.

A line is ``kind mode uid:gid``, then for a regular file ``size sha256:digest`` (or ``size secret`` where the content is
withheld), for a device node ``major:minor``, then ``@name=hex`` for each extended attribute, and at the end, for a
symbolic link, ``-> target``. Names and targets are Unicode text: a backslash and each byte that is not UTF-8 are
written as a backslash and three octal digits, as mtree(5) does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind, Node, Tree

_NUMBER = "(?:0|[1-9][0-9]*)"
_LINE = re.compile(
    rf"(?P<kind>[fdlcbps]) (?P<mode>[0-7]{{4}}) (?P<uid>{_NUMBER}):(?P<gid>{_NUMBER})"
    rf"(?: (?P<size>{_NUMBER}) (?:sha256:(?P<sha256>[0-9a-f]{{64}})|secret))?"
    rf"(?: (?P<device>{_NUMBER}:{_NUMBER}))?"
    r"(?P<xattrs>(?: @[^ =]+=(?:[0-9a-f]{2})*)*)"
    r"(?: -> (?P<target>.+))?",
    re.DOTALL,
)
_SELF = "."  # no file can have this name, so it stands for the root directory itself


def escape(text: str) -> str:
    """A name with surrogate-escaped bytes as plain Unicode text."""
    if text.isascii() and "\\" not in text:  # nearly every name of an image
        return text
    return "".join(
        f"\\{ord(char) - 0xDC00:03o}" if 0xDC80 <= ord(char) <= 0xDCFF else "\\134" if char == "\\" else char
        for char in text
    )


def unescape(text: str) -> str:
    """The name that `escape` was given; `ValueError` when the text is not what `escape` writes."""
    name = _decode(text)
    if escape(name) != text:
        raise ValueError(f"not an escaped name: {ascii(text)}")
    return name


def format_node(node: Node) -> str:
    """The line of one path; a regular file without digest is written as ``secret``."""
    words = [node.kind.value, f"{node.mode:04o}", f"{node.uid}:{node.gid}"]
    if node.kind is Kind.FILE:
        words += [str(node.size), f"sha256:{node.sha256}" if node.sha256 is not None else "secret"]
    if node.kind in (Kind.CHARACTER, Kind.BLOCK):
        words.append(node.device)
    words += [f"@{_escape_word(name)}={value}" for name, value in node.xattrs]
    if node.kind is Kind.LINK:
        words += ["->", escape(node.target)]
    return " ".join(words)


def parse_node(line: str) -> Node:
    """The node of one line; `ValueError` when it is not exactly what `format_node` writes."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"not a line of a tree: {ascii(line)}")
    pairs = [word.split("=") for word in found["xattrs"].split(" @")[1:]]
    node = Node(
        kind=Kind(found["kind"]),
        mode=int(found["mode"], 8),
        uid=int(found["uid"]),
        gid=int(found["gid"]),
        size=int(found["size"] or 0),
        target=unescape(found["target"] or ""),
        device=found["device"] or "",
        sha256=found["sha256"],
        xattrs=tuple((_decode(name), value) for name, value in pairs),
    )
    if format_node(node) != line or list(node.xattrs) != sorted(set(node.xattrs)):
        raise ValueError(f"not a line of a tree: {ascii(line)}")
    return node


def format_tree(tree: Tree) -> dict[str, dict[str, str]]:
    """Lines by directory and name; the root directory itself is ``.`` in ``/``."""
    groups: dict[str, dict[str, str]] = {}
    for path, node in tree.nodes.items():
        directory, _, name = path.rpartition("/")
        groups.setdefault(escape(directory) or "/", {})[escape(name) or _SELF] = format_node(node)
    return groups


def parse_tree(groups: Mapping[str, Mapping[str, str]]) -> Tree:
    """The tree of such lines.

    Raises:
        ValueError: a line or a path is malformed; the text lists each. So is a path without its directory.
    """
    nodes: dict[GuestPath, Node] = {}
    wrong: list[str] = []
    for group, lines in groups.items():
        for name, line in lines.items():
            try:
                nodes[_place(group, name)] = parse_node(line)
            except ValueError as error:
                wrong.append(f"{ascii(group)} {ascii(name)}: {error}")
    for path in nodes:
        above = nodes.get(path.parent)
        if not wrong and (above is None or above.kind is not Kind.DIRECTORY):
            wrong.append(f"{ascii(path)}: {ascii(path.parent)} is not listed as a directory")
            break
    if not nodes:
        wrong.append("the tree is empty")
    if wrong:
        raise ValueError("; ".join(wrong))
    return Tree(nodes)


def _place(group: str, name: str) -> GuestPath:
    if (group, name) == ("/", _SELF):
        return GuestPath("/")
    if "/" in name:
        raise ValueError(f"not a file name: {ascii(name)}")
    return GuestPath(unescape(group)) / unescape(name)


def _decode(text: str) -> str:
    return text if "\\" not in text else re.sub(r"\\([0-7]{3})", lambda found: _character(int(found[1], 8)), text)


def _escape_word(name: str) -> str:
    """The name of an extended attribute, in which a space or an equals sign would end the word."""
    return escape(name).replace(" ", "\\040").replace("=", "\\075")


def _character(byte: int) -> str:
    return chr(0xDC00 + byte) if 0x80 <= byte <= 0xFF else chr(byte)
