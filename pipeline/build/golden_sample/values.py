"""The golden gateway's own values, found in its export as in any image, whether or not they travel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from xml.sax.saxutils import escape

from pipeline.build import reading
from pipeline.build.golden_sample.lock import judged, read_lock
from pipeline.classification import Class, Decision, latest_snapshot
from pipeline.classification import Kind as ThingKind
from pipeline.classification.review import decision_of
from pipeline.formats.esf import esf_snapshot
from pipeline.host.workspace import Workspace
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.tree import Kind, Node, Tree
from pipeline.verification.own_values import OwnValue, own_values


def golden_files(workspace: Workspace) -> Mapping[GuestPath, bytes]:
    """Everything in the export by its place on the golden gateway, the snapshot where a gateway has its own."""
    export, _ = judged(workspace, reading.release_of(workspace).golden)
    files = {GuestPath(f"/{path}"): content for path, content in export.files.items()}
    snapshot = reading.vanilla_of(workspace).layout.snapshots / "snapshot_0.xml"
    return files | {snapshot: reading.golden_of(workspace).snapshot}


@lru_cache(maxsize=2)
def golden_values(workspace: Workspace) -> tuple[OwnValue, ...]:
    """What the golden gateway has for itself, and what it may share."""
    vanilla, export = reading.vanilla_of(workspace), reading.golden_of(workspace)
    files = golden_files(workspace)
    nodes = {path: Node(Kind.FILE, 0o600, size=len(content)) for path, content in files.items()}
    for path in files:
        nodes.update(dict.fromkeys(path.ancestors(), Node(Kind.DIRECTORY, 0o755)))
    view = ImageView({}, vanilla.layout, export.esf_version, vanilla.init, None, Tree(nodes), files)
    return (*own_values(view), *_staying(workspace))


def _staying(workspace: Workspace) -> Iterator[OwnValue]:
    """Secret settings that were decided to stay: no gateway has them, whatever else brings them along.

    One that travels under another name as well was decided to travel.
    """
    release = reading.release_of(workspace)
    export, items = judged(workspace, release.golden)
    lock, latest = read_lock(workspace, release), latest_snapshot(export.files)
    snapshot = esf_snapshot.load(export.files.get(latest, b""), "C").snapshot
    travelling = reading.golden_of(workspace).snapshot
    for item in items if snapshot is not None else ():
        if item.key.kind is not ThingKind.PROPERTY or item.sort is not Class.SECRET:
            continue
        if decision_of(item, lock) is not Decision.STAYS:
            continue
        component = snapshot.get(item.key.pid) if snapshot is not None else None
        value = component.text(item.key.name).encode() if component is not None else b""
        if value and value not in travelling and escape(value.decode()).encode() not in travelling:
            yield OwnValue("secret setting that stays", f"{latest} {item.key}", value)
