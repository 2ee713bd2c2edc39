"""Which files of an image a question is about."""

from __future__ import annotations

from pipeline.errors import PipelineError
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.tree import Kind
from pipeline.model.tree_glob import glob


def regular_files(view: ImageView, *patterns: str) -> tuple[str, ...]:
    """Where the regular files lie that shell patterns name, links followed, sorted."""
    found = {view.tree.regular_file(path) for pattern in patterns for path in glob(view.tree, pattern)}
    return tuple(sorted(str(path) for path in found if path is not None))


def regular_below(view: ImageView, *directories: str) -> tuple[str, ...]:
    """Every regular file below directories at any depth, sorted; what a link there leads to counts too."""
    found: set[GuestPath] = set()
    for directory in directories:
        place = _resolved(view, directory)
        for path in view.tree.below(place) if place is not None else ():
            if view.tree.nodes[path].kind in (Kind.FILE, Kind.LINK):
                leads_to = view.tree.regular_file(path)
                found |= {leads_to} if leads_to is not None else set()
    return tuple(sorted(str(path) for path in found))


def is_program(view: ImageView, path: str) -> bool:
    """Whether something executable lies at a path, links followed."""
    place = view.tree.regular_file(GuestPath(path))
    return place is not None and bool(view.tree.nodes[place].mode & 0o111)


def text_of(view: ImageView, path: str) -> str | None:
    """Content that was read of a regular file, as text; None when there is none or nobody read it."""
    place = view.tree.regular_file(GuestPath(path))
    content = view.files.get(place) if place is not None else None
    return None if content is None else content.decode("utf-8", "surrogateescape")


def _resolved(view: ImageView, path: str) -> GuestPath | None:
    try:
        return view.tree.resolve(GuestPath(path))
    except PipelineError:
        return None
