"""Looks at any image at all, read-only: foreign, vanilla, booted, or without ESF; it refuses only what has no system."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.image import facts, mounts
from pipeline.image.inspect import init_of, layout_in, os_release_of, read_files, version_of
from pipeline.image.session import Drive, Session, launch
from pipeline.image.tree_reader import read_tree
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.vanilla import Vanilla
from pipeline.rules.wanted import wanted_paths

Say = Callable[[str], None]


def look(raw: Path, layouts: Sequence[Layout], *, state_dir: Path, say: Say) -> ImageView:
    """What rules may look at in a raw image; the file is not changed, not even by a journal that waits for replay.

    Raises:
        PipelineError: no root file system in it, or libguestfs does not start.
    """
    with launch([Drive(raw, writable=False)], state_dir=state_dir, say=say) as session:
        return look_at(session, session.devices[0], raw, layouts, say=say)


def look_at(session: Session, device: str, raw: Path, layouts: Sequence[Layout], *, say: Say) -> ImageView:
    """The same with an appliance that already runs and has the image as a drive."""
    say("looking for the root file system")
    disk = mounts.locate(session, device, raw)
    mounts.mount_all(session, device, disk, writable=False)
    try:
        say("reading names and metadata of all files")
        tree = read_tree(session)
        layout = layout_in(tree, layouts)
        patterns = facts.WANTED if layout is None else facts.wanted(layout)
        say("reading the files the rules look into")
        chosen = sorted({*facts.select(tree, patterns), *wanted_paths(tree, layout)})
        # One that is too large stays unread; rules say then that they could not look.
        files = read_files(session, tree, [path for path in chosen if tree.nodes[path].size <= facts.LARGEST])
    finally:
        session.umount_all()
    view = ImageView({}, layout, "", init_of(tree), disk, tree, files)
    return replace(view, os_release=os_release_of(lambda path: files.get(view.place(path))), esf_version=_version(view))


def _version(view: ImageView) -> str:
    if view.layout is None or view.disk is None:
        return ""
    try:
        return version_of(Vanilla("", view.disk, {}, view.layout, "", view.init, view.tree, view.files))
    except PipelineError:  # an installation that does not say its version; rules say so
        return ""
