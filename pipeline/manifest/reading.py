"""The manifest as bytes: writes canonical JSON, reads strictly, and refuses a manifest that contradicts itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats import canonical_json, json_schema
from pipeline.manifest.codec import FORMAT, VERSION, from_json, to_json
from pipeline.manifest.schema import SCHEMA
from pipeline.model.disk import Disk
from pipeline.model.guest_path import GuestPath
from pipeline.model.manifest import Action, Manifest
from pipeline.model.tree import Kind, Node, Tree

_ROOT = Tree({GuestPath("/"): Node(Kind.DIRECTORY, 0o755)})
_REMEDY = "do not use the image; ask whoever delivered it for the unchanged manifest of this release"


def to_bytes(manifest: Manifest) -> bytes:
    """The manifest's file; checked the way the verifier will, so that nothing is signed that nobody can read.

    Raises:
        PipelineError: the manifest contradicts itself or its schema.
    """
    data = canonical_json.dumps(to_json(manifest))
    from_bytes(data)
    return data


def from_bytes(data: bytes, *, name: str = "manifest.json") -> Manifest:
    """Read a manifest whose signature has been verified.

    Args:
        name: what to call it in messages.

    Raises:
        PipelineError: not canonical JSON, not what the schema describes, or at odds with itself; every problem found.
    """
    try:
        value = canonical_json.loads(data, canonical=True)
    except canonical_json.JsonError as error:
        raise PipelineError(f"{name}: {error}", _REMEDY) from None
    version = value.get("version") if isinstance(value, dict) and value.get("format") == FORMAT else VERSION
    if type(version) is int and version > VERSION:
        raise PipelineError(
            f"{name}: is of version {version}; this pipeline reads version {VERSION}",
            "verify with the version that made it, or a later one; docs/reference/manifest.md has the history",
        )
    raise_if_any(Problem(f"{name}: {text}", _REMEDY) for text in json_schema.problems(value, SCHEMA))
    try:
        manifest = from_json(cast(dict[str, Any], value))
    except ValueError as error:
        raise PipelineError(f"{name}: {error}", _REMEDY) from None
    raise_if_any(Problem(f"{name}: {text}", _REMEDY) for text in _contradictions(manifest))
    if canonical_json.dumps(to_json(manifest)) != data:
        raise PipelineError(f"{name}: holds values in a form the pipeline does not write", _REMEDY)
    return manifest


def known_without_tree(data: bytes, *, name: str) -> Manifest:
    """A manifest whose bytes are known to be those that `to_bytes` wrote, with the root directory for a tree.

    Nothing is checked a second time, and twenty thousand unchanged paths are not read: for reports on many gateways.

    Raises:
        PipelineError: no manifest.
    """
    try:
        return from_json(cast(dict[str, Any], canonical_json.loads(data)), tree=_ROOT)
    except (canonical_json.JsonError, ValueError, KeyError, TypeError):
        raise PipelineError(f"{name}: is not a manifest of this version", "build the release again") from None


def _contradictions(manifest: Manifest) -> Iterator[str]:
    """What the schema cannot say: one part of the manifest against another."""
    disk, image = manifest.disk, manifest.image
    if disk.size != image.size:
        yield f"disk.size is {disk.size}, image.size is {image.size}"
    if sorted(image.partitions) != [part.number for part in disk.partitions]:
        yield "image.partitions and disk.partitions are not about the same partitions, in order"
    yield from _misplaced(disk)
    for path, change in manifest.changes.items():
        node = manifest.tree.get(path)
        if change.action is Action.REMOVED and node is not None:
            yield f"changes: {ascii(path)} is removed, and the tree has it"
        elif change.action is not Action.REMOVED and node != change.node:
            yield f"changes: {ascii(path)} is not what the tree has there"
        if change.secret != (node is not None and node.kind is Kind.FILE and node.sha256 is None):
            yield f"changes: {ascii(path)} is secret in one place and not in the other"
    for path, node in manifest.tree.nodes.items():
        if node.kind is Kind.FILE and node.sha256 is None and path not in manifest.changes:
            yield f"tree: {ascii(path)} has no digest, and no change says that its content is secret"
    for keystore in manifest.keystores:
        node = manifest.tree.get(keystore.path)
        if node is None or node.kind is not Kind.FILE:
            yield f"keystores: {ascii(keystore.path)} is not a regular file of the tree"


def _misplaced(disk: Disk) -> Iterator[str]:
    end = 0
    for part in sorted(disk.partitions, key=lambda part: part.start):
        if part.start < end or part.start + part.size > disk.size:
            yield f"disk: partition {part.number} overlaps another or lies outside the disk"
        end = part.start + part.size
