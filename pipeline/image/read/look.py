"""Looks at any image, read-only: foreign, vanilla, booted, without ESF; refuses only images without a system."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from pipeline.image.appliance.session import Drive, Session, launch
from pipeline.image.read import facts, mounts
from pipeline.image.read.inspect import read_files, reader
from pipeline.image.read.tree_reader import read_tree
from pipeline.image.read.view import assemble, installation_in
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.rules.files_read import wanted_paths

Say = Callable[[str], None]
T = TypeVar("T")

# Images of one launch: as many drives start nearly as fast as one, and their copies must find room beside each other.
AT_ONCE = 16


def look(raw: Path, layouts: Sequence[Layout], *, state_dir: Path, say: Say) -> ImageView:
    """What rules may look at in a raw image; the file is not changed, not even by a journal that waits for replay.

    Raises:
        PipelineError: no root file system in it, or libguestfs does not start.
    """
    (view,) = look_at_all([raw], layouts, state_dir=state_dir, say=say)
    return view


def look_at_all(raws: Sequence[Path], layouts: Sequence[Layout], *, state_dir: Path, say: Say) -> Iterator[ImageView]:
    """The same of several images, in their order; up to `AT_ONCE` of them with one start of the appliance."""
    for start in range(0, len(raws), AT_ONCE):
        batch = raws[start : start + AT_ONCE]
        with launch([Drive(raw, writable=False) for raw in batch], state_dir=state_dir, say=say) as session:
            for device, raw in zip(session.devices, batch, strict=True):
                yield look_at(session, device, raw, layouts, say=say)


def look_and_ask(
    raws: Sequence[Path],
    layouts: Sequence[Layout],
    ask: Callable[[Session, str, ImageView], T],
    *,
    state_dir: Path,
    say: Say,
) -> Iterator[tuple[ImageView, T]]:
    """The same, and what their own programs say.

    All images of one start are looked at before the first is asked: whatever a program of theirs does, nobody reads
    anything in that appliance afterwards.
    """
    for start in range(0, len(raws), AT_ONCE):
        batch = raws[start : start + AT_ONCE]
        with launch([Drive(raw, writable=False) for raw in batch], state_dir=state_dir, say=say) as session:
            pairs = list(zip(session.devices, batch, strict=True))
            views = [look_at(session, device, raw, layouts, say=say) for device, raw in pairs]
            told = [ask(session, device, view) for (device, _), view in zip(pairs, views, strict=True)]
        yield from zip(views, told, strict=True)


def look_at(session: Session, device: str, raw: Path, layouts: Sequence[Layout], *, say: Say) -> ImageView:
    """The same with an appliance that already runs and has the image as a drive."""
    say("looking for the root file system")
    disk = mounts.locate(session, device, raw)
    mounts.mount_all(session, device, disk, writable=False)
    try:
        say("reading names and metadata of all files")
        tree = read_tree(session)
        found = installation_in(tree, layouts, reader(session, tree))
        layout = found.layout if found is not None else None
        patterns = facts.WANTED if layout is None else facts.wanted(layout)
        say("reading the files the rules look into")
        chosen = sorted({*facts.select(tree, patterns), *wanted_paths(tree, layout)})
        # One that is too large stays unread; rules say then that they could not look.
        files = read_files(session, tree, [path for path in chosen if tree.nodes[path].size <= facts.LARGEST])
    finally:
        session.umount_all()
    return assemble(disk, tree, files, found)
