"""Lets one process at a time hold a workspace, whatever doit's reporter, runner or options are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.build.sweeping import sweep
from pipeline.host.locks import WorkspaceLock
from pipeline.host.workspace import Workspace

_HELD: dict[Workspace, WorkspaceLock] = {}


def hold_workspace() -> None:
    """Take the workspace for the rest of this process, and sweep what a killed one left.

    Processes forked from this one hold it with it, so workers of a parallel run find it held.

    Raises:
        PipelineError: another process has it.
    """
    workspace = Workspace.here()
    if workspace in _HELD:
        return
    workspace.make_state()
    lock = WorkspaceLock(workspace.state / "lock")
    lock.acquire()
    _HELD[workspace] = lock
    sweep(workspace)


def release_workspace() -> None:
    """Let it go, at the end of a run."""
    lock = _HELD.pop(Workspace.here(), None)
    if lock is not None:
        lock.release()


@contextmanager
def held_workspace() -> Iterator[Workspace]:
    """The workspace, held for a block."""
    hold_workspace()
    try:
        yield Workspace.here()
    finally:
        release_workspace()
