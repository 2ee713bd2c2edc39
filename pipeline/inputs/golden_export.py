"""A golden sample's export from disk to a value: what travels, what stays behind and why, what is missing."""

from __future__ import annotations

import hashlib
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats import esf_snapshot
from pipeline.inputs.export_archive import archive_members
from pipeline.inputs.export_members import Contents, collect, directory_members
from pipeline.inputs.export_rules import DOCUMENTS, UNKNOWN, Item, forbidden, wanted
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath

_ABOUT = "export.toml"
_OTHERS = stat.S_IRGRP | stat.S_IROTH
_ENTER = stat.S_IXGRP | stat.S_IXOTH


def read_golden(path: Path) -> Golden:
    """Read an export: a directory, a tar archive (also .gz, .xz, .zst), or a zip.

    It mirrors the golden gateway's paths and has two files of its own at its root: ``export.toml`` with
    ``esf_version``, and ``snapshot_<id>.xml`` as the console gave it. In an archive all may lie in one directory. What
    must never travel and what no document lists is left behind and named in `Golden.refused`.

    Raises:
        PipelineError: no export, damaged, with members that have no place in one, or without its mandatory parts; all
            problems at once.
    """
    contents = _rooted(_contents(path))
    version = _version(contents, path)
    kept: dict[str, bytes] = {}
    refused: list[tuple[str, str]] = []
    for name, content in sorted(contents.files.items()):
        reason = "" if name == _ABOUT else forbidden(name, content)
        if reason:
            refused.append((name, reason))
        elif name != _ABOUT:
            kept[name] = content
    links = {name: target for name, target in contents.links.items() if _item(name) is Item.NETWORK}
    refused.extend((name, UNKNOWN) for name in contents.links if name not in links)
    snapshots = sorted((name for name in kept if _item(name) is Item.SNAPSHOT), key=_snapshot_id)
    for name in snapshots[:-1]:
        refused.append((name, f"not the latest snapshot, which is {snapshots[-1]} (A:137)"))
        del kept[name]
    raise_if_any(_mandatory(kept, path))
    (snapshot,) = (name for name in kept if _item(name) is Item.SNAPSHOT)
    warnings = [*_permissions(path), *_snapshot_warnings(kept[snapshot], snapshot)]
    by_item = {item: {name: kept[name] for name in sorted(kept) if _item(name) is item} for item in Item}
    return Golden(
        esf_version=version,
        snapshot=kept[snapshot],
        dpa=next(iter(by_item[Item.DPA].values()), b""),
        packages={name.rsplit("/", 1)[1]: content for name, content in by_item[Item.PACKAGE].items()},
        policy=next(iter(by_item[Item.POLICY].values()), None),
        network={GuestPath(f"/{name}"): content for name, content in by_item[Item.NETWORK].items()},
        links={GuestPath(f"/{name}"): target for name, target in sorted(links.items())},
        refused=tuple(sorted(refused)),
        missing=tuple(_missing(kept)),
        sha256=_digest(version, kept, links),
        warnings=tuple(warnings),
    )


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


def _version(contents: Contents, path: Path) -> str:
    remedy = f'write {_ABOUT} at the root of the export, with esf_version = "5.0.0" or what the golden sample runs'
    raw = contents.files.get(_ABOUT)
    if raw is None:
        raise PipelineError(f"{path}: has no {_ABOUT}, so it is not known which release it is of (A:240)", remedy)
    try:
        about = tomllib.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PipelineError(f"{path}: {_ABOUT}: {error}", remedy) from None
    version = about.pop("esf_version", None)
    if not isinstance(version, str) or not re.fullmatch(r"[0-9]+(?:\.[0-9]+)+[A-Za-z0-9._-]*", version):
        raise PipelineError(f"{path}: {_ABOUT}: esf_version is not a version in quotes", remedy)
    if about:
        raise PipelineError(f"{path}: {_ABOUT}: unknown key {min(about)}", "esf_version is the only one")
    return version


def _item(name: str) -> Item | None:
    listed = wanted(name)
    return listed.item if listed else None


def _snapshot_id(name: str) -> int:
    return int(name.removeprefix("snapshot_").removesuffix(".xml"))


def _mandatory(kept: Mapping[str, bytes], path: Path) -> Iterator[Problem]:
    items = [_item(name) for name in sorted(kept)]
    if Item.SNAPSHOT not in items:
        yield Problem(
            f"{path}: has no snapshot_<id>.xml at its root (A:137)",
            "download the latest snapshot from the golden sample's console and put it there under its own name",
        )
    if Item.PACKAGE in items and Item.DPA not in items:
        yield Problem(
            f"{path}: has deployment packages, but no dpa.properties that lists them (A:170)",
            "copy kura/dpa.properties from the golden sample into the export",
        )
    packages = [name.rsplit("/", 1)[1] for name in kept if _item(name) is Item.PACKAGE]
    for twin in sorted({name for name in packages if packages.count(name) > 1}):
        yield Problem(f"{path}: {twin}: in two directories of packages", "take one of the two out")
    for item in (Item.DPA, Item.POLICY):
        found = [name for name in sorted(kept) if _item(name) is item]
        if len(found) > 1:
            yield Problem(f"{path}: {' and '.join(found)}: only one can be meant", "take the other one out")


def _missing(kept: Mapping[str, bytes]) -> Iterator[str]:
    for listed in DOCUMENTS:
        if not listed.extra and not any(listed.pattern.fullmatch(name) for name in kept):
            yield listed.label


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


def _snapshot_warnings(content: bytes, name: str) -> Iterator[str]:
    # Which properties are lost does not depend on the generation; how the file's lines are read does, and a download
    # is read with its line ends.
    for malformation in esf_snapshot.read(content, "A", f"golden: {name}").malformations:
        yield f"golden: {name}: {malformation}"


def _digest(version: str, kept: Mapping[str, bytes], links: Mapping[str, str]) -> str:
    """Over what travels only, each part with its length in front; what stays behind changes no image."""
    digest = hashlib.sha256()
    parts = [(b"v", "esf_version", version.encode())]
    parts += [(b"f", name, content) for name, content in sorted(kept.items())]
    parts += [(b"l", name, target.encode()) for name, target in sorted(links.items())]
    for kind, name, content in parts:
        raw = name.encode()
        digest.update(kind + len(raw).to_bytes(8, "big") + raw + len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()
