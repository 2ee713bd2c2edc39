"""What ``doit clean`` takes away: exactly what the tasks made, never keys, secrets or inputs."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.build import reading
from pipeline.build.release_signing import OF_RELEASE
from pipeline.errors import PipelineError
from pipeline.host.workspace import Workspace


def clean_demo(workspace: Workspace) -> None:
    """The demo's vanilla image and golden copy; its keys and fleet secret stay, since they cannot be made again."""
    _remove(
        workspace.demo / "vanilla.img",
        workspace.demo / "golden",
        workspace.demo / "work",
        workspace.demo / "record.json",
    )


def clean_inspect(workspace: Workspace) -> None:
    """The private raw copy and the facts."""
    _remove(workspace.raw, workspace.facts, workspace.record("inspect"))


def clean_bundles(workspace: Workspace) -> None:
    """The signed packages."""
    _remove(workspace.bundles, workspace.record("bundles"))


def clean_base(workspace: Workspace) -> None:
    """The base image."""
    _remove(workspace.base, workspace.base_tree, workspace.base_writer, workspace.record("base"))


def clean_candidate(workspace: Workspace, name: str) -> None:
    """What has been stamped or signed but not published."""
    _remove(workspace.candidate(name), *(workspace.record(f"{step}-{name}") for step in ("stamp", "describe", "sign")))


def clean_result(workspace: Workspace, name: str) -> None:
    """One gateway's published directory."""
    release = _release_name(workspace)
    if release is not None:
        _remove(workspace.result(release, name), workspace.record(f"publish-{name}"))


def clean_release(workspace: Workspace) -> None:
    """Reports, sums and signers, and the release directory once it is empty."""
    release = _release_name(workspace)
    if release is None:
        return
    results = workspace.results(release)
    _remove(*(results / name for name in OF_RELEASE), workspace.record("release"))
    for directory in (results, results.parent):
        if directory.is_dir() and not any(directory.iterdir()):
            directory.rmdir()


def clean_records(workspace: Workspace, step: str) -> None:
    """The record of a step that leaves no files."""
    _remove(workspace.record(step))


def _release_name(workspace: Workspace) -> str | None:
    try:
        return reading.release_of(workspace).name
    except PipelineError:
        return None


def _remove(*paths: Path) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
