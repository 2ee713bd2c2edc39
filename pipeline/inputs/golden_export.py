"""A golden sample's export from disk to a value: what travels, what stays behind and why, what is missing."""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path

from pipeline.classification.files import ABOUT as _ABOUT
from pipeline.errors import PipelineError
from pipeline.inputs.export_archive import archive_members
from pipeline.inputs.export_members import Contents, collect, directory_members
from pipeline.model.golden import Export

_PRODUCTS = {"esf_version": "ESF", "kura_version": "Kura"}
_OTHERS = stat.S_IRGRP | stat.S_IROTH
_ENTER = stat.S_IXGRP | stat.S_IXOTH


def read_export(path: Path) -> Export:
    """Read an export: a directory, a tar archive (also .gz, .xz, .zst), or a zip; nothing of it is judged here.

    It mirrors the golden gateway's paths and has two files of its own at its root: ``export.toml`` with
    ``esf_version`` or ``kura_version``, and ``snapshot_<id>.xml`` as the console gave it. In an archive all may lie in
    one directory.

    Raises:
        PipelineError: no export, damaged, or with members that have no place in one; all problems at once.
    """
    contents = _rooted(_without_mac(_contents(path)))
    product, version = _release(contents, path)
    files = dict(sorted(contents.files.items()))
    return Export(version, files, contents.links, str(path), tuple(_permissions(path)), product)


def _contents(path: Path) -> Contents:
    if not path.exists():
        raise PipelineError(f"{path}: no such golden sample", "name the golden sample's export in gateway.toml")
    if path.is_dir():
        return collect(directory_members(path), str(path))
    if not path.is_file():
        raise PipelineError(f"{path}: is neither a directory nor an archive", "name an export in gateway.toml")
    try:
        packed = path.stat().st_size
        return collect(archive_members(path), str(path), packed)
    except OSError as error:
        raise PipelineError(f"{path}: cannot be read: {error.strerror}", "check its permissions") from None


# What a Mac's Finder adds to an archive or a directory it has opened: no gateway has it.
_OF_A_MAC = re.compile(r"(?:.*/)?(?:\.DS_Store|\._[^/]*)|__MACOSX/.*")


def _without_mac(contents: Contents) -> Contents:
    """The export without what a Mac has put beside its files."""
    return Contents(
        {name: content for name, content in contents.files.items() if not _OF_A_MAC.fullmatch(name)},
        {name: target for name, target in contents.links.items() if not _OF_A_MAC.fullmatch(name)},
    )


def _rooted(contents: Contents) -> Contents:
    """The export without the one directory that an archive may have around it."""
    tops = {name.split("/", 1)[0] for name in (*contents.files, *contents.links)}
    top = next(iter(tops)) if len(tops) == 1 else ""
    if not top or f"{top}/{_ABOUT}" not in contents.files:
        return contents
    cut = len(top) + 1
    return Contents(
        {name[cut:]: content for name, content in contents.files.items()},
        {name[cut:]: target for name, target in contents.links.items()},
    )


def _release(contents: Contents, path: Path) -> tuple[str, str]:
    """Product and version that the export states."""
    remedy = (
        f'write {_ABOUT} at the root of the export, with esf_version = "5.0.0", or kura_version = "5.5.0" for '
        "open-source Kura: what the golden gateway runs"
    )
    raw = contents.files.get(_ABOUT)
    if raw is None:
        raise PipelineError(f"{path}: has no {_ABOUT}, so it is not known which release it is of (A:240)", remedy)
    try:
        about = tomllib.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PipelineError(f"{path}: {_ABOUT}: {error}", remedy) from None
    except (RecursionError, ValueError):
        what = "nested too deeply, or with a number of thousands of digits"
        raise PipelineError(f"{path}: {_ABOUT}: {what}", remedy) from None
    stated = {key: about.pop(key) for key in _PRODUCTS if key in about}
    about.pop("capture", None)  # how `doit capture` came by the export; for people
    if len(stated) != 1:
        said = "has both esf_version and kura_version" if stated else "states neither esf_version nor kura_version"
        raise PipelineError(f"{path}: {_ABOUT}: {said}", remedy)
    ((key, version),) = stated.items()
    if not isinstance(version, str) or not re.fullmatch(r"[0-9]+(?:\.[0-9]+)+[A-Za-z0-9._-]*", version):
        raise PipelineError(f"{path}: {_ABOUT}: {key} is not a version in quotes", remedy)
    if about:
        remedy = f"write only {key} and the keys that doit capture writes"
        raise PipelineError(f"{path}: {_ABOUT}: unknown key {ascii(min(about))}", remedy)
    return _PRODUCTS[key], version


def _permissions(path: Path) -> Iterator[str]:
    """An export holds secrets in clear (A:141): a word when others on this machine can read it."""
    place = path.stat()
    if path.is_dir() and not place.st_mode & _ENTER:
        return
    files = [path] if path.is_file() else sorted(found for found in path.rglob("*") if found.is_file())
    for file in files:
        if not file.is_symlink() and file.stat().st_mode & _OTHERS:
            yield (
                f"{file}: others on this machine can read the golden sample, which holds passwords in clear (A:141); "
                f"fix: chmod -R go-rwx {path}"
            )
            return
