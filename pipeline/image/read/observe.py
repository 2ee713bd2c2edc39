"""Reads finished images afresh and read-only, many in one launch, independently of what wrote them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.image.appliance.session import Drive, Session, launch
from pipeline.image.read import mounts
from pipeline.image.read.inspect import read_files
from pipeline.image.read.tree_reader import read_tree, with_digests
from pipeline.model.guest_path import GuestPath
from pipeline.model.observation import Observation
from pipeline.model.tree import Tree

Say = Callable[[str], None]

# Drives of one launch: a SCSI controller carries more, but each makes the appliance's start a little longer.
_AT_ONCE = 16


def observe(
    images: Sequence[Path],
    *,
    digest: Callable[[int], Collection[GuestPath] | None],
    read: Collection[GuestPath] | Callable[[int, Tree], Collection[GuestPath]],
    state_dir: Path,
    say: Say,
    root: Callable[[int], int] = lambda _index: -1,
) -> Iterator[Observation | PipelineError]:
    """One result for each image, in order; what is wrong with one image is the result for that image only.

    Args:
        digest: which files of the image with this index get a digest; None for all of them.
        read: paths whose content is wanted, links followed inside the image; those missing are left out. Or who names
            them, given the image's index and the tree that was found in it.
        root: the number of the partition to take for the root where an image has several (two slots).

    Raises:
        PipelineError: the appliance does not start or breaks down.
    """
    chosen = read if callable(read) else lambda _index, _tree: read
    for start in range(0, len(images), _AT_ONCE):
        batch = images[start : start + _AT_ONCE]
        faults = {index: fault for index, image in enumerate(batch) if (fault := _unusable(image))}
        sound = [index for index in range(len(batch)) if index not in faults]
        if not sound:
            yield from (faults[index] for index in range(len(batch)))
            continue
        drives = [Drive(batch[index], writable=False) for index in sound]
        with launch(drives, state_dir=state_dir, say=say) as session:
            devices = dict(zip(sound, session.devices, strict=True))
            for index, image in enumerate(batch):
                if index in faults:
                    yield faults[index]
                    continue
                say(f"reading {image.parent.name}/{image.name}")
                yield _observe_one(
                    session,
                    devices[index],
                    image,
                    digest(start + index),
                    partial(chosen, start + index),
                    root(start + index),
                )


def _unusable(image: Path) -> PipelineError | None:
    """Why an image cannot even be given to the appliance."""
    try:
        mounts.parse(image)
    except PipelineError as error:
        return error
    except OSError as error:
        return PipelineError(f"{image}: cannot be read: {error.strerror}", "check the path and its permissions")
    return None


def _observe_one(
    session: Session,
    device: str,
    image: Path,
    digest: Collection[GuestPath] | None,
    read: Callable[[Tree], Collection[GuestPath]],
    root: int,
) -> Observation | PipelineError:
    try:
        try:
            disk = mounts.locate(session, device, image, prefer=root)
            clean = not mounts.unclean(session, device, disk)
            mounts.mount_all(session, device, disk, writable=False)
            tree = with_digests(session, read_tree(session), digest)
            wanted = {place for path in read(tree) if (place := tree.regular_file(path)) is not None}
            return Observation(disk, tree, read_files(session, tree, sorted(wanted)), clean)
        finally:
            session.umount_all()
    except PipelineError as error:
        if session.is_gone:
            raise
        return error
