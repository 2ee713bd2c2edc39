"""One build at a time in a workspace; the second is told who holds it."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.formats import canonical_json


class WorkspaceLock:
    """A lock that dies with its process (flock), however the process dies.

    The descriptor is inherited by worker processes that doit forks, so the lock lasts as long as any of them works.
    """

    def __init__(self, file: Path) -> None:
        """Name the lock; nothing is opened yet."""
        self._file = file
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock, or raise `PipelineError` that names the holder."""
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 4096)
            os.close(descriptor)
            raise PipelineError(
                f"this workspace is in use by {_describe(holder)}",
                "wait until it ends, or stop it; the lock goes with the process",
            ) from None
        about = {"command": " ".join(["doit", *sys.argv[1:]]), "pid": os.getpid(), "since": _now()}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, canonical_json.dumps(about), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let the lock go; without effect when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _now() -> int:
    """For the message to whoever waits; it reaches no result."""
    return int(time.time())  # noqa: TID251


def _describe(holder: bytes) -> str:
    try:
        about = json.loads(holder)
        since = time.strftime("%H:%M:%S", time.localtime(int(about["since"])))
        return f"process {int(about['pid'])} ({about['command']}, since {since})"
    except (ValueError, KeyError, TypeError):
        return "another process"


@contextmanager
def one_at_a_time(file: Path) -> Iterator[None]:
    """Let one worker of a parallel build through; the others wait their turn."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
