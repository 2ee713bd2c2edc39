"""What several test processes share and only one of them makes at a time."""

from __future__ import annotations

import fcntl
import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_at_a_time(directory: Path) -> Iterator[None]:
    """Hold a lock for a directory, kept elsewhere: the suite runs in a process for each core (pytest-xdist)."""
    name = hashlib.sha256(str(directory).encode()).hexdigest()[:16]
    with (Path(tempfile.gettempdir()) / f"gateway-tests-{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
