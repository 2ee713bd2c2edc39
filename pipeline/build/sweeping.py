"""Removes what a killed build left, secrets first; only the process that holds the workspace may do so."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from pipeline.build import reading
from pipeline.build.placement import LEAVING, PLACING, is_stray
from pipeline.errors import PipelineError
from pipeline.host.records import read_record
from pipeline.host.scratch import sweep_strays
from pipeline.host.workspace import STAGING, Workspace

_STEPS = ("stamp", "describe", "sign")


def sweep(workspace: Workspace) -> None:
    """Remove what no step is going to use again, and put back what was being replaced when the build was killed."""
    if not workspace.state.is_dir():
        return
    sweep_strays(workspace.state / "appliance")  # contents of files, host keys and password hashes among them
    results = _results_of(workspace)
    fleet = workspace.fleet / "candidates"
    for place in (workspace.state / "candidates", fleet, *_stages(workspace, results)):
        _put_back(place, results)
    for path in _entries(fleet):
        if path.name.endswith(PLACING):
            _remove(path)
    for candidate in _entries(workspace.state / "candidates"):
        if not _is_recorded(workspace, candidate.name):
            _remove(candidate)
    for record in _entries(workspace.record("any").parent):
        step, _, name = record.stem.partition("-")
        if step in _STEPS and name and not workspace.candidate(name).exists():
            _remove(record)
    for stray in _entries(workspace.staging):
        _remove(stray)
    for path in (path for directory in _private(workspace) for path in _entries(directory)):
        if is_stray(path.name) or path.name.endswith(".growing"):
            _remove(path)
    if results is not None:
        sweep_results(results)


def sweep_results(results: Path) -> None:
    """Remove what a killed build left in a release directory and beside it; nothing of people's has such a name."""
    for path in (results.parent / STAGING, results / STAGING):
        _remove(path)
    for directory in (results, *(path for path in _entries(results) if path.is_dir() and not path.is_symlink())):
        for path in _entries(directory):
            if is_stray(path.name):
                _remove(path)


def _results_of(workspace: Workspace) -> Path | None:
    try:
        return workspace.results(reading.release_of(workspace).name)
    except PipelineError:
        return None  # whoever wants a release from this will be told


def _stages(workspace: Workspace, results: Path | None) -> tuple[Path, ...]:
    return workspace.stages(results.name) if results is not None else ()


def _put_back(place: Path, results: Path | None) -> None:
    """A published directory that had gone aside for a new one that never came."""
    for leaving in _entries(place):
        if leaving.name.endswith(LEAVING) and results is not None:
            published = results / leaving.name.removesuffix(LEAVING)
            if not os.path.lexists(published):
                leaving.rename(published)
            else:
                _remove(leaving)


def _is_recorded(workspace: Workspace, name: str) -> bool:
    return any(read_record(workspace.record(f"{step}-{name}")) is not None for step in _STEPS)


def _private(workspace: Workspace) -> Iterator[Path]:
    yield workspace.state
    for directory in _entries(workspace.state):
        if directory.is_dir() and not directory.is_symlink() and directory.name != "appliance":
            yield directory
    yield from (path for path in _entries(workspace.state / "candidates") if path.is_dir())


def _entries(directory: Path) -> list[Path]:
    return sorted(directory.iterdir()) if directory.is_dir() else []


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
