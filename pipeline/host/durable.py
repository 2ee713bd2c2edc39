"""Names that stay: what a rename promised is still so after a power cut, and a swap leaves no moment without either."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
from pathlib import Path

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # Linux: fcntl.h, renameat2(2)
# What a file system or kernel that cannot exchange answers; renameat2(2) names EINVAL and ENOSYS.
_CANNOT = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)


def sync_directory(directory: Path) -> None:
    """Flush the names of a directory; file systems that cannot do that alone are left to themselves."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # FUSE and network file systems answer EINVAL
            os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Flush the content of a file written by another program."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(directory: Path) -> None:
    """Flush every file of a directory without further ones in it, then its names."""
    for path in directory.iterdir():
        if path.is_file() and not path.is_symlink():
            sync_file(path)
    sync_directory(directory)


def move(source: Path, target: Path) -> None:
    """Rename, and keep the promise; raises OSError, with EXDEV across file systems."""
    source.rename(target)
    sync_directory(target.parent)
    if source.parent != target.parent:
        sync_directory(source.parent)


def swap(one: Path, other: Path, leaving: Path) -> None:
    """Exchange two names in one step, so that at every moment each shows the old or the new.

    Where the file system cannot, ``other`` goes to ``leaving`` first: whoever finds that after a fault moves it back.

    Args:
        leaving: a name on the same file system that nothing has.

    Raises:
        OSError: with EXDEV across file systems.
    """
    try:
        _exchange(one, other)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        other.rename(leaving)
        try:
            one.rename(other)
        except BaseException:
            leaving.rename(other)
            raise
        leaving.rename(one)
    for directory in {one.parent, other.parent}:
        sync_directory(directory)


def _exchange(one: Path, other: Path) -> None:
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)  # glibc has it from 2.28 on
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(other))
