"""Puts every file and property of an export in one class, with the reason, and marks what a person must decide."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pipeline.classification.containers import Budget, NotSearchedError, Unzstd, members
from pipeline.classification.documents import Part, wanted
from pipeline.classification.files import classify_files
from pipeline.classification.item import Item
from pipeline.classification.settings import classify_settings
from pipeline.formats.esf.esf_snapshot import Snapshot
from pipeline.model.layout import Layout

_COMPONENT = re.compile(r"OSGI-INF/.*\.xml")


def latest_snapshot(paths: Iterable[str]) -> str:
    """The snapshot with the highest number, which is the last configuration (A:133); empty when there is none."""
    found = [path for path in paths if (listed := wanted(path)) and listed.item is Part.SNAPSHOT]
    return max(found, key=lambda name: int(name.removeprefix("snapshot_").removesuffix(".xml")), default="")


def classify(
    files: Mapping[str, bytes],
    links: Iterable[str],
    snapshot: Snapshot | None,
    unzstd: Unzstd | None = None,
    layout: Layout | None = None,
) -> tuple[Item, ...]:
    """Judge an export.

    Args:
        files: content by path relative to the root of the export; ``links``: paths of its symbolic links.
        snapshot: the latest one, parsed; None when it is not to be judged.
        unzstd: unpacks zstd; without it what is in such data is not searched, and a person has to decide about it.
        layout: of the golden sample, which says whether Linux files of the network count; None where it is not known.

    Returns:
        One item for each file, link and property, sorted by key.
    """
    items = list(classify_files(files, links, latest_snapshot(files), unzstd, layout))
    if snapshot is not None:
        packages = [content for path, content in files.items() if (part := wanted(path)) and part.item is Part.PACKAGE]
        items += classify_settings(snapshot, *_installed(packages))
    return tuple(sorted(items, key=lambda item: item.key))


def _installed(packages: Iterable[bytes]) -> tuple[frozenset[str], bytes]:
    """Symbolic names of the bundles in packages, and their components' descriptions; damaged ones bring nothing."""
    names: set[str] = set()
    components: list[bytes] = []
    for package in packages:
        budget = Budget()
        try:
            for _, bundle in members(package, budget) or ():
                for name, content in members(bundle, budget) or ():
                    if name == "META-INF/MANIFEST.MF":
                        names.update(_symbolic_name(content))
                    elif _COMPONENT.fullmatch(name):
                        components.append(content)
        except NotSearchedError:
            continue
    return frozenset(names), b"\n".join(components)


def _symbolic_name(manifest: bytes) -> Iterable[str]:
    found = re.search(rb"(?mi)^Bundle-SymbolicName: *([A-Za-z0-9_.-]+)", re.sub(rb"\r?\n ", b"", manifest))
    return [found[1].decode()] if found else []
