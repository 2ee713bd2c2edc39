"""What a reader finds of one path, and how it is told from one process to another."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.model.tree import Kind

KINDS = {
    0o100000: Kind.FILE,
    0o040000: Kind.DIRECTORY,
    0o120000: Kind.LINK,
    0o020000: Kind.CHARACTER,
    0o060000: Kind.BLOCK,
    0o010000: Kind.FIFO,
    0o140000: Kind.SOCKET,
}


class Found(NamedTuple):
    """One path as a reader sees it.

    Attributes:
        mode: permission bits.
        device: ``major:minor``, None where the reader cannot tell.
        xattrs: name and hex digits, sorted; None where the reader cannot tell.
        inode: its number.
    """

    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    target: str
    device: str | None
    xattrs: tuple[tuple[str, str], ...] | None
    inode: int
