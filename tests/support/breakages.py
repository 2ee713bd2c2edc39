"""Ways to break a hardened image, one at a time; each names the rule that must catch it, and where.

The list is data, so that it can be counted, and planted into finished images too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, replace

from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.layer import DirEntry, FileEntry, Layer, LinkEntry, Origin, Removal
from pipeline.model.rule import Expected
from pipeline.model.tree import Kind, Tree

_ORIGINS = (Origin("test.breakage", "tests"),)

Change = Callable[[ImageView], ImageView]

AS_GOLDEN, NORTH, SOUTH, LAB = "gw-as-golden", "gw-north-01", "gw-south-02", "gw-lab-03"


@dataclass(frozen=True)
class Breakage:
    """One way to break an image.

    Attributes:
        rule: the id of the rule that must catch it.
        path: where the rule must say it is broken.
        text: the line it must name, as it is after the change: its beginning in a Linux image, any part of it in an
            image with the framework; empty where the whole file is meant.
        base: the hardened image to break: the init, or ``strict``.
        gateway: whose image, where it is one with the framework.
        expected: other decisions of the release than the usual ones.
    """

    name: str
    rule: str
    path: str
    change: Change = dataclasses.field(repr=False, compare=False)
    text: str = ""
    base: str = "sysv"
    gateway: str = AS_GOLDEN
    expected: Expected | None = None


def put(path: str, content: str | bytes, mode: int | None = None, uid: int | None = None, gid: int = 0) -> Change:
    """Write a file, with its directories; mode and owner stay unless they are given."""

    def change(view: ImageView) -> ImageView:
        place = view.place(path)
        node = view.tree.get(place)
        data = content.encode() if isinstance(content, str) else content
        kept = node if node is not None and node.kind is Kind.FILE else None
        view = view.after(Layer.of(*_directories(view, place)))
        entry = FileEntry(
            place, data, _ORIGINS,
            mode if mode is not None else kept.mode if kept else 0o644,
            uid if uid is not None else kept.uid if kept else 0,
            kept.gid if kept and not gid else gid,
        )  # fmt: skip
        return view.after(Layer.of(entry))

    return change


def edit(path: str, old: str, new: str) -> Change:
    """Replace a text that is there in a file."""

    def change(view: ImageView) -> ImageView:
        before = view.find(path)
        assert before is not None, path
        assert old.encode() in before, f"{old!r} is not in {path}"
        return put(path, before.replace(old.encode(), new.encode(), 1))(view)

    return change


def append(path: str, text: str) -> Change:
    """Add to the end of a file, or of none."""
    return lambda view: put(path, (view.find(path) or b"") + text.encode())(view)


def prepend(path: str, text: str) -> Change:
    """Add to the start of a file, or of none."""
    return lambda view: put(path, text.encode() + (view.find(path) or b""))(view)


def link(path: str, target: str) -> Change:
    """Make a symbolic link."""

    def change(view: ImageView) -> ImageView:
        place = view.tree.resolve(GuestPath(path), follow_last=False)
        view = view.after(Layer.of(*_directories(view, place)))
        return view.after(Layer.of(LinkEntry(place, target, _ORIGINS)))

    return change


def remove(path: str) -> Change:
    """Take a path away; a link itself, not what it leads to."""
    return lambda view: view.after(Layer.of(Removal(view.tree.resolve(GuestPath(path), follow_last=False), _ORIGINS)))


def own(path: str, mode: int | None = None, uid: int | None = None, gid: int | None = None) -> Change:
    """Change mode or owner of what is there."""

    def change(view: ImageView) -> ImageView:
        place = view.place(path)
        node = view.tree.nodes[place]
        given = {"mode": mode, "uid": uid, "gid": gid}
        nodes = {**view.tree.nodes, place: replace(node, **{key: v for key, v in given.items() if v is not None})}
        return replace(view, tree=Tree(nodes))

    return change


def about(**values: object) -> Change:
    """Change what is known of the image as a whole, such as ``os_release``."""
    return lambda view: replace(view, **values)  # type: ignore[arg-type]


def both(*changes: Change) -> Change:
    """Several changes, one after the other."""

    def change(view: ImageView) -> ImageView:
        for one in changes:
            view = one(view)
        return view

    return change


def _directories(view: ImageView, path: GuestPath) -> list[DirEntry]:
    return [DirEntry(above, _ORIGINS) for above in path.ancestors() if above != "/" and view.tree.get(above) is None]


def field(path: str, name: str, index: int, value: str) -> Change:
    """Change one field of a row of passwd, shadow, group or gshadow."""

    def change(view: ImageView) -> ImageView:
        lines = (view.find(path) or b"").decode().splitlines()
        rows = [line.split(":") for line in lines]
        assert any(row[0] == name for row in rows), f"{name} is not in {path}"
        for row in rows:
            if row[0] == name:
                row[index] = value
        return put(path, "".join(":".join(row) + "\n" for row in rows))(view)

    return change
