"""Takes a golden gateway's files from an image of its disk: opened by libguestfs, read-only, nothing of it is run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from pipeline.capture.paths import LINKS, PATTERNS, ROOTS, TREES
from pipeline.capture.taken import Found, release_in
from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.host.scratch import temporary_beside
from pipeline.image.appliance.session import Drive, Session, launch
from pipeline.image.containers.prepare import prepare_raw
from pipeline.image.containers.sniff import Container, sniff
from pipeline.image.read import mounts
from pipeline.image.read.tree_reader import read_tree
from pipeline.inputs.export_members import MOST_BYTES
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind, Tree
from pipeline.model.tree_glob import glob

Say = Callable[[str], None]


def read_image(image: Path, *, work: Path, say: Say) -> Found:
    """What lies at the listed paths of a gateway's disk.

    Args:
        work: a private directory; what is put there is removed again.

    Raises:
        PipelineError: no such image, no system in it, or its file systems were not closed properly.
    """
    # in a directory of its own, so that a sweep of what a killed capture left touches nothing of people's
    with temporary_beside(work / ".capture", "capture-") as place:
        raw = image
        if sniff(image) is not Container.DISK:
            raw = Path(place) / "disk.raw"
            prepare_raw(image, raw, say)
        state = Path(place) / "appliance"
        state.mkdir(mode=0o700)
        with launch([Drive(raw, writable=False)], state_dir=state, say=say) as session:
            return _read(session, session.devices[0], raw, say)


def _read(session: Session, device: str, raw: Path, say: Say) -> Found:
    disk = mounts.locate(session, device, raw)
    raise_if_any(
        Problem(reason, "switch the gateway off properly before its disk is copied, or run e2fsck on the copy")
        for reason in mounts.unclean(session, device, disk)
    )
    mounts.mount_all(session, device, disk, writable=False)
    try:
        say("reading names of all files")
        tree = read_tree(session)
        return found_in(tree, session.read)
    finally:
        session.umount_all()


def found_in(tree: Tree, read: Callable[[GuestPath, int], bytes]) -> Found:
    """The listed files of a tree; links are followed inside the image."""
    files: dict[str, bytes] = {}
    links: dict[str, str] = {}
    odd: list[str] = []
    left = MOST_BYTES
    for path in _listed(tree):
        name = path.lstrip("/")
        parent = tree.get(tree.resolve(path.parent) / path.name)
        try:
            place = tree.resolve(path)
        except PipelineError:  # a loop of links
            odd.append(name)
            continue
        node = tree.get(place)
        if parent is not None and parent.kind is Kind.LINK and fnmatchcase(name, LINKS):
            links[name] = parent.target
        elif node is None or node.kind is not Kind.FILE or node.size > left:
            odd.append(name)
        else:
            left -= node.size
            files[name] = read(place, node.size)
    return Found(files, links, _release(tree), tuple(odd))


def _listed(tree: Tree) -> Iterator[GuestPath]:
    seen: set[GuestPath] = set()
    for pattern in PATTERNS:
        seen.update(glob(tree, f"/{pattern}"))
    for top in TREES:
        place = tree.resolve(GuestPath(f"/{top}"))
        for path in tree.below(place):
            node = tree.get(path)
            if node is not None and node.kind is not Kind.DIRECTORY:
                seen.add(GuestPath(f"/{top}{path[len(place) :]}"))
    yield from sorted(seen)


def _release(tree: Tree) -> str:
    return next((found for root in ROOTS if (found := release_in(tree.resolve(GuestPath(f"/{root}")).name))), "")
