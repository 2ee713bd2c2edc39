"""Copying and reading large files that are mostly holes."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

PIECE = 1 << 20
_GRAIN = 64 << 10  # what is compared with zeros when a stream is written; smaller holes save little
_ZEROS = bytes(PIECE)
_FICLONE = 0x40049409  # linux/fs.h
_KEEP_SIZE, _PUNCH_HOLE = 1, 2  # linux/falloc.h


def extents(handle: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts of a file that may hold data, as half-open ranges within bounds; the rest reads as zeros."""
    place = start
    while place < end:
        try:
            place = os.lseek(handle, place, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        if place >= end:
            return
        hole = min(os.lseek(handle, place, os.SEEK_HOLE), end)
        yield place, hole
        place = hole


def pieces(handle: int, start: int, end: int) -> Iterator[tuple[bytes, bool]]:
    """The content of a file from one offset to another, in order, and whether a piece is known to be a hole.

    A file that ends early gives less than asked for.
    """
    place = start
    for data, hole in extents(handle, start, end):
        yield from _holes(place, data)
        place = data
        while place < hole:
            piece = os.pread(handle, min(PIECE, hole - place), place)
            if not piece:
                return
            yield piece, False
            place += len(piece)
    yield from _holes(place, end)


def _holes(place: int, end: int) -> Iterator[tuple[bytes, bool]]:
    while place < end:
        piece = _ZEROS[: min(PIECE, end - place)]
        yield piece, True
        place += len(piece)


class SparseWriter:
    """Writes a stream into a file, leaving holes where it is zero, and takes its SHA-256 on the way."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, piece: bytes, *, hole: bool = False) -> None:
        """Append; a piece known to be zeros need not be looked at."""
        self._digest.update(piece)
        if not hole:
            view = memoryview(piece)
            for offset in range(0, len(view), _GRAIN):
                grain = view[offset : offset + _GRAIN]
                if grain != _ZEROS[: len(grain)]:
                    self._stream.seek(self.size + offset)
                    self._stream.write(grain)
        self.size += len(piece)

    def finish(self) -> str:
        """Give the file its size and flush it; returns the digest of everything written."""
        self._stream.truncate(self.size)
        self._stream.flush()
        os.fsync(self._stream.fileno())
        return self._digest.hexdigest()


def copy_file(source: int, target: int) -> None:
    """Copy a file's content to an empty file: by reference where the file system can, else only what is no hole."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
        return
    except OSError:
        pass  # another file system, or one that cannot share blocks
    size = os.fstat(source).st_size
    os.ftruncate(target, size)
    for start, end in extents(source, 0, size):
        _copy_range(source, target, start, end)


def _copy_range(source: int, target: int, start: int, end: int) -> None:
    place = start
    while place < end:
        try:
            done = os.copy_file_range(source, target, end - place, place, place)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL):
                raise
            done = os.pwrite(target, os.pread(source, min(PIECE, end - place), place), place)
        if done == 0:
            raise OSError(errno.EIO, "the file became shorter while it was copied")
        place += done


def zero(handle: int, start: int, end: int) -> None:
    """Make a range read as zeros and give its space back where the file system can."""
    if start >= end:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    if libc.fallocate(handle, _KEEP_SIZE | _PUNCH_HOLE, start, end - start) == 0:
        return
    for place in range(start, end, PIECE):
        os.pwrite(handle, _ZEROS[: min(PIECE, end - place)], place)


def give_back(handle: int) -> None:
    """Give back space that was reserved for a file and not written."""
    size, place = os.fstat(handle).st_size, 0
    for start, end in [*extents(handle, 0, size), (size, size)]:
        zero(handle, place, start)
        place = end


def open_private(path: Path) -> BinaryIO:
    """A new, empty file for reading and writing that only its owner can read; whatever had the name is gone."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    return os.fdopen(handle, "w+b")
