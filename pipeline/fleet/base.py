"""The base of a release: packed, mapped, described and signed once."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline import standards
from pipeline.build import reading
from pipeline.build.keys import base_key, device_key
from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.fleet.context import Context
from pipeline.fleet.describing import describe_base, own_manifest
from pipeline.fleet.gateway import MANIFEST, SIGNATURE, touched_by
from pipeline.fleet.judged import Judged
from pipeline.fleet.ledger import Entry, read_entry, stamps_of, write_entry
from pipeline.host.digests import key_of, sha256_of
from pipeline.host.progress import Say
from pipeline.host.workspace import Workspace
from pipeline.image.containers import prepare
from pipeline.image.containers.compress import compress
from pipeline.image.write import bmap
from pipeline.manifest import NAMESPACE
from pipeline.manifest.format2 import BaseManifest, read_base
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry
from pipeline.model.manifest import ReaderFact
from pipeline.signing.keys.signers import ManifestSigner
from pipeline.signing.manifests import sshsig
from pipeline.verification.delivery import BASE

IMAGE, MAP = "base.img.zst", "base.bmap"
BILLS = ("sbom.cdx.json", "sbom.spdx.json")
ENTRY = BASE
"""Directory of the base in a release, and its name in the ledger; no gateway's name has a dot."""


def base_entry_key(workspace: Workspace, names: Sequence[str]) -> str:
    """The base's files depend on the base, and on the gateway whose outcomes stand for all."""
    return key_of(base=base_key(workspace), first=device_key(workspace, reading.gateway_of(workspace, names[0])))


def describe(context: Context, first: Judged) -> tuple[bytes, bytes]:
    """Base manifest and block map; one pass over the base image."""
    described = bmap.describe(context.workspace.base, context.inputs.vanilla.disk)
    after = context.tree.apply(first.plan.layer)
    touched = touched_by(context.tree, after, first.plan)
    # The digest of what was read is of no account here: format 2 leaves it to whoever has the tree.
    answers = tuple(ReaderFact(answer, "") for answer in sorted(first.answers))
    typical = replace(own_manifest(context, first, after, touched), readers=answers)
    return describe_base(context, described.facts, first.values, typical, touched), described.bmap


def make_base(context: Context, first: Judged, key: str, signer: ManifestSigner, candidate: Path, say: Say) -> None:
    """Write the directory of the base."""
    manifest, block_map = describe(context, first)
    shutil.rmtree(candidate, ignore_errors=True)
    candidate.mkdir(mode=0o700, parents=True)
    say("packing the base image")
    prepare.copy_sparse(context.workspace.base, candidate / "base.img")
    compress(candidate / "base.img", "zst")
    known = read_base(manifest).manifest
    packages = standards.installed_packages(_files(context))
    files = {
        MAP: block_map,
        MANIFEST: manifest,
        SIGNATURE: sshsig.sign(manifest, signer, NAMESPACE, "base manifest"),
        BILLS[0]: standards.cyclonedx(known, packages),
        BILLS[1]: standards.spdx(known, packages),
    }
    for name, data in files.items():
        (candidate / name).write_bytes(data)
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    digests[IMAGE] = sha256_of(candidate / IMAGE)
    write_entry(context.workspace, ENTRY, Entry(key, digests, stamps_of(candidate, digests), (), ""))


def base_manifest_in(directory: Path, workspace: Workspace) -> BaseManifest:
    """The base manifest that lies there, which must be the one that was made."""
    entry = read_entry(workspace, ENTRY)
    try:
        data = (directory / MANIFEST).read_bytes()
    except OSError as error:
        raise PipelineError(f"{directory / MANIFEST}: {error.strerror}", "start the build again") from None
    if entry is None or hashlib.sha256(data).hexdigest() != entry.files[MANIFEST]:
        raise PipelineError(f"{directory / MANIFEST}: is not what was made", "start the build again")
    return read_base(data)


def require_seen(findings: Sequence[object], name: str) -> None:
    """Stop where a reader sees something else than was planned."""
    raise_if_any(
        Problem(f"{name}: {one}", "nothing was published; build again, and report it if it stays")
        for one in findings[:10]
    )


def _files(context: Context) -> Mapping[GuestPath, bytes]:
    files = context.inputs.vanilla.files
    kept = {path: content for path, content in files.items() if context.product.after.get(path) is not None}
    return kept | {entry.path: entry.content for entry in context.product.layer.entries if isinstance(entry, FileEntry)}
