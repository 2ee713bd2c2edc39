"""A file tree in the making: what each path of the demo image is, with its exact metadata and where its bytes lie."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind


@dataclass(frozen=True)
class Extract:
    """Bytes that lie inside a file of the host, such as a member of a tar archive."""

    source: Path
    offset: int
    size: int

    def read(self) -> bytes:
        """The bytes themselves."""
        with self.source.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


@dataclass(frozen=True)
class Member:
    """One path of a tree to be written.

    Attributes:
        mode: permission bits only.
        mtime: seconds since 1970.
        content: of a regular file; kept outside memory for what comes from an archive.
        target: of a symbolic link, literally.
        same_as: the path this one is a further hard link of; then everything else is taken from there.
        device: major and minor number of a device node.
    """

    kind: Kind
    mode: int
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    content: bytes | Extract = field(default=b"", repr=False)
    target: str = ""
    same_as: GuestPath | None = None
    device: tuple[int, int] = (0, 0)

    def read(self) -> bytes:
        """Content of a regular file, wherever it lies."""
        return self.content if isinstance(self.content, bytes) else self.content.read()


Members = Mapping[GuestPath, Member]

_KINDS = {
    tarfile.REGTYPE: Kind.FILE,
    tarfile.AREGTYPE: Kind.FILE,
    tarfile.DIRTYPE: Kind.DIRECTORY,
    tarfile.SYMTYPE: Kind.LINK,
    tarfile.CHRTYPE: Kind.CHARACTER,
    tarfile.BLKTYPE: Kind.BLOCK,
    tarfile.FIFOTYPE: Kind.FIFO,
}


def read_tar(archive: Path, *, latest: int) -> dict[GuestPath, Member]:
    """The tree in a tar archive of a root file system; times after `latest` become `latest`.

    Raises:
        PipelineError: it is no tar archive, or holds something the image writer would lose (extended attributes).
    """
    members: dict[GuestPath, Member] = {}
    try:
        with tarfile.open(archive, "r:") as tar:
            for info in tar:
                path = _guest_path(info.name)
                if any(key.startswith("SCHILY.xattr.") for key in info.pax_headers):
                    raise PipelineError(
                        f"{archive.name}: {path} has extended attributes, which the demo image cannot carry",
                        "leave the package that brings it out of the list in pipeline/demo/rootfs.py",
                    )
                mtime = min(int(info.mtime), latest)
                if info.type == tarfile.LNKTYPE:
                    first = _guest_path(info.linkname)
                    members[path] = Member(Kind.FILE, 0, same_as=members[first].same_as or first)
                    continue
                members[path] = Member(
                    _KINDS[info.type],
                    info.mode & 0o7777,
                    info.uid,
                    info.gid,
                    mtime,
                    Extract(archive, info.offset_data, info.size) if info.isreg() else b"",
                    info.linkname if info.issym() else "",
                    device=(info.devmajor, info.devminor) if info.isdev() and not info.isfifo() else (0, 0),
                )
    except (tarfile.TarError, OSError) as error:
        raise PipelineError(
            f"{archive}: cannot be read as a tar archive: {error}", "delete it; it is made again"
        ) from error
    return members


def _guest_path(name: str) -> GuestPath:
    bare = name.removeprefix(".").strip("/")
    return GuestPath("/" + bare)


def text_file(text: str, mode: int = 0o644, *, mtime: int = 0, uid: int = 0, gid: int = 0) -> Member:
    """A regular file made of text, in UTF-8."""
    return Member(Kind.FILE, mode, uid, gid, mtime, text.encode())


def with_parents(members: Members, *, mtime: int) -> dict[GuestPath, Member]:
    """The same tree with every missing directory above a member added, 0755 and owned by root."""
    complete = dict(members)
    for path in members:
        for directory in path.ancestors():
            complete.setdefault(directory, Member(Kind.DIRECTORY, 0o755, mtime=mtime))
    return complete
