"""Private directories that end with their process; those of a killed process are removed by the next one.

A directory belongs to whoever holds the lock on the file ``owner`` in it; the lock dies with the process, however that
dies. One that nobody holds is a stray.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import PipelineError

# What may hold secrets in clear goes first: a sweep that is cut short should have removed these.
_PREFIXES = ("ask-",
    "stamp-", "inject-", "twice-", "boottest-", "boot-", "capture-", "verify-", "audit-", "diff-",
    "explain-", "doctor-",
)  # fmt: skip
_OWNER = "owner"


@contextmanager
def scratch_directory(prefix: str, parent: Path) -> Iterator[Path]:
    """A new directory (0700) below another for as long as the block lasts; strays beside it are swept first.

    Args:
        prefix: one of those a sweep knows, such as ``stamp-``.

    Raises:
        PipelineError: the place cannot be written to, or is full.
    """
    if prefix not in _PREFIXES:
        raise AssertionError(f"{prefix}: a sweep would not know it")
    try:
        with _alone_in(parent):
            _sweep(parent)
            directory = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
            owner = os.open(directory / _OWNER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(owner, fcntl.LOCK_EX)
    except OSError as error:
        raise PipelineError(
            f"{parent}: cannot hold temporary files: {error.strerror}", "check its permissions and free space"
        ) from None
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(owner)


@contextmanager
def temporary_directory(prefix: str) -> Iterator[Path]:
    """The same where temporary files go on this machine, in a directory that is this user's alone."""
    parent = Path(tempfile.gettempdir()) / f"gateway-image-pipeline-{os.getuid()}"
    try:
        parent.mkdir(mode=0o700, exist_ok=True)
        about = parent.lstat()
        own = stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid() and not about.st_mode & 0o077
    except OSError:
        own = False
    if own:
        with scratch_directory(prefix, parent) as directory:
            yield directory
    else:  # somebody else has the name: nothing of ours goes there
        with tempfile.TemporaryDirectory(prefix=prefix) as name:
            yield Path(name)


@contextmanager
def temporary_beside(parent: Path, prefix: str) -> Iterator[Path]:
    """The same in a directory that is made for it and goes when it is empty: for large files, near where they go."""
    try:
        with scratch_directory(prefix, parent) as directory:
            yield directory
    finally:
        with contextlib.suppress(OSError):
            parent.rmdir()


def sweep_strays(parent: Path) -> None:
    """Remove the directories that killed processes left; those in use stay."""
    if parent.is_dir():
        with _alone_in(parent):
            _sweep(parent)


def _sweep(parent: Path) -> None:
    for prefix in _PREFIXES:
        for directory in sorted(parent.glob(f"{prefix}*")):
            if directory.is_dir() and not directory.is_symlink() and not _is_held(directory / _OWNER):
                shutil.rmtree(directory, ignore_errors=True)


def _is_held(owner: Path) -> bool:
    try:
        lock = os.open(owner, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # not ours to say
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


@contextmanager
def _alone_in(parent: Path) -> Iterator[None]:
    """Nobody sweeps a directory that is just being made."""
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
