"""The same for a release of deltas: its own order of writes, with stand-ins for what is inside the files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from pipeline.build import reading
from pipeline.commands import holding
from pipeline.fleet import base, build, publishing, work
from pipeline.fleet.gateway import Made
from pipeline.fleet.ledger import Entry, stamps_of, write_entry
from pipeline.host.digests import key_of, sha256_of
from pipeline.host.workspace import Workspace
from pipeline.image.containers.compress import compress
from tests.support.crash.workspace import MARKER, device_key, quiet, version_of
from tests.support.delivered import a_manifest_of, image_bytes


def build_fleet(root: Path) -> None:
    """What ``doit build`` runs of a release of deltas."""
    os.chdir(root)
    workspace = Workspace(root)
    with holding.held_workspace():
        if not build.is_built(workspace):
            build.build_fleet(workspace, quiet, 1)


@contextmanager
def fleet_stand_ins() -> Iterator[None]:
    """Put them in place."""
    patches: dict[object, dict[str, Any]] = {
        build: {
            "device_key": device_key,
            "base_key": lambda _: key_of(base="base"),
            "context_of": lambda workspace: SimpleNamespace(workspace=workspace, release=reading.release_of(workspace)),
            "judge_gateway": lambda *_: None,
            "wanted_of": lambda _: None,
            "require_clean_base": lambda *_: None,
            "require_no_leaks": lambda *_: "no secret found",
            "_results": _make,
        },
        base: {
            "base_entry_key": lambda *_: key_of(base="base"),
            "make_base": _make_base,
            "base_manifest_in": lambda directory, _: SimpleNamespace(sha256=sha256_of(directory / "manifest.json")),
        },
        publishing: {
            "look_at_base": lambda _: None,
            "golden_own_values": lambda _: iter(()),
            "_manifests": lambda workspace, names, _: (
                a_manifest_of(name, image_bytes(name)) for name in sorted(names)
            ),
        },
    }
    with ExitStack() as stack:
        for module, replaced in patches.items():
            for name, value in replaced.items():
                stack.enter_context(mock.patch.object(module, name, value))
        yield


def _make(job: work.Job, names: Sequence[str], _: int) -> Iterator[work.Done]:
    for name in names:
        version = version_of(job.context.workspace, name).encode()
        files = {
            "delta.img.zst": MARKER + version,
            "delta.bmap": b"<bmap/>",
            "manifest.json": f"{name} {version!r}".encode(),
            "manifest.json.sig": hashlib.sha256(version).digest(),
        }
        work.keep(job, Made(name, files, frozenset({"delta.img.zst"}), ("looked at",), "[]"))
        yield work.Done(name)


def _make_base(context: Any, _first: object, key: str, _signer: object, candidate: Path, _say: object) -> None:
    """As `pipeline.fleet.base.make_base` writes: the image packed, then what describes it, then its record."""
    candidate.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in candidate.iterdir():
        path.unlink()
    (candidate / "base.img").write_bytes(image_bytes("base"))
    compress(candidate / "base.img", "zst")
    for name in ("base.bmap", "manifest.json", "manifest.json.sig"):
        (candidate / name).write_bytes(f"base {name}".encode())
    digests = {path.name: sha256_of(path) for path in sorted(candidate.iterdir())}
    write_entry(context.workspace, base.ENTRY, Entry(key, digests, stamps_of(candidate, digests), (), ""))
