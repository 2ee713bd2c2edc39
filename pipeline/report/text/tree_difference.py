"""Paths that are different between two images that were read, each with who is responsible. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pipeline.formats.tree_text import format_node
from pipeline.model.tree import Kind, Node
from pipeline.report.text.causes import Causes
from pipeline.report.text.difference import Difference
from pipeline.report.text.plain import plain

_DIGEST = 12  # hex digits that are shown


def trees_differ(causes: Causes) -> Iterator[Difference]:
    """Every path whose type, mode, owner, attributes, target or content is not the same in both."""
    one, two = causes.one.tree, causes.two.tree
    for path in sorted({*one.nodes, *two.nodes}):
        before, after = one.get(path), two.get(path)
        if before == after:
            continue
        secret = causes.is_secret(path)
        texts = [_text(node, secret=secret) for node in (before, after)]
        if texts[0] == texts[1]:
            texts[1] = texts[1].replace(" secret", " another secret")
        yield Difference("files", path, texts[0], texts[1], causes.cause(path))


def _text(node: Node | None, *, secret: bool) -> str:
    if node is None:
        return ""
    if node.kind is not Kind.FILE:
        return plain(format_node(node))
    short = None if secret or node.sha256 is None else node.sha256[:_DIGEST]
    return plain(format_node(replace(node, sha256=short)))
