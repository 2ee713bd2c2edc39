"""Faults of the machine, such as a full or failing disk or missing permissions: one line instead of a traceback."""

from __future__ import annotations

import errno

from pipeline.errors import PipelineError

_REMEDIES = {
    errno.ENOSPC: "free some space, then start again; what was complete stays",
    errno.EDQUOT: "free some space or have the quota raised, then start again; what was complete stays",
    errno.EFBIG: "use a file system that takes files of this size",
    errno.EROFS: "use a place that can be written to",
    errno.EACCES: "correct its permissions",
    errno.EPERM: "correct its owner, permissions or attributes (lsattr)",
    errno.EIO: "the disk may be failing: see dmesg",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "raise the limit of open files",
    errno.ENOMEM: "free some memory",
    errno.ELOOP: "its links lead in a circle; correct them",
    errno.ENAMETOOLONG: "put the workspace into a directory with a shorter path",
}


def as_problem(error: OSError) -> PipelineError | None:
    """The problem to tell, or None for what may be a bug and keeps its traceback."""
    if error.errno not in _REMEDIES:
        return None
    name = error.filename if error.filename is not None else "a file"
    if isinstance(name, bytes):
        name = name.decode("utf-8", "backslashreplace")
    return PipelineError(f"{name}: {error.strerror}", _REMEDIES[error.errno])
