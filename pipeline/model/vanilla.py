"""What inspection learned about a vanilla image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.errors import PipelineError
from pipeline.model.disk import Disk
from pipeline.model.guest_path import GuestPath
from pipeline.model.layout import Layout
from pipeline.model.tree import Kind, Tree


@dataclass(frozen=True)
class Vanilla:
    """A vanilla image: everything the plan needs to know, read once.

    Attributes:
        sha256: of the raw disk, after decompression or conversion.
        os_release: the image's ``/etc/os-release``.
        esf_version: of the ESF or Kura installation found, such as ``5.0.0``.
        init: ``sysv``, ``systemd``, ``busybox``: what ``/sbin/init`` really is.
        tree: every path with its metadata; content digests where they were read.
        files: content of the files the plan looks at, by resolved path; some are secret.
    """

    sha256: str
    disk: Disk
    os_release: Mapping[str, str]
    layout: Layout
    esf_version: str
    init: str
    tree: Tree = field(repr=False)
    files: Mapping[GuestPath, bytes] = field(repr=False)

    def read(self, path: str) -> bytes:
        """Content of a file, links followed inside the image; `PipelineError` when it is not there."""
        content = self.find(path)
        if content is None:
            raise PipelineError(
                f"vanilla image: {path} is missing",
                f"use an image with a complete {self.layout.product} {self.esf_version} installation",
            )
        return content

    def find(self, path: str) -> bytes | None:
        """Content of a file, links followed inside the image; None when there is no such regular file.

        A file that exists but was not read by inspection is a mistake in the list of files to read, hence `KeyError`.
        """
        place = self.tree.resolve(GuestPath(path))
        node = self.tree.get(place)
        if node is None or node.kind is not Kind.FILE:
            return None
        return self.files[place]

    def exists(self, path: str) -> bool:
        """Whether something lies at a path, links followed."""
        return self.tree.get(self.tree.resolve(GuestPath(path))) is not None

    @property
    def process_owner(self) -> tuple[int, int]:
        """Number of user and group of the framework's process: what is for its eyes only must be its own.

        `PipelineError` when the layout names a user that the image has not.
        """
        name = self.layout.owner
        if name.isdecimal():
            return int(name), int(name)
        for line in self.read("/etc/passwd").decode("utf-8", "surrogateescape").splitlines():
            fields = line.split(":")
            if fields[0] == name and len(fields) == 7 and fields[2].isdecimal() and fields[3].isdecimal():
                return int(fields[2]), int(fields[3])
        raise PipelineError(
            f"vanilla image: /etc/passwd has no user {name}, as whom {self.layout.product} runs",
            f"use an image with a complete {self.layout.product} {self.esf_version} installation",
        )
