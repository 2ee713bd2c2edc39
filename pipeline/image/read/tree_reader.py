"""Reads every path of a mounted image: names, metadata, link targets, extended attributes, and digests on demand."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from pipeline.errors import PipelineError
from pipeline.image.appliance.appliance import CHECK_A_COPY
from pipeline.image.appliance.session import Session, Stat
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind, Node, Tree

_ROOT = GuestPath("/")
_SMALL = 256 << 10  # bytes
_KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.DIRECTORY,
    stat.S_IFLNK: Kind.LINK,
    stat.S_IFCHR: Kind.CHARACTER,
    stat.S_IFBLK: Kind.BLOCK,
    stat.S_IFIFO: Kind.FIFO,
    stat.S_IFSOCK: Kind.SOCKET,
}
_DIGEST_LINE = re.compile(rb"(\\?)([0-9a-f]{64}) [ *]\./(.*)", re.DOTALL)


def read_tree(session: Session) -> Tree:
    """All paths of what is mounted, without content.

    Raises:
        PipelineError: a name that is not UTF-8, which libguestfs cannot be asked about.
    """
    directories: dict[GuestPath, list[str]] = {}
    for raw in session.find(_ROOT):
        try:
            parent, _, name = raw.decode().strip("/").rpartition("/")
        except UnicodeDecodeError:
            raise PipelineError(
                f"the image has a name that is not UTF-8: {ascii(raw)[2:-1]}", "rename it in the vanilla image"
            ) from None
        directories.setdefault(GuestPath(f"/{parent}"), []).append(name)
    about = session.stat(_ROOT)
    nodes = {_ROOT: _node(about, "", session.path_attributes(_ROOT))}
    for directory, names in sorted(directories.items()):
        nodes.update(_read_directory(session, directory, sorted(names)))
    return Tree(nodes)


def _read_directory(session: Session, directory: GuestPath, names: list[str]) -> Iterator[tuple[GuestPath, Node]]:
    stats = session.stats(directory, names)
    has_links = any(stat.S_ISLNK(one.mode) for one in stats)
    targets = session.links(directory, names) if has_links else [""] * len(names)
    attributes = session.attributes(directory, names)
    for name, one, target, xattrs in zip(names, stats, targets, attributes, strict=True):
        yield directory / name, _node(one, target, xattrs)


def _node(about: Stat, target: str, xattrs: tuple[tuple[str, bytes], ...]) -> Node:
    kind = _KINDS[stat.S_IFMT(about.mode)]
    is_device = kind in (Kind.CHARACTER, Kind.BLOCK)
    return Node(
        kind=kind,
        mode=stat.S_IMODE(about.mode),
        uid=about.uid,
        gid=about.gid,
        size=about.size if kind is Kind.FILE else 0,
        target=target if kind is Kind.LINK else "",
        device=f"{os.major(about.device)}:{os.minor(about.device)}" if is_device else "",
        xattrs=tuple((name, value.hex()) for name, value in xattrs),
    )


def with_digests(session: Session, tree: Tree, chosen: Collection[GuestPath] | None) -> Tree:
    """The tree with the SHA-256 of the chosen regular files, or of all of them.

    A chosen path that is not there, or is no regular file, is passed over: comparing trees shows it.
    """
    if chosen is None:
        digests: Mapping[GuestPath, str] = parse_digests(session.digests(_ROOT))
    else:
        # Never of anything else: a pipe or a device would not end.
        files = {path: node for path in chosen if (node := tree.get(path)) and node.kind is Kind.FILE}
        digests = {path: _digest(session, path, node.size) for path, node in sorted(files.items())}
    nodes = dict(tree.nodes)
    for path, digest in digests.items():
        nodes[path] = replace(nodes[path], sha256=digest)
    missing = [path for path, node in nodes.items() if node.kind is Kind.FILE and node.sha256 is None]
    if chosen is None and missing:
        raise PipelineError(f"{missing[0]}: could not be read in the image", CHECK_A_COPY)
    return Tree(nodes)


def _digest(session: Session, path: GuestPath, size: int) -> str:
    """Small files are quicker read and hashed here, large ones in the appliance."""
    return hashlib.sha256(session.read(path, size)).hexdigest() if size <= _SMALL else session.digest(path)


def parse_digests(listing: bytes) -> dict[GuestPath, str]:
    """What ``sha256sum`` prints; names with a newline or a backslash are escaped and marked by it."""
    found: dict[GuestPath, str] = {}
    for line in listing.split(b"\n"):
        if not line:
            continue
        match = _DIGEST_LINE.fullmatch(line)
        if match is None:
            raise PipelineError(f"libguestfs: digests in an unknown form: {line[:60]!r}", "report it")
        name = match[3]
        if match[1]:
            name = re.sub(rb"\\(.)", lambda hit: {b"n": b"\n", b"r": b"\r"}.get(hit[1], hit[1]), name)
        found[GuestPath("/" + name.decode("utf-8", "surrogateescape"))] = match[2].decode()
    return found
