"""Looks into a vanilla image, read-only, and learns everything the plan needs; nothing later opens it for facts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.image.appliance.session import Drive, Session, launch
from pipeline.image.ext4.sealable import reasons_against
from pipeline.image.read import facts, mounts
from pipeline.image.read.layout_detection import Installation, detect
from pipeline.image.read.never_booted import signs
from pipeline.image.read.tree_reader import read_tree
from pipeline.model.disk import Disk
from pipeline.model.guest_path import GuestPath
from pipeline.model.layout import Layout
from pipeline.model.tree import Kind, Tree
from pipeline.model.vanilla import Vanilla
from pipeline.rules.files_read import wanted_paths

Say = Callable[[str], None]


def inspect(
    raw: Path,
    layouts: Sequence[Layout],
    *,
    sha256: str,
    state_dir: Path,
    say: Say,
    name: str = "",
    root: str = "",
    also: Sequence[str] = (),
) -> Vanilla:
    """What a prepared raw image contains (see `pipeline.image.containers.prepare`); the file is not changed.

    Args:
        sha256: of the raw image.
        name: what people call the image, for messages.
        root: which partition holds the root file system, where several do (`pipeline.image.read.mounts.locate`).
        also: further files to read, patterns as in `pipeline.image.read.facts`.

    Raises:
        PipelineError: no system or no known ESF in it, damaged, booted before, or built by this product.
    """
    with launch([Drive(raw, writable=False)], state_dir=state_dir, say=say) as session:
        say("looking for the root file system")
        disk = mounts.locate(session, session.devices[0], raw, name=name, root=root)
        raise_if_any(reasons_against(raw, disk))
        return inspect_drive(session, session.devices[0], disk, layouts, sha256=sha256, say=say, also=also)


def inspect_drive(
    session: Session,
    device: str,
    disk: Disk,
    layouts: Sequence[Layout],
    *,
    sha256: str,
    say: Say,
    also: Sequence[str] = (),
) -> Vanilla:
    """The same with an appliance that already runs and has the image as a drive, whose root is known."""
    raise_if_any(
        Problem(reason, "use the vendor's image as delivered, or run e2fsck on a copy of it if it never ran")
        for reason in mounts.unclean(session, device, disk)
    )
    mounts.mount_all(session, device, disk, writable=False)
    try:
        say("reading names and metadata of all files")
        tree = read_tree(session)
        found = find_installation(tree, layouts, reader(session, tree))
        say("reading the files the plan needs")
        # Rules judge the plan on top of these files, before anything is written.
        chosen = sorted({*facts.select(tree, (*facts.wanted(found.layout), *also)), *wanted_paths(tree, found.layout)})
        vanilla = _vanilla(session, disk, tree, found, chosen, sha256)
    finally:
        session.umount_all()
    raise_if_any(signs(vanilla))
    return vanilla


def _vanilla(
    session: Session, disk: Disk, tree: Tree, found: Installation, chosen: Sequence[GuestPath], sha256: str
) -> Vanilla:
    files = read_files(session, tree, chosen)
    nodes = dict(tree.nodes)
    for path, content in files.items():
        nodes[path] = replace(nodes[path], sha256=hashlib.sha256(content).hexdigest())
    vanilla = Vanilla(
        sha256=sha256,
        disk=disk,
        os_release={},
        layout=found.layout,
        esf_version=found.version,
        init=init_of(tree),
        tree=Tree(nodes),
        files=files,
    )
    return replace(vanilla, os_release=os_release_of(vanilla.find))


def read_files(session: Session, tree: Tree, chosen: Sequence[GuestPath]) -> dict[GuestPath, bytes]:
    """Content of regular files; `PipelineError` names those too large to be what their names say."""
    raise_if_any(
        Problem(f"{path} has {tree.nodes[path].size >> 20} MiB", "such a file does not belong here; correct the image")
        for path in chosen
        if tree.nodes[path].size > facts.LARGEST
    )
    return {path: session.read(path, tree.nodes[path].size) for path in chosen}


def find_installation(tree: Tree, layouts: Sequence[Layout], read: Callable[[GuestPath], bytes]) -> Installation:
    """The installation there is; `PipelineError` when there is none, or it cannot be told which."""
    found = detect(tree, layouts, read)
    if found is not None:
        return found
    places = ", ".join(sorted({str(layout.properties) for layout in layouts}))
    raise PipelineError(
        f"no ESF installation in the image, nor one of Kura: none of {places} is there",
        "use the vendor's image with ESF installed",
    )


def reader(session: Session, tree: Tree) -> Callable[[GuestPath], bytes]:
    """How detection reads a file of the image."""
    return lambda path: read_files(session, tree, [path])[path]


def _is_file(tree: Tree, path: GuestPath) -> bool:
    try:
        node = tree.get(tree.resolve(path))
    except PipelineError:
        return False
    return node is not None and node.kind is Kind.FILE


def os_release_of(find: Callable[[str], bytes | None]) -> Mapping[str, str]:
    """os-release(5): shell-like assignments, quoted or not; empty when the image has none."""
    content = find("/etc/os-release") or find("/usr/lib/os-release") or b""
    found: dict[str, str] = {}
    for line in content.decode("utf-8", "replace").splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and re.fullmatch(r"[A-Z0-9_]+", name):
            if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
                value = re.sub(r"\\(.)", r"\1", value[1:-1])
            found[name] = value
    return found


def init_of(tree: Tree) -> str:
    """What ``/sbin/init`` really is: ``sysv``, ``systemd``, ``busybox``, or ``unknown``."""
    init = GuestPath("/sbin/init")
    try:
        place = tree.resolve(init)
    except PipelineError:
        return "unknown"
    if tree.get(place) is None:
        return "unknown"
    for name in ("systemd", "busybox"):
        if name in place.name:
            return name
    return "sysv" if _is_file(tree, GuestPath("/etc/inittab")) else "unknown"
