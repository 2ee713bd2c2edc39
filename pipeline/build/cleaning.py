"""What ``doit clean`` removes: exactly what the tasks made, never keys, secrets or inputs.

Each thing is named as it goes, or as it would go (``doit clean -n``). What a production release has published stays:
it is signed, and somebody may have flashed it.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from pipeline.build import reading
from pipeline.build.placement import take_away
from pipeline.build.release.signing import OF_RELEASE
from pipeline.errors import PipelineError
from pipeline.host.workspace import Workspace
from pipeline.model.release import Release


def clean_demo(workspace: Workspace, dryrun: bool) -> None:  # noqa: FBT001 - doit passes it by this name
    """The demo's vanilla image and golden copy; its keys and fleet secret stay, since they cannot be made again."""
    made = ("vanilla.img", "golden", "work", "record.json")
    _remove(workspace, dryrun, *(workspace.demo / name for name in made))


def clean_inspect(workspace: Workspace, dryrun: bool) -> None:  # noqa: FBT001
    """The private raw copy and the facts."""
    _remove(workspace, dryrun, workspace.raw, workspace.facts, workspace.record("inspect"))


def clean_bundles(workspace: Workspace, dryrun: bool) -> None:  # noqa: FBT001
    """The signed packages."""
    _remove(workspace, dryrun, workspace.bundles, workspace.record("bundles"))


def clean_base(workspace: Workspace, dryrun: bool) -> None:  # noqa: FBT001
    """The base image."""
    beside = (workspace.base_tree, workspace.base_writer, workspace.answers)
    _remove(workspace, dryrun, workspace.base, *beside, workspace.record("base"))


def clean_candidate(workspace: Workspace, name: str, dryrun: bool) -> None:  # noqa: FBT001
    """What has been stamped or signed but not published."""
    records = [workspace.record(f"{step}-{name}") for step in ("stamp", "describe", "sign")]
    _remove(workspace, dryrun, workspace.candidate(name), *records)


def clean_result(workspace: Workspace, name: str, dryrun: bool) -> None:  # noqa: FBT001
    """One gateway's published directory."""
    release = _release(workspace)
    if release is None:
        return
    result = workspace.result(release.name, name)
    if release.production and result.exists():
        _say(f"stays: {_shown(workspace, result)}, published by a production release; remove it by hand if it must go")
        return
    if result.is_dir() and not result.is_symlink() and not dryrun:
        _say(f"goes: {_shown(workspace, result)}")
        take_away(result, workspace.stages(release.name))
    _remove(workspace, dryrun, result, workspace.record(f"publish-{name}"))


def clean_release(workspace: Workspace, dryrun: bool) -> None:  # noqa: FBT001
    """Reports, sums and signers, and the release directory once it is empty."""
    release = _release(workspace)
    if release is None:
        return
    results = workspace.results(release.name)
    if release.production and results.exists():
        _say(f"stays: {_shown(workspace, results)}, the signed statement and reports of a production release")
        return
    _remove(workspace, dryrun, *(results / name for name in OF_RELEASE), workspace.record("release"))
    for directory in (results, results.parent):
        if not dryrun and directory.is_dir() and not any(directory.iterdir()):
            directory.rmdir()


def clean_records(workspace: Workspace, step: str, dryrun: bool) -> None:  # noqa: FBT001
    """The record of a step that leaves no files."""
    _remove(workspace, dryrun, workspace.record(step))


def _release(workspace: Workspace) -> Release | None:
    try:
        return reading.release_of(workspace)
    except PipelineError:
        return None


def _remove(workspace: Workspace, dryrun: bool, *paths: Path) -> None:  # noqa: FBT001
    for path in paths:
        if not path.exists() and not path.is_symlink():
            continue
        if not path.is_relative_to(workspace.state):  # records and private state are nobody's news
            _say(f"{'would go' if dryrun else 'goes'}: {_shown(workspace, path)}")
        if dryrun:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _shown(workspace: Workspace, path: Path) -> str:
    return str(path.relative_to(workspace.root)) if path.is_relative_to(workspace.root) else str(path)


def _say(text: str) -> None:
    sys.stdout.write(f"   {text}\n")
