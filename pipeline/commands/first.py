"""Does first what a command needs: makes the demonstration's inputs, inspects the vanilla image."""

from __future__ import annotations

import sys

from pipeline.build.demo import is_made
from pipeline.build.inspecting import is_inspected
from pipeline.build.names import is_demo
from pipeline.errors import PipelineError
from pipeline.host import tools
from pipeline.host.workspace import Workspace


def inputs_first(workspace: Workspace) -> None:
    """Make the demonstration's inputs where this workspace builds one and they are not there.

    Raises:
        PipelineError: they cannot be made.
    """
    if is_demo(workspace) and not is_made(workspace):
        _run_task(workspace, "demo", "the demonstration's inputs are made first")


def facts_first(workspace: Workspace) -> None:
    """Inspect the vanilla image, as it is now, unless that is done.

    Raises:
        PipelineError: it cannot be inspected.
    """
    inputs_first(workspace)
    if not is_inspected(workspace):
        _run_task(workspace, "inspect", "the vanilla image is inspected first")


def _run_task(workspace: Workspace, task: str, why: str) -> None:
    """By doit itself, which holds the workspace's lock and shows its progress."""
    if not (workspace.root / "dodo.py").is_file():
        raise PipelineError(f"{why}, and there is no dodo.py here to do it", f"in a workspace: doit {task}")
    sys.stderr.write(f"{why}: doit {task}\n")
    sys.stderr.flush()
    status = tools.run_shown([sys.executable, "-m", "doit", task], where=workspace.root)
    if status:
        raise PipelineError(f"doit {task} did not succeed (status {status})", "correct what it reports above")
