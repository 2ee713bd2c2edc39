"""The statement of a release as a whole, to be signed: its gateways, its files and their digests. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.errors import PipelineError
from pipeline.formats import canonical_json
from pipeline.formats.canonical_json import Json

RELEASE_FORMAT = "gateway-image-release"
RELEASE_VERSION = 1
# Its signature is made for the same purpose as a manifest's, so that no file of keys has to be handed out anew; a
# manifest is never taken for it, because either is read strictly and says its own format first.

_REMEDY = "do not use the release; ask whoever delivered it for the unchanged one"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_KEYS = {"format", "version", "release", "epoch", "gateways", "files"}


@dataclass(frozen=True)
class ReleaseStatement:
    """Everything a release directory holds, besides the statement, its signature and ``SHA256SUMS``, which follows.

    Attributes:
        epoch: the release's own time, seconds since 1970.
        gateways: the files of each gateway's directory with their SHA-256.
        files: those of the release directory itself.
    """

    release: str
    epoch: int
    gateways: Mapping[str, Mapping[str, str]]
    files: Mapping[str, str]

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of every file by its path in the release directory."""
        inside = {f"{name}/{file}": sum_ for name, files in self.gateways.items() for file, sum_ in files.items()}
        return {**self.files, **inside}


def release_to_bytes(statement: ReleaseStatement) -> bytes:
    """The file ``release.json``; what cannot be read back is not written."""
    data = canonical_json.dumps(
        {
            "format": RELEASE_FORMAT,
            "version": RELEASE_VERSION,
            "release": statement.release,
            "epoch": statement.epoch,
            "gateways": {name: dict(files) for name, files in statement.gateways.items()},
            "files": dict(statement.files),
        }
    )
    release_from_bytes(data)
    return data


def release_from_bytes(data: bytes, *, name: str = "release.json") -> ReleaseStatement:
    """Read a statement whose signature has been verified.

    Raises:
        PipelineError: not canonical JSON, of a later version, or not what this module writes.
    """
    try:
        value = canonical_json.loads(data, canonical=True)
    except canonical_json.JsonError as error:
        raise PipelineError(f"{name}: {error}", _REMEDY) from None
    if not isinstance(value, dict) or value.get("format") != RELEASE_FORMAT:
        raise PipelineError(f"{name}: is not the statement of a release", _REMEDY)
    version = value["version"] if type(value.get("version")) is int else 0
    if version != RELEASE_VERSION:
        raise PipelineError(
            f"{name}: is of version {version}; this pipeline reads version {RELEASE_VERSION}",
            "verify with the version that made it, or a later one",
        )
    release, epoch = value.get("release"), value.get("epoch")
    if set(value) != _KEYS or not isinstance(release, str) or not _NAME.fullmatch(release) or type(epoch) is not int:
        raise PipelineError(f"{name}: has other members than a statement, or no name or time of a release", _REMEDY)
    gateways = value["gateways"]
    if not isinstance(gateways, dict) or not gateways or not all(map(_NAME.fullmatch, gateways)):
        raise PipelineError(f"{name}: names no gateways, or one that cannot be a directory", _REMEDY)
    return ReleaseStatement(
        release,
        epoch,
        {gateway: _files(files, f"{name}: {gateway}") for gateway, files in gateways.items()},
        _files(value["files"], f"{name}: files"),
    )


def _files(value: Json, place: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise PipelineError(f"{place}: is not a list of files with their digests", _REMEDY)
    files: dict[str, str] = {}
    for file, digest in value.items():
        if not _NAME.fullmatch(file) or not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise PipelineError(f"{place}: {ascii(file)[:80]}: is not a file with its SHA-256", _REMEDY)
        files[file] = digest
    return files
