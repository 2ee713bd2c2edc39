"""Files that get a name only when they are complete, so that a killed process leaves nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from pipeline.host.durable import sync_directory

# open(2), O_TMPFILE: not every file system has it (vfat, NFS and others do not); linkat(2) may not have what it needs.
CANNOT = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.ENOENT)


def write_unnamed(path: Path, content: bytes, mode: int) -> bool:
    """Write a file that was not there before; its mode holds from the first byte.

    Returns:
        Whether it was written; False where the file system knows no files without a name, or the directory is missing.

    Raises:
        OSError: FileExistsError where something has the name; a full disk, missing permissions.
    """
    try:
        handle = os.open(path.parent, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, mode)
    except OSError as error:
        if error.errno in CANNOT:
            return False
        raise
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)  # whatever the umask takes away
            file.write(content)
            file.flush()
            os.fsync(handle)
            # a descriptor given makes Python follow the link to the file (linkat(2), AT_SYMLINK_FOLLOW)
            os.link(f"/proc/self/fd/{handle}", path, src_dir_fd=handle, follow_symlinks=True)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno in CANNOT:
            return False
        raise
    sync_directory(path.parent)
    return True
