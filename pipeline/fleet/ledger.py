"""Records which gateways are made and published, one small record each, and which base they are made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.formats import canonical_json
from pipeline.host.digests import sha256_of
from pipeline.host.workspace import Workspace


@dataclass(frozen=True)
class Entry:
    """One gateway as it was made.

    Attributes:
        key: digest over everything that went in.
        files: SHA-256 of each file of its directory by name.
        stamps: what the file system said of each when it was written.
        checks: what was looked at, a line each.
        own: keyed digests of what it has for itself.
    """

    key: str
    files: Mapping[str, str]
    stamps: Mapping[str, str]
    checks: tuple[str, ...]
    own: str


def read_entry(workspace: Workspace, name: str) -> Entry | None:
    """The record of a gateway; None when there is none that can be read."""
    try:
        value = json.loads(_file(workspace, name).read_bytes())
        return Entry(
            str(value["key"]), dict(value["files"]), dict(value["stamps"]), tuple(value["checks"]), str(value["own"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_entry(workspace: Workspace, name: str, entry: Entry) -> None:
    """Keep a record; not flushed by itself, a lost one means that the gateway is made again."""
    file = _file(workspace, name)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = file.with_suffix(".new")
    beside.write_bytes(
        canonical_json.dumps(
            {
                "key": entry.key, "files": dict(entry.files), "stamps": dict(entry.stamps),
                "checks": list(entry.checks), "own": entry.own,
            }
        )
    )  # fmt: skip
    beside.chmod(0o600)
    beside.replace(file)


def forget_entry(workspace: Workspace, name: str) -> None:
    """The gateway is to be made again."""
    _file(workspace, name).unlink(missing_ok=True)


def known_names(workspace: Workspace) -> frozenset[str]:
    """Every gateway there is a record of."""
    return frozenset(path.stem for path in (workspace.fleet / "gateways").glob("*.json"))


def stamps_of(directory: Path, names: Mapping[str, object]) -> dict[str, str]:
    """What changes when a file changes, for each of some files; empty text where there is none."""
    return {name: stamp_of(directory / name) for name in names}


def stamp_of(path: Path) -> str:
    """Inode, size and times; a directory that gets another name leaves them as they are."""
    try:
        about = path.lstat()
    except OSError:
        return ""
    return f"{about.st_mode}:{about.st_ino}:{about.st_size}:{about.st_mtime_ns}:{about.st_ctime_ns}"


def is_intact(directory: Path, entry: Entry) -> bool:
    """Whether a directory holds exactly the files that were made, untouched; changed times alone are looked into."""
    for name, stamp in entry.stamps.items():
        path = directory / name
        if stamp_of(path) != stamp and not (
            path.is_file() and not path.is_symlink() and sha256_of(path) == entry.files[name]
        ):
            return False
    return bool(entry.files) and len(entry.files) == sum(1 for _ in directory.iterdir())


def _file(workspace: Workspace, name: str) -> Path:
    return workspace.fleet / "gateways" / f"{name}.json"
