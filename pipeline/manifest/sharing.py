"""What is the same for all gateways of a release but for their names, written so that it is equal for all.

In format 2 a source that names a gateway (``devices.toml: gw-7``, ``devices.toml: gw-7.eth0``) is written with
``{gateway}`` in its place, and answers of programs stand by name instead of in a list, without the digest of what was
read: whoever reads the manifest computes it from the tree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pipeline.errors import PipelineError
from pipeline.formats.tree_text import unescape
from pipeline.model.reader_answer import digest_of_read
from pipeline.model.tree import Tree

_ANYBODY = re.compile(r"(?<=: )\{gateway\}(?=\.|$)")


def nameless(changes: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Changes with ``{gateway}`` where a source names the gateway.

    Raises:
        PipelineError: a source says so by itself, and nobody could tell the two apart.
    """
    mine = re.compile(rf"(?<=: ){re.escape(name)}(?=\.|$)")

    def told(source: str) -> str:
        if _ANYBODY.search(source):
            raise PipelineError(f"{source}: {{gateway}} in it stands for a gateway's name", "rename the file")
        return mine.sub("{gateway}", source)

    return {path: _sources(change, told) for path, change in changes.items()}


def named(changes: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The same with the gateway's name again."""

    def told(source: str) -> str:
        return _ANYBODY.sub(lambda _: name, source)

    return {path: _sources(change, told) for path, change in changes.items()}


def by_name(readers: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Answers by reader and subject, the second one of both with a number."""
    found: dict[str, dict[str, Any]] = {}
    for one in readers:
        name = f"{one['reader']} {one['subject']}"
        number = sum(1 for known in found if known == name or known.startswith(f"{name} #"))
        key = f"{name} #{number + 1}" if number else name
        found[key] = {item: value for item, value in one.items() if item != "sha256"}
    return found


def in_order(readers: Mapping[str, Mapping[str, Any]], tree: Tree) -> list[dict[str, Any]]:
    """The list that format 1 has, with digests of what was read."""
    return [
        {**one, "sha256": digest_of_read(tree, tuple(unescape(path) for path in one["read"]))}
        for _, one in sorted(readers.items())
    ]


def _sources(value: Any, told: Callable[[str], str]) -> Any:
    if isinstance(value, Mapping):
        return {
            name: told(item) if name == "source" and isinstance(item, str) else _sources(item, told)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_sources(item, told) for item in value]
    return value
