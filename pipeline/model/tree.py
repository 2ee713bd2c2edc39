"""What an image contains, path by path, and what it will contain once a layer is applied."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import cast

from pipeline.errors import PipelineError
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, FileEntry, Layer, LinkEntry, Removal

_MOST_LINKS = 40  # Linux's own limit (path_resolution(7))


class Kind(StrEnum):
    """What a path is; the letters of ``find -type``."""

    FILE = "f"
    DIRECTORY = "d"
    LINK = "l"
    CHARACTER = "c"
    BLOCK = "b"
    FIFO = "p"
    SOCKET = "s"


@dataclass(frozen=True)
class Node:
    """One path of an image.

    Attributes:
        mode: permission bits only, 0 to 0o7777.
        size: bytes of a regular file; 0 for everything else.
        target: of a symbolic link, literally.
        device: ``major:minor`` of a device node.
        sha256: of a regular file's content where it was read, else None.
        xattrs: extended attributes, sorted by name; values as hex digits.
    """

    kind: Kind
    mode: int
    uid: int = 0
    gid: int = 0
    size: int = 0
    target: str = ""
    device: str = ""
    sha256: str | None = None
    xattrs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Tree:
    """All paths of an image, mounted as its fstab says; ``/`` is always present."""

    nodes: Mapping[GuestPath, Node] = field(repr=False)

    def get(self, path: GuestPath) -> Node | None:
        """The node at exactly this path; links on the way are not followed."""
        return self.nodes.get(path)

    def __iter__(self) -> Iterator[GuestPath]:
        return iter(self._sorted)

    def __len__(self) -> int:
        return len(self.nodes)

    @cached_property
    def _sorted(self) -> tuple[GuestPath, ...]:
        return tuple(sorted(self.nodes))

    @cached_property
    def _by_parent(self) -> Mapping[str, tuple[GuestPath, ...]]:
        found: dict[str, list[GuestPath]] = {}
        for path in self._sorted:
            if path != "/":
                found.setdefault(path.rsplit("/", 1)[0] or "/", []).append(path)
        return {parent: tuple(paths) for parent, paths in found.items()}

    def children(self, directory: GuestPath) -> tuple[GuestPath, ...]:
        """What lies directly in a directory, sorted."""
        return self._by_parent.get(directory, ())

    def below(self, directory: GuestPath) -> tuple[GuestPath, ...]:
        """Everything under a directory at any depth, sorted."""
        prefix = directory.rstrip("/") + "/"
        first = bisect_left(self._sorted, prefix)
        # The character after "/" ends the stretch of paths that begin with the prefix.
        last = bisect_left(self._sorted, f"{prefix[:-1]}0", first)
        return self._sorted[first + (prefix == "/") : last]

    def regular_file(self, path: GuestPath) -> GuestPath | None:
        """Where the regular file lies that a path leads to; None for anything else, or nothing."""
        try:
            place = self.resolve(path)
        except PipelineError:
            return None
        node = self.get(place)
        return place if node is not None and node.kind is Kind.FILE else None

    def resolve(self, path: GuestPath, *, follow_last: bool = True) -> GuestPath:
        """Where a path really lies: symbolic links followed inside the image, as the gateway's kernel would.

        Components that do not exist are kept as they are, so that the place of a new file can be asked for.

        Raises:
            PipelineError: more links than Linux follows, or a path that goes through a file.
        """
        waiting = list(reversed(path.parts))
        here: list[str] = []
        hops = 0
        while waiting:
            name = waiting.pop()
            if name in ("", "."):
                continue
            if name == "..":
                if here:
                    here.pop()
                continue
            there = "/" + "/".join([*here, name])
            node = self.nodes.get(cast(GuestPath, there))  # a path compares as its text; checked once, at the end
            if node is not None and node.kind is Kind.LINK and (waiting or follow_last):
                hops += 1
                if hops > _MOST_LINKS:
                    raise PipelineError(
                        f"{path}: too many levels of symbolic links in the image",
                        "look at the links of the vanilla image; a gateway could not open this path either",
                    )
                if node.target.startswith("/"):
                    here = []
                waiting.extend(reversed(node.target.split("/")))
                continue
            if node is not None and node.kind is not Kind.DIRECTORY and waiting:
                raise PipelineError(
                    f"{path}: {there} is not a directory in the image",
                    "check the layout chosen for this image, or the path in the overlay",
                )
            here.append(name)
        return GuestPath("/" + "/".join(here))

    def apply(self, layer: Layer) -> Tree:
        """The tree after a layer, already landed (`pipeline.plan.image_plan.land`): its paths are literal."""
        nodes = dict(self.nodes)
        for removal in layer.removals():
            for path in (removal.path, *self.below(removal.path)):
                nodes.pop(path, None)
        for entry in layer.entries:
            match entry:
                case FileEntry():
                    nodes[entry.path] = Node(
                        Kind.FILE,
                        entry.mode,
                        entry.uid,
                        entry.gid,
                        size=len(entry.content),
                        sha256=hashlib.sha256(entry.content).hexdigest(),
                        xattrs=tuple((name, value.hex()) for name, value in entry.xattrs),
                    )
                case DirEntry():
                    known = nodes.get(entry.path)
                    kept = known.xattrs if known is not None and known.kind is Kind.DIRECTORY else ()
                    nodes[entry.path] = Node(Kind.DIRECTORY, entry.mode, entry.uid, entry.gid, xattrs=kept)
                case LinkEntry():
                    nodes[entry.path] = Node(Kind.LINK, 0o777, entry.uid, entry.gid, target=entry.target)
                case Removal():
                    pass
        return Tree(nodes)

    def without_content(self) -> Tree:
        """The same tree with names and metadata only."""
        return Tree({path: replace(node, sha256=None) for path, node in self.nodes.items()})
