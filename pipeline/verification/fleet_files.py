"""The files of a release of a base and deltas against what names them: sums of the release, manifests of gateways."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.host.digests import sha256_of
from pipeline.manifest.format2 import GatewayManifest
from pipeline.model.verdict import Finding
from pipeline.verification.delivery import MANIFEST, SIGNATURE

_LISTED = "a file of the release's list"


def against_list(directory: Path, digests: Mapping[str, Mapping[str, str]]) -> Iterator[Finding]:
    """The files of one directory against the release's list of files: its signed statement, or ``SHA256SUMS``."""
    listed = dict(digests.get(directory.name, {}))
    if not directory.is_dir():
        yield Finding(directory.name, "missing", "a directory", "not there")
        return
    for path in sorted(directory.iterdir()):
        name, wanted = f"{directory.name}/{path.name}", listed.pop(path.name, None)
        if wanted is None:
            yield Finding(name, "extra", _LISTED, "not listed")
        elif not path.is_file() or path.is_symlink():
            yield Finding(name, "type", "a regular file", "something else")
        elif (seen := sha256_of(path)) != wanted:
            yield Finding(name, "digest", wanted, seen)
    yield from (Finding(f"{directory.name}/{name}", "missing", _LISTED, "not there") for name in listed)


def against_manifest(
    directory: Path, found: GatewayManifest, files: Mapping[str, bytes | Finding | None]
) -> Iterator[Finding]:
    """The files of a gateway against its manifest, which names every one of them."""
    present = {path.name for path in directory.iterdir()}
    for name in sorted(present - {*found.files, MANIFEST, SIGNATURE}):
        yield Finding(f"{directory.name}/{name}", "extra", "named by the manifest", "not named")
    for name, fact in sorted(found.files.items()):
        content = files[name]
        if isinstance(content, Finding):
            yield content
        elif content is None:
            yield Finding(name, "missing", f"{fact.size} bytes", "not there")
        elif hashlib.sha256(content).hexdigest() != fact.sha256:
            yield Finding(name, "content", f"sha256:{fact.sha256}", f"sha256:{hashlib.sha256(content).hexdigest()}")


def by_directory(sums: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Digests by directory and file, so that a gateway costs its own lines only."""
    found: dict[str, dict[str, str]] = {}
    for path, digest in sums.items():
        directory, _, name = path.partition("/")
        if name:
            found.setdefault(directory, {})[name] = digest
    return found
