"""A flashed medium, or a dump of one: longer than the image, and looked at only as far as the image goes.

Tools that flash by a block map leave out what is free, so a used medium keeps older bytes there. They are no part of
what is compared: free blocks count as the zeros they are in the image. What is free the medium itself says, and if it
said something else than the image does, its digest would differ.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.image.containers import sparse
from pipeline.image.read.in_use import free_blocks
from pipeline.model.disk import Disk

_PIECE = 1 << 20


def read_medium(medium: Path, disk: Disk, target: Path) -> str:
    """Take as much of a medium as the image has, free blocks as zeros; what is to be said of it.

    Raises:
        PipelineError: it cannot be read.
        OSError: the copy cannot be written.
    """
    length = size_of(medium)
    copy_image(medium, disk.size, target)
    return about(length, disk.size, clear_free_blocks(target, disk)) if length >= disk.size else "the whole medium"


def size_of(medium: Path) -> int:
    """Bytes of a file or of a block device, which says its size only when asked for its end.

    Raises:
        PipelineError: it is neither, or cannot be opened.
    """
    handle = _open(medium)
    try:
        return os.lseek(handle, 0, os.SEEK_END)
    finally:
        os.close(handle)


def copy_image(medium: Path, size: int, target: Path) -> None:
    """Copy the first bytes of a medium, as many as the image has, to a private file: a card may change or be pulled.

    Raises:
        PipelineError: it cannot be read to there.
        OSError: the copy cannot be written.
    """
    handle = _open(medium)
    try:
        with sparse.open_private(target) as stream:
            writer = sparse.SparseWriter(stream)
            while writer.size < size:
                try:
                    piece = os.pread(handle, min(_PIECE, size - writer.size), writer.size)
                except OSError as error:
                    raise PipelineError(
                        f"{medium}: cannot be read at byte {writer.size}: {error.strerror}",
                        "the medium may be worn out",
                    ) from None
                if not piece:
                    break
                writer.write(piece)
            writer.finish()
    finally:
        os.close(handle)


def clear_free_blocks(copy: Path, disk: Disk) -> int:
    """Make the free blocks of the copy of a medium zeros, as they are in the image; how many bytes had something else.

    Args:
        copy: private, and as long as the image.
    """
    older = 0
    with copy.open("r+b") as stream:
        handle = stream.fileno()
        for start, end in free_blocks(handle, disk):
            older += sum(
                len(piece)
                for first, last in list(sparse.extents(handle, start, end))
                for piece, _ in sparse.pieces(handle, first, last)
                if piece.strip(b"\0")
            )
            sparse.zero(handle, start, end)
    return older


def about(medium: int, image: int, older: int) -> str:
    """What there is to say about a medium that holds the whole image.

    Args:
        older: bytes of its free blocks that hold something else than the image.
    """
    more = medium - image
    longer = f"; it is {more} bytes longer than the image" if more else ""
    kept = f"; its free blocks hold older bytes (about {max(older >> 20, 1)} MiB), which no file has" if older else ""
    return f"the medium's first {image} bytes{longer}{kept}"


def _open(medium: Path) -> int:
    try:
        kind = medium.stat().st_mode
        if not stat.S_ISREG(kind) and not stat.S_ISBLK(kind):  # opening a pipe would wait for ever
            raise PipelineError(f"{medium}: neither a block device nor a file", "name the medium, such as /dev/sdX")
        return os.open(medium, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise PipelineError(
            f"{medium}: cannot be read: {error.strerror}",
            "let your user read it (its group, often disk), or read it into a file first",
        ) from None
