"""Writes an export: a directory only its owner can enter, files only its owner can read, all of it or nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.capture.taken import Taken
from pipeline.errors import PipelineError
from pipeline.formats.toml_string import quoted
from pipeline.host.durable import move

_ABOUT = "export.toml"

_GROWING = ".growing"


def require_free(target: Path) -> None:
    """Raise `PipelineError` when something lies where the export is to go: an export is never mixed with another."""
    if target.exists() or target.is_symlink():
        raise PipelineError(f"{target}: is there already", "move it away, or choose another directory with --output")
    if not target.parent.is_dir():
        raise PipelineError(f"{target.parent}: no such directory", "make it first")


def write_export(taken: Taken, target: Path, *, release: str, source: str, product: str = "ESF") -> None:
    """Write the export beside its place and rename it, so that the name shows a complete one or nothing.

    Args:
        release: what the golden gateway runs.
        product: ``ESF`` or ``Kura``.
        source: where it came from, for people.
    """
    require_free(target)
    for stray in target.parent.glob(f".{target.name}.*{_GROWING}"):
        maker = stray.name.removesuffix(_GROWING).rpartition(".")[2]
        if maker.isdigit() and not Path(f"/proc/{maker}").exists():
            shutil.rmtree(stray, ignore_errors=True)  # secrets of a golden sample, left by a process that was killed
    beside = target.with_name(f".{target.name}.{os.getpid()}{_GROWING}")
    beside.mkdir(mode=0o700)
    try:
        for name, content in {**taken.files, _ABOUT: about(taken, release, source, product)}.items():
            path = beside / name
            _make_directory(path.parent, beside)
            _write(path, content)
        for name, link in taken.found.links.items():
            path = beside / name
            _make_directory(path.parent, beside)
            path.symlink_to(link)
        move(beside, target)
    except OSError as error:
        raise PipelineError(f"{target}: cannot be written: {error.strerror}", "look at directory and space") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def about(taken: Taken, release: str, source: str, product: str = "ESF") -> bytes:
    """``export.toml``: the release, and what this capture found and did not."""
    found = taken.found
    lines = [
        "# An export of a golden sample, made by doit capture; the files lie at the paths they have on that gateway.",
        "# It holds passwords in clear (A:141): keep it where only you can read it.",
        f"{'kura' if product == 'Kura' else 'esf'}_version = {quoted(release)}",
        "",
        "[capture]",
        f"source = {quoted(source)}",
        *_list("missing", taken.missing),
        *_list("left_behind", [f"{path}: {reason}" for path, reason in taken.left]),
        *_list("not_files", found.odd),
        *_list("not_readable", found.unreadable),
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _list(name: str, texts: Sequence[str]) -> Iterator[str]:
    if not texts:
        yield f"{name} = []"
        return
    yield f"{name} = ["
    yield from (f"    {quoted(text)}," for text in texts)
    yield "]"


def _make_directory(path: Path, top: Path) -> None:
    if path != top and not path.is_dir():
        _make_directory(path.parent, top)
        path.mkdir(mode=0o700)


def _write(path: Path, content: bytes) -> None:
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(number, "wb") as stream:
        os.fchmod(stream.fileno(), 0o600)
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
