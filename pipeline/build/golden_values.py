"""What makes the golden gateway itself: found in its export as in any image, whatever of it travels."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from pipeline.build import reading
from pipeline.build.golden_lock import judged
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
    return own_values(ImageView({}, vanilla.layout, export.esf_version, vanilla.init, None, Tree(nodes), files))
