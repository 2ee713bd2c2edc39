"""Files that are made once and never replaced; secret ones are private from their first byte."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.host.durable import sync_directory
from pipeline.host.unnamed import write_unnamed


def make_once(path: Path, content: bytes, *, mode: int = 0o600) -> bool:
    """Write a file unless it exists; returns whether it was written.

    It appears under its name only when it is complete: a file that is cut short would be kept for good.
    """
    sweep_unfinished(path)
    if path.exists():
        return False
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        if write_unnamed(path, content, mode):
            return True
    except FileExistsError:
        return False
    growing = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(growing, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)  # whatever the umask takes away
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(growing, path)  # unlike a rename, refuses to replace what another process made meanwhile
        except FileExistsError:
            return False
        sync_directory(path.parent)
        return True
    finally:
        growing.unlink()


def sweep_unfinished(path: Path) -> None:
    """Take away what a killed process left of this file: perhaps a whole private key."""
    for stray in path.parent.glob(f".{path.name}.*") if path.parent.is_dir() else ():
        pid = stray.name.removesuffix(".new").rpartition(".")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            stray.unlink(missing_ok=True)
