"""Making a manifest: everything about a finished image that may leave the build, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from pipeline.errors import Problem, raise_if_any
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, LineOrigin, Origin
from pipeline.model.manifest import (
    Action,
    Change,
    Manifest,
    ManifestInputs,
    Package,
    ReaderFact,
    RegionFact,
    SidecarFact,
)
from pipeline.model.reader_answer import digest_of_read
from pipeline.model.tree import Kind, Node, Tree
from pipeline.model.trust import SignedPackage


def build_manifest(inputs: ManifestInputs) -> Manifest:
    """Everything about a finished image that may leave the build.

    Raises:
        PipelineError: secret content would be given away by the digest of a copy that is not marked secret.
        ValueError: a path differs from the vanilla image without a reason in the layer, or a digest is missing; both
            are mistakes in the pipeline.
    """
    secrets = frozenset(entry.path for entry in inputs.layer.files() if entry.secret)
    raise_if_any(_copies_of_secrets(inputs, secrets))
    tree = _withhold(inputs.tree, secrets)
    return Manifest(
        release=inputs.release,
        epoch=inputs.epoch,
        production=inputs.production,
        gateway=inputs.gateway,
        serial=inputs.serial,
        sources=inputs.sources,
        disk=inputs.disk,
        image=inputs.image,
        changes={change.path: change for change in _changes(inputs, tree, secrets)},
        tree=tree,
        packages=tuple(_package(package) for package in inputs.packages),
        keystores=tuple(
            replace(keystore, path=inputs.tree.resolve(keystore.path))
            for keystore in sorted(inputs.keystores, key=lambda keystore: keystore.path)
        ),
        facts=inputs.facts,
        steps=inputs.steps,
        profile=inputs.profile,
        rules=tuple(sorted(inputs.rules, key=lambda rule: rule.id)),
        raw=tuple(
            RegionFact(change.region, hashlib.sha256(change.content).hexdigest(), tuple(sorted(change.origins)))
            for change in sorted(inputs.raw, key=lambda change: change.region)
        ),
        sidecars=tuple(
            SidecarFact(
                sidecar.file,
                len(sidecar.content),
                hashlib.sha256(sidecar.content).hexdigest(),
                sidecar.device,
                sidecar.offset,
                tuple(sorted(sidecar.origins)),
            )
            for sidecar in sorted(inputs.sidecars, key=lambda sidecar: sidecar.file)
        ),
        readers=tuple(ReaderFact(answer, digest_of_read(tree, answer.read)) for answer in sorted(inputs.readers)),
    )


def _withhold(tree: Tree, secrets: frozenset[GuestPath]) -> Tree:
    nodes: dict[GuestPath, Node] = {}
    for path, node in tree.nodes.items():
        if node.kind is Kind.FILE and path in secrets:
            nodes[path] = replace(node, sha256=None)
        elif node.kind is Kind.FILE and node.sha256 is None:
            raise ValueError(f"no digest of {path}: the tree of a manifest has the digest of every regular file")
        else:
            nodes[path] = node
    return Tree(nodes)


def _copies_of_secrets(inputs: ManifestInputs, secrets: frozenset[GuestPath]) -> Iterator[Problem]:
    """A digest of the same bytes under another name is an oracle for whoever guesses the secret."""
    digests = {inputs.tree.nodes[path].sha256: path for path in sorted(secrets) if inputs.tree.nodes[path].size}
    for path in inputs.tree:
        node = inputs.tree.nodes[path]
        if path not in secrets and node.sha256 in digests and node.sha256 is not None:
            yield Problem(
                f"{path}: has the same secret content as {digests[node.sha256]}, but is not marked secret",
                "mark both as secret where they come from (an overlay's `secret = true`)",
            )


def _changes(inputs: ManifestInputs, tree: Tree, secrets: frozenset[GuestPath]) -> Iterator[Change]:
    for path in sorted({*inputs.vanilla.nodes, *tree.nodes}):
        before, now = inputs.vanilla.get(path), tree.get(path)
        action = _action(before, now, path in secrets)
        if action is not None:
            node = now if now is not None else Node(cast(Node, before).kind, 0)
            yield Change(path, action, node, _why(path, action, inputs), path in secrets, _lines(path, action, inputs))


def _action(before: Node | None, now: Node | None, secret: bool) -> Action | None:  # noqa: FBT001 - private
    if before is None:
        return Action.ADDED
    if now is None:
        return Action.REMOVED
    content = (before.kind, before.target, before.device) == (now.kind, now.target, now.device)
    if now.kind is Kind.FILE and (secret or (before.sha256 is not None and before.sha256 != now.sha256)):
        content = False
    if not content or before.size != now.size:
        return Action.REPLACED
    metadata = (before.mode, before.uid, before.gid, before.xattrs) == (now.mode, now.uid, now.gid, now.xattrs)
    return None if metadata else Action.METADATA


def _why(path: GuestPath, action: Action, inputs: ManifestInputs) -> tuple[Origin, ...]:
    """The origins of a change; those of a removed directory hold for all that was in it."""
    places = (path, *reversed(path.ancestors())) if action is Action.REMOVED else (path,)
    for place in places:
        entry = inputs.layer.by_path.get(place)
        if entry is not None:
            return tuple(sorted(entry.origins))
    raise ValueError(f"{path} is {action} against the vanilla image, and nothing in the layer says why")


def _lines(path: GuestPath, action: Action, inputs: ManifestInputs) -> tuple[LineOrigin, ...]:
    entry = inputs.layer.by_path.get(path)
    return entry.lines if isinstance(entry, FileEntry) and action in (Action.ADDED, Action.REPLACED) else ()


def _package(package: SignedPackage) -> Package:
    return Package(
        file_name=package.file_name,
        symbolic_name=package.symbolic_name,
        version=package.version,
        sha256_before=package.sha256_before,
        sha256_after=hashlib.sha256(package.content).hexdigest(),
        bundles=package.bundles,
    )
