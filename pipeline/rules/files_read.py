"""Which files of an image the rules look into, for whoever reads them before anything is judged."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.errors import PipelineError
from pipeline.model.guest_path import GuestPath
from pipeline.model.layout import Layout
from pipeline.model.tree import Kind, Tree
from pipeline.model.tree_glob import glob
from pipeline.rules.registry import READS

# Keys that may log in, in whatever home they lie.
_KEYS = re.compile(r"authorized_keys.*")
LARGEST = 16 << 20  # bytes; nothing rules look into is that large


def wanted_paths(tree: Tree, layout: Layout | None) -> tuple[GuestPath, ...]:
    """The regular files rules read, by their resolved paths, sorted; those that are too large are left out.

    A rule that finds a file unread says that it could not be verified; so nothing goes wrong in silence.

    Args:
        layout: of the installation found; None when the image has none.
    """
    found = {
        place
        for pattern in (*READS, *(() if layout is None else paths_needed(layout)))
        for path in _meant(tree, pattern)
        for place in _file(tree, path)
    }
    found |= {path for path in tree.nodes if _KEYS.fullmatch(path.name) and path.parent.name == ".ssh"}
    return tuple(
        sorted(path for path in found if tree.nodes[path].kind is Kind.FILE and tree.nodes[path].size <= LARGEST)
    )


def _meant(tree: Tree, pattern: str) -> Iterator[GuestPath]:
    """Shell patterns; ``/**`` is everything below a directory, ``/**.jar`` what of it ends so."""
    start, below, end = pattern.partition("/**")
    if not below:
        yield from glob(tree, pattern)
    else:
        for directory in glob(tree, start):
            try:
                place = tree.resolve(directory)
            except PipelineError:
                continue
            yield from (path for path in tree.below(place) if path.endswith(end))


def _file(tree: Tree, path: GuestPath) -> Iterator[GuestPath]:
    try:
        place = tree.resolve(path)
    except PipelineError:  # a circle of links: a gateway could not open it either
        return
    node = tree.get(place)
    if node is not None and node.kind is Kind.FILE:
        yield place


def paths_needed(layout: Layout) -> tuple[str, ...]:
    """Patterns of every file the rules look into, in an image with an installation of this layout; sorted."""
    single = (
        layout.properties,
        layout.custom_properties,
        layout.dpa,
        layout.policy,
        layout.policy_backup,  # a file in some releases, a directory in others
        layout.cacerts,
        layout.certificates,
        layout.kuranet,
        *layout.start_scripts,
    )
    root = layout.root
    below = (root / "bin", layout.snapshots, layout.packages, layout.restore, layout.policy_backup)
    plugins = (root / "plugins", root / "kura/plugins")
    # Where a keystore or key of somebody else would lie under whatever name.
    beside = (root, root / "kura", root / "data", root / "security", root / "user", root / "user/security")
    return tuple(
        sorted(
            {
                *READS,
                *(str(path) for path in single if path is not None),
                *(f"{path}/**" for path in below if path is not None),
                *(f"{path}/**.jar" for path in plugins),
                *(f"{path}/*" for path in beside),
            }
        )
    )
