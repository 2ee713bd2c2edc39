"""The changes of a manifest as JSON values and back: why paths, and lines in them, are as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.formats.tree_text import escape, unescape
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import LineOrigin, Origin
from pipeline.model.manifest import Action, Change
from pipeline.model.tree import Kind, Node


def origins_json(origins: tuple[Origin, ...]) -> list[dict[str, str]]:
    """Reasons, each with all three of its words."""
    return [{"rule": origin.rule, "source": origin.source, "document": origin.document} for origin in origins]


def read_origins(value: Mapping[str, Any]) -> tuple[Origin, ...]:
    """The reasons of anything that has some."""
    return tuple(Origin(**origin) for origin in value["origins"])


def change_json(change: Change) -> dict[str, object]:
    """One changed path; what a removed one was is all there is to say of it."""
    node = change.node
    value: dict[str, object] = {
        "change": change.action.value,
        "type": node.kind.value,
        "origins": origins_json(change.origins),
    }
    if change.action is Action.REMOVED:
        return value
    value |= {"mode": f"{node.mode:04o}", "uid": node.uid, "gid": node.gid}
    if node.kind is Kind.FILE:
        value["size"] = node.size
        value |= {"secret": True} if change.secret else {"sha256": node.sha256}
    if change.lines:
        value["lines"] = [
            {"first": one.first, "last": one.last, **origins_json((one.origin,))[0]} for one in change.lines
        ]
    if node.kind is Kind.LINK:
        value["target"] = escape(node.target)
    if node.device:
        value["device"] = node.device
    if node.xattrs:
        value["xattrs"] = {escape(name): content for name, content in node.xattrs}
    return value


def _read_lines(value: Mapping[str, Any]) -> Iterator[LineOrigin]:
    last = 0
    for item in value.get("lines", ()):
        if not last < item["first"] <= item["last"]:
            raise ValueError(f"lines {item['first']} to {item['last']} of a change are not in order")
        last = item["last"]
        yield LineOrigin(item["first"], last, Origin(item["rule"], item["source"], item["document"]))


def read_change(path: GuestPath, value: Mapping[str, Any]) -> Change:
    """The change of such a value.

    Raises:
        ValueError: stretches of lines that overlap or run backwards.
    """
    xattrs = ((unescape(name), content) for name, content in value.get("xattrs", {}).items())
    return Change(
        path=path,
        action=Action(value["change"]),
        node=Node(
            kind=Kind(value["type"]),
            mode=int(value.get("mode", "0"), 8),
            uid=value.get("uid", 0),
            gid=value.get("gid", 0),
            size=value.get("size", 0),
            target=unescape(value.get("target", "")),
            device=value.get("device", ""),
            sha256=value.get("sha256"),
            xattrs=tuple(sorted(xattrs)),
        ),
        origins=read_origins(value),
        secret=value.get("secret", False),
        lines=tuple(_read_lines(value)),
    )
