"""Reads regular files of bounded size that people name; a pipe could wait for ever, and /dev/zero never ends."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

LARGEST = 16 << 20


def read_named(path: Path, most: int = LARGEST) -> bytes:
    """The content of a regular file.

    Raises:
        OSError: it cannot be read, is no regular file, or is larger than anything of its kind.
    """
    # without waiting for somebody to open the other end of a pipe
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        content = stream.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"larger than {most >> 20} MiB", str(path))
    return content
