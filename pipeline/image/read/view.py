"""What rules may look at, put together from a tree and the content that was read of it. Opens nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from pipeline.errors import PipelineError
from pipeline.image.read.inspect import init_of, os_release_of
from pipeline.image.read.layout_detection import Installation, candidates, detect
from pipeline.model.disk import Disk
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.tree import Tree
from pipeline.rules.files_read import wanted_paths

_RELEASE = (GuestPath("/etc/os-release"), GuestPath("/usr/lib/os-release"))


def installation_in(tree: Tree, layouts: Sequence[Layout], read: Callable[[GuestPath], bytes]) -> Installation | None:
    """What is there; of an installation that does not state its version, the only layout it can be, without one."""
    try:
        return detect(tree, layouts, read)
    except PipelineError:
        possible = candidates(tree, layouts)
        return Installation(possible[0], "") if len(possible) == 1 else None


def needed_paths(tree: Tree, layouts: Sequence[Layout]) -> tuple[GuestPath, ...]:
    """What must be read of an image of which only names are known, so that `view_of` and all rules have what they need.

    Which installation it is, its own files say; so the files of every one it can be are read.
    """
    found = set(wanted_paths(tree, None))
    for layout in candidates(tree, layouts):
        found |= {*wanted_paths(tree, layout), tree.resolve(layout.properties)}
    found |= {place for path in _RELEASE if (place := tree.regular_file(path)) is not None}
    return tuple(sorted(found))


def view_of(disk: Disk, tree: Tree, files: Mapping[GuestPath, bytes], layouts: Sequence[Layout]) -> ImageView:
    """The image of a tree and of the content of `needed_paths`."""
    found = installation_in(tree, layouts, lambda path: files.get(path, b""))
    return assemble(disk, tree, files, found)


def assemble(disk: Disk, tree: Tree, files: Mapping[GuestPath, bytes], found: Installation | None) -> ImageView:
    """The same where the installation is known."""
    layout, version = (found.layout, found.version) if found is not None else (None, "")
    view = ImageView({}, layout, version, init_of(tree), disk, tree, files)

    def find(path: str) -> bytes | None:
        place = tree.regular_file(GuestPath(path))
        return None if place is None else files.get(place)

    return replace(view, os_release=os_release_of(find))
