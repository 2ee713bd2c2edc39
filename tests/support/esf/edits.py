"""Changes planted in a finished image's view: files, modes, links, and properties of its snapshot."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace

from pipeline.formats.esf import esf_snapshot
from pipeline.formats.esf.esf_snapshot import Configuration, Property, Snapshot
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.tree import Kind, Node, Tree

REAL = "/opt/eurotech/esf_5.0.0"
SNAPSHOT = f"{REAL}/data/snapshots/snapshot_0.xml"

Edit = Callable[[ImageView], ImageView]


def put(path: str, content: str | bytes | Callable[[], bytes], mode: int | None = None) -> Edit:
    """A file with this content, made only when it is needed; a mode that is not given stays, or is 0644."""

    def edit(view: ImageView) -> ImageView:
        data = content.encode() if isinstance(content, str) else content if isinstance(content, bytes) else content()
        place = view.place(path)
        nodes, files = dict(view.tree.nodes), dict(view.files)
        for directory in place.ancestors():
            nodes.setdefault(directory, Node(Kind.DIRECTORY, 0o755))
        old = nodes.get(place)
        bits = mode if mode is not None else old.mode if old and old.kind is Kind.FILE else 0o644
        nodes[place] = Node(Kind.FILE, bits, size=len(data), sha256=hashlib.sha256(data).hexdigest())
        files[place] = data
        return replace(view, tree=Tree(nodes), files=files)

    return edit


def remade(path: str, change: Callable[[bytes], bytes]) -> Edit:
    """A file with its content changed."""
    return lambda view: put(path, change(view.find(path) or b""))(view)


def copied(source: str, target: str) -> Edit:
    """A file's content put somewhere else."""
    return lambda view: put(target, view.find(source) or b"")(view)


def swap(path: str, old: str, new: str, times: int = 1) -> Edit:
    """Text replaced in a file that must hold it."""

    def edit(view: ImageView) -> ImageView:
        text = (view.find(path) or b"").decode()
        assert old in text, f"{path} has no {old!r}"
        return put(path, text.replace(old, new, times))(view)

    return edit


def sub(path: str, pattern: str, new: str) -> Edit:
    """The same with a pattern."""

    def edit(view: ImageView) -> ImageView:
        text, hits = re.subn(pattern, new, (view.find(path) or b"").decode(), count=1, flags=re.MULTILINE | re.DOTALL)
        assert hits, f"{path} has no {pattern!r}"
        return put(path, text)(view)

    return edit


def add(path: str, text: str) -> Edit:
    """Lines at the end of a file, which is made when it is not there."""
    return lambda view: put(path, (view.find(path) or b"") + text.encode())(view)


def gone(path: str) -> Edit:
    """Nothing at a path; a directory goes with what is in it."""

    def edit(view: ImageView) -> ImageView:
        place = view.tree.resolve(GuestPath(path), follow_last=False)
        assert view.tree.get(place) is not None, f"{path} is not there"
        away = {place, *view.tree.below(place)}
        nodes = {key: node for key, node in view.tree.nodes.items() if key not in away}
        files = {key: content for key, content in view.files.items() if key not in away}
        return replace(view, tree=Tree(nodes), files=files)

    return edit


def link(path: str, target: str) -> Edit:
    """A symbolic link."""

    def edit(view: ImageView) -> ImageView:
        place = view.tree.resolve(GuestPath(path), follow_last=False)
        nodes = dict(view.tree.nodes) | {place: Node(Kind.LINK, 0o777, target=target)}
        return replace(view, tree=Tree(nodes), files={k: v for k, v in view.files.items() if k != place})

    return edit


def mode(path: str, bits: int, uid: int | None = None) -> Edit:
    """Other permissions, or another owner."""

    def edit(view: ImageView) -> ImageView:
        place = view.place(path)
        node = view.tree.nodes[place]
        changed = replace(node, mode=bits, uid=node.uid if uid is None else uid)
        return replace(view, tree=Tree({**view.tree.nodes, place: changed}))

    return edit


def both(*edits: Edit) -> Edit:
    """Several changes, one after the other."""

    def edit(view: ImageView) -> ImageView:
        for one in edits:
            view = one(view)
        return view

    return edit


def setting(pid: str, name: str, value: str, kind: str = "String") -> Edit:
    """A property of the snapshot set; its component is made when it is not there."""

    def change(snapshot: Snapshot) -> Snapshot:
        configuration = snapshot.get(pid) or Configuration(pid)
        return snapshot.with_configuration(configuration.with_properties(Property(name, kind, (value,))))

    return _snapshot(change)


def unset(pid: str, name: str) -> Edit:
    """A property of the snapshot taken out."""

    def change(snapshot: Snapshot) -> Snapshot:
        configuration = snapshot.get(pid)
        assert configuration is not None, f"no {pid}"
        assert configuration.get(name), f"no {pid} {name}"
        return snapshot.with_configuration(configuration.without([name]))

    return _snapshot(change)


def without(pid: str) -> Edit:
    """A component of the snapshot taken out, all its instances with it."""

    def change(snapshot: Snapshot) -> Snapshot:
        kept = tuple(item for item in snapshot.configurations if not item.is_instance_of(pid))
        assert len(kept) < len(snapshot.configurations), f"no {pid}"
        return Snapshot(kept)

    return _snapshot(change)


def _snapshot(change: Callable[[Snapshot], Snapshot]) -> Edit:
    def edit(view: ImageView) -> ImageView:
        before = esf_snapshot.load(view.find(SNAPSHOT) or b"", "A").snapshot
        assert before is not None
        return put(SNAPSHOT, esf_snapshot.render(change(before)))(view)

    return edit
