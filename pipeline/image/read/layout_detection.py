"""Finds out, without guessing, which product and release an image has, and so which layout it follows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pipeline.errors import PipelineError
from pipeline.formats.java.java_properties import Properties
from pipeline.model.guest_path import GuestPath
from pipeline.model.layout import Layout
from pipeline.model.tree import Kind, Tree

# Bundles that read and write network and firewall: Kura 3 to 5.0, from 5.1 with NetworkManager, and of Kura 6.
_ADMINISTERS = re.compile(r"org\.eclipse\.kura\.(?:net\.admin(?:\.firewall)?|nm)[_-]\d.*\.jar")
# What a layout says of a release, and what differs between those that are known.
_UNKNOWN = "snapshots, keystores, packages, start scripts, firewall file and the framework's user"
_VERSION = re.compile(r"\d+(?:\.\d+)+")


@dataclass(frozen=True)
class Installation:
    """A product as it was found.

    Attributes:
        version: as the installation itself states it, such as ``5.5.0``.
    """

    layout: Layout
    version: str


def detect(tree: Tree, layouts: Sequence[Layout], read: Callable[[GuestPath], bytes]) -> Installation | None:
    """The installation in an image; None when no layout's ``kura.properties`` is there. Links are followed inside it.

    Args:
        read: the content of a regular file by its resolved path.

    Raises:
        PipelineError: two installations, a version nobody has a layout for, or one that its directories belie.
    """
    places: dict[GuestPath, list[Layout]] = {}
    for layout in layouts:
        place = _file(tree, layout.properties)
        if place is not None:
            places.setdefault(place, []).append(layout)
    if not places:
        return None
    if len(places) > 1:
        raise PipelineError(
            f"the image has two installations: {' and '.join(sorted(str(place) for place in places))}",
            "use an image with one, or name its layout in gateway.toml [vanilla] layout",
        )
    ((properties, candidates),) = places.items()
    stated = Properties.parse(read(properties), f"vanilla image: {properties}").get("kura.version") or ""
    version = _version(tree, stated, candidates[0])
    chosen = [layout for layout in candidates if fits(version, layout)]
    if len(chosen) > 1:
        # One installation under both products' names: it says itself which it is (ESF_…, KURA_…).
        chosen = [layout for layout in chosen if stated.upper().startswith(layout.product.upper())]
    if len(chosen) != 1:
        raise _unknown(version, candidates, layouts)
    layout = as_it_says(chosen[0], tree, read)
    missing = [marker for marker in layout.markers if not _is_there(tree, marker)]
    if missing:
        raise PipelineError(
            f"the image says it has {layout.product} {version}, but lacks what layout {layout.name} is recognised by: "
            + ", ".join(missing),
            "use an image with a complete installation",
        )
    return Installation(layout, version)


def as_it_says(layout: Layout, tree: Tree, read: Callable[[GuestPath], bytes]) -> Layout:
    """The layout of an installation, without network where it says and shows so: Kura's network-less profiles.

    Their ``kura.properties`` (or ``kura_custom.properties``, which overrides it) has ``kura.have.net.admin=false``, and
    none of the bundles that administer a network is there; a word alone hides menus of the console and nothing else.
    """
    said = ""
    for path in (layout.properties, layout.custom_properties):
        place = _file(tree, path)
        if place is not None:
            found = Properties.parse(read(place), f"vanilla image: {path}").get("kura.have.net.admin")
            said = said if found is None else found.strip().lower()
    if said != "false" or any(_ADMINISTERS.match(path.name) for path in tree.below(tree.resolve(layout.root))):
        return layout
    return replace(layout, network_truth="none")


def candidates(tree: Tree, layouts: Sequence[Layout]) -> tuple[Layout, ...]:
    """Every layout whose ``kura.properties`` is in the image, whatever it says."""
    return tuple(layout for layout in layouts if _file(tree, layout.properties) is not None)


def fits(version: str, layout: Layout) -> bool:
    """Whether a layout is for a version: 5.1 is for 5.1 and 5.1.2, not for 5.10."""
    return any(version == prefix or version.startswith(f"{prefix}.") for prefix in layout.versions)


def _version(tree: Tree, stated: str, layout: Layout) -> str:
    """From ``kura.version``, else from the name of the directory the installation lies in."""
    directory = tree.resolve(layout.root).name
    found = _VERSION.search(stated) or _VERSION.search(directory)
    if found is None:
        raise PipelineError(
            f"{layout.properties}: kura.version does not state a version, nor does the name {directory}",
            "use an image with a complete installation",
        )
    return found[0]


def _unknown(version: str, candidates: Sequence[Layout], layouts: Sequence[Layout]) -> PipelineError:
    products = " or ".join(sorted({layout.product for layout in candidates}))
    known = "; ".join(f"{layout.name} for {layout.product} {', '.join(layout.versions)}" for layout in layouts)
    return PipelineError(
        f"the image has {products} {version} in {candidates[0].root}, for which there is no layout; there are: {known}",
        f"use an image of a release that is supported; or, for a newer one, look whether {_UNKNOWN} are where the "
        f"newest layout has them, and add one for {products} {version} to pipeline/layouts",
    )


def _file(tree: Tree, path: GuestPath) -> GuestPath | None:
    try:
        place = tree.resolve(path)
    except PipelineError:  # a loop, or a way through a file: not there for the gateway either
        return None
    node = tree.get(place)
    return place if node is not None and node.kind is Kind.FILE else None


def _is_there(tree: Tree, path: GuestPath) -> bool:
    try:
        return tree.get(tree.resolve(path)) is not None
    except PipelineError:
        return False
