"""Puts complete files and directories below ``out/``, on any file system, and leaves other people's files alone."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.errors import Problem, raise_if_any
from pipeline.host.digests import write_atomically
from pipeline.host.durable import move, swap, sync_tree
from pipeline.host.workspace import STAGING
from pipeline.image.containers import prepare

LEAVING = ".leaving"
"""Ends the name of what is replaced where a file system cannot exchange two names; no gateway's name has a dot."""

PLACING = ".placing"
"""Ends the name of a directory that is on its way, where a name among the candidates has a meaning of its own."""

_ROOM = 64 << 20  # bytes besides images: manifests, bills of materials, reports


def put_file(path: Path, content: bytes, mode: int, stages: Sequence[Path]) -> None:
    """Write a file of a release; its directory never shows another name than that.

    Args:
        stages: private directories to write it in, tried in this order until one is on the same file system.
    """

    def attempt(stage: Path) -> None:
        write_atomically(path, content, mode, staging=stage)

    _on_same_file_system(stages, attempt)


def put_directory(source: Path, place: Path, stages: Sequence[Path], *, flushed: bool = False) -> None:
    """Give a directory its name; one that had the name is exchanged for it in one step and goes.

    Args:
        source: files only; gone afterwards.
        stages: where a copy is made when the source is on another file system.
        flushed: its content has been, by whoever has thousands of such directories.
    """
    if not flushed:
        sync_tree(source)
    try:
        _exchange(source, place)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise

        def attempt(stage: Path) -> None:
            copy = stage / place.name
            shutil.rmtree(copy, ignore_errors=True)
            try:
                if stage.stat().st_dev != place.parent.stat().st_dev:  # told before a whole image is copied for nothing
                    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(place))
                _copy(source, copy)
                _exchange(copy, place)
            except BaseException:
                shutil.rmtree(copy, ignore_errors=True)
                raise

        _on_same_file_system(stages, attempt)
        shutil.rmtree(source, ignore_errors=True)


def take_away(place: Path, stages: Sequence[Path]) -> None:
    """Remove a directory of a release: its name goes first, so that nobody ever sees a part of it.

    Args:
        stages: as of `put_directory`.
    """

    def attempt(stage: Path) -> None:
        leaving = stage / place.name
        shutil.rmtree(leaving, ignore_errors=True)
        move(place, leaving)
        if leaving.is_symlink():  # what it leads to is not ours
            leaving.unlink()
        else:
            shutil.rmtree(leaving)

    _on_same_file_system(stages, attempt)


def _exchange(source: Path, place: Path) -> None:
    source.chmod(0o755)  # a result is for others to take; the image itself stays private
    if not os.path.lexists(place):
        move(source, place)
        return
    swap(source, place, source.with_name(f"{place.name}{LEAVING}"))
    if source.is_symlink():  # what it leads to is not ours
        source.unlink()
    else:
        shutil.rmtree(source)


def _copy(source: Path, copy: Path) -> None:
    copy.mkdir(mode=0o700)
    for path in sorted(source.iterdir()):
        prepare.copy_sparse(path, copy / path.name)
        shutil.copystat(path, copy / path.name)
    sync_tree(copy)


def _on_same_file_system(stages: Sequence[Path], attempt: Callable[[Path], None]) -> None:
    for number, stage in enumerate(stages):
        new = not stage.exists()
        try:
            stage.mkdir(mode=0o700, parents=True, exist_ok=True)
            attempt(stage)
            return
        except OSError as error:
            if error.errno != errno.EXDEV or number == len(stages) - 1:
                raise
        finally:
            if new or stage.name == STAGING:
                shutil.rmtree(stage, ignore_errors=True)


def foreign_things(directory: Path, ours: Iterable[str]) -> list[Path]:
    """What people put into a directory of ours; none of it is ever removed."""
    known = {*ours, STAGING}
    if not directory.is_dir():
        return []
    return [path for path in sorted(directory.iterdir()) if path.name not in known and not is_stray(path.name)]


def is_stray(name: str) -> bool:
    """Whether a name is one that a killed build left."""
    return re.fullmatch(r"\..+\.[0-9]+\.new", name) is not None


def require_place(results: Path, replaced: Mapping[str, Collection[str]], files: Iterable[str], need: int) -> None:
    """Tell before the work what would keep its result from being published.

    Args:
        replaced: gateways whose directory is going to be replaced, with the names in it that are ours.
        files: of the release as a whole.
        need: bytes of images that are still to come to the file system of the release.

    Raises:
        PipelineError: each place that is not writable, is in the way, or is too full.
    """
    raise_if_any([*_unusable(results, replaced, files), *_too_full(results, need)])


def _unusable(results: Path, replaced: Mapping[str, Collection[str]], files: Iterable[str]) -> Iterator[Problem]:
    for place in (results.parent, results):
        if os.path.lexists(place) and not place.is_dir():
            what = "a link that leads nowhere" if place.is_symlink() else "not a directory"
            yield Problem(f"{place}: {what}; releases are published there", "move it away")
            return
    existing = _existing(results)
    if not os.access(existing, os.W_OK | os.X_OK):
        yield Problem(f"{existing}: cannot be written to; the release is published there", "correct its permissions")
    for name, ours in replaced.items():
        place = results / name
        if place.is_symlink():
            continue  # it is replaced, what it leads to is left alone
        if os.path.lexists(place) and not place.is_dir():
            yield Problem(f"{place}: a file is in the way of the gateway's directory", "move it away")
        elif place.is_dir() and not os.access(place, os.W_OK | os.X_OK):
            yield Problem(f"{place}: cannot be written to, so it cannot be replaced", "correct its permissions")
        for path in foreign_things(place, ours):
            yield Problem(
                f"{path}: does not belong to this build, but lies in a directory that is about to be replaced",
                "move it away; the gateway's directory holds what its manifest describes, and nothing else",
            )
    for name in files:
        if (results / name).is_dir():
            yield Problem(f"{results / name}: a directory is in the way of a file of the release", "move it away")


def is_same_file_system(one: Path, results: Path) -> bool:
    """Whether what lies at a place can be published without a copy."""
    return one.stat().st_dev == _existing(results).stat().st_dev


def _existing(results: Path) -> Path:
    return next(place for place in (results, *results.parents) if place.is_dir())


def _too_full(results: Path, need: int) -> Iterator[Problem]:
    existing = _existing(results)
    free = shutil.disk_usage(existing).free
    if free < need + _ROOM:
        yield Problem(
            f"{existing}: {free >> 20} MiB free, the release needs up to {(need + _ROOM) >> 20} MiB there",
            "free some space, or put out/ on a larger disk (it may be a link)",
        )
