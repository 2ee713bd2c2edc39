"""An image as rules look at it: planned, finished, or anybody's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pipeline.model.disk import Disk
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, Removal
from pipeline.model.layout import Layout
from pipeline.model.outside.raw_region import Region
from pipeline.model.tree import Kind, Node, Tree
from pipeline.model.vanilla import Vanilla


@dataclass(frozen=True)
class ImageView:
    """What rules may look at.

    Attributes:
        layout: of the ESF or Kura installation found; None when there is none, so that its rules do not apply.
        init: ``sysv``, ``systemd``, ``busybox``, or empty when unknown.
        tree: every path with its metadata.
        files: content of the files that were read, by resolved path.
        raw: content of the regions outside all file systems that were read.
        beside: content of the files delivered beside the image, for places outside of it, by name.
    """

    os_release: Mapping[str, str]
    layout: Layout | None
    esf_version: str
    init: str
    disk: Disk | None
    tree: Tree = field(repr=False)
    files: Mapping[GuestPath, bytes] = field(repr=False)
    raw: Mapping[Region, bytes] = field(default_factory=dict, repr=False)
    beside: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, vanilla: Vanilla) -> ImageView:
        """An inspected image as it is."""
        return cls(
            vanilla.os_release,
            vanilla.layout,
            vanilla.esf_version,
            vanilla.init,
            vanilla.disk,
            vanilla.tree,
            vanilla.files,
        )

    def after(self, layer: Layer) -> ImageView:
        """The image once a landed layer is applied."""
        files = dict(self.files)
        for removal in layer.removals():
            for path in [path for path in files if path == removal.path or path.is_under(removal.path)]:
                del files[path]
        for entry in layer.entries:
            if isinstance(entry, FileEntry):
                files[entry.path] = entry.content
            elif not isinstance(entry, Removal):
                files.pop(entry.path, None)
        return replace(self, tree=self.tree.apply(layer), files=files)

    def place(self, path: str) -> GuestPath:
        """Where a path really lies, links followed."""
        return self.tree.resolve(GuestPath(path))

    def node(self, path: str) -> Node | None:
        """What lies at a path, links followed; None when nothing does."""
        return self.tree.get(self.place(path))

    def exists(self, path: str) -> bool:
        """Whether something lies at a path, links followed."""
        return self.node(path) is not None

    def find(self, path: str) -> bytes | None:
        """Content of a regular file, links followed; None when there is none.

        Raises:
            Unread: the file is there, but its content was not read; a rule reports that it could not be verified.
        """
        place = self.place(path)
        node = self.tree.get(place)
        if node is None or node.kind is not Kind.FILE:
            return None
        content = self.files.get(place)
        if content is None:
            raise Unread(place)
        return content


class Unread(Exception):  # noqa: N818 - not an error of anybody's: a look that was not taken
    """A rule asked for content that nobody read."""

    def __init__(self, path: GuestPath) -> None:
        super().__init__(f"{path}: its content was not read")
        self.path = path
