"""Builds one gateway: plans and judges it once, stamps it, has two readers check it, describes and signs it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.build.asking import answers_of
from pipeline.build.checks.comparing import own_note
from pipeline.build.checks.judging import require_rules
from pipeline.build.planned import device_plan_of
from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.fleet.context import Context
from pipeline.fleet.describing import own_manifest
from pipeline.fleet.judged import Judged
from pipeline.image.containers import delta
from pipeline.image.ext4.tools import EXT
from pipeline.image.witness.client import NAMES
from pipeline.image.witness.looking import Look, Readers
from pipeline.image.write.placing import partition_of
from pipeline.image.write.stamp_delta import stamp_delta
from pipeline.manifest import NAMESPACE
from pipeline.manifest.format2 import BaseManifest, FileFact
from pipeline.manifest.format2_writing import gateway_bytes
from pipeline.model.disk import Disk
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.layer import Layer
from pipeline.model.manifest import ReaderFact
from pipeline.model.tree import Tree
from pipeline.plan.image_plan import Plan
from pipeline.readers.judging import with_answers
from pipeline.signing.keys.signers import ManifestSigner
from pipeline.signing.manifests import sshsig
from pipeline.verification.own_values import own_values
from pipeline.verification.rules import covered
from pipeline.verification.uniqueness import Uniqueness

MANIFEST, SIGNATURE = "manifest.json", "manifest.json.sig"


@dataclass(frozen=True)
class Made:
    """Everything of one gateway that is going to be published.

    Attributes:
        files: content by name; those in `private` are for their owner only.
        checks: what was looked at, in words, a line each.
        own: what it has for itself, as keyed digests.
    """

    name: str
    files: Mapping[str, bytes] = field(repr=False)
    private: frozenset[str]
    checks: tuple[str, ...]
    own: str = field(repr=False)


def judge_gateway(context: Context, name: str) -> Judged:
    """Plan a gateway and judge the plan before anything is written.

    Raises:
        PipelineError: an input is wrong, or a rule is broken and not waived.
    """
    plan = device_plan_of(context.workspace, name)
    require_ext(name, context.inputs.vanilla.disk, plan.layer)
    view = context.view.after(plan.layer)
    if plan.sidecars:
        view = ImageView(
            view.os_release, view.layout, view.esf_version, view.init, view.disk, view.tree, view.files, view.raw,
            {sidecar.file: sidecar.content for sidecar in plan.sidecars},
        )  # fmt: skip
    results, opened = context.rules.judge(view)
    answers = answers_of(context.workspace, name, plan, view, lambda _: None)
    results = with_answers(results, answers, waivers=context.release.rules.waivers, epoch=context.release.epoch)
    require_rules(name, results)
    return Judged(name, plan, opened, results, own_values(opened), tuple(answers))


def require_ext(name: str, disk: Disk, layer: Layer) -> None:
    """Every file of a gateway's own must lie where both readers look.

    Raises:
        PipelineError: some lie on FAT, where nobody would read them over the base.
    """
    raise_if_any(
        Problem(
            f"{name}: {entry.path}: lies on partition {partition.number}, {partition.filesystem}; a delta's own files "
            f"are read on ext file systems only (wanted by {entry.origins[0].rule})",
            'set form = "images" under [output] in gateway.toml, or give the file to all gateways alike',
        )
        for entry in layer.entries
        if (partition := partition_of(disk, entry.path)).filesystem not in EXT
    )


def make_gateway(
    context: Context, base: BaseManifest, judged: Judged, readers: Readers, signer: ManifestSigner, scratch: Path
) -> Made:
    """Stamp, look, describe and sign.

    Args:
        scratch: a private directory, best in memory; contents with secrets wait there.

    Raises:
        PipelineError: the delta is not what was planned, as either reader sees it.
    """
    name, plan, release = judged.name, judged.plan, context.release
    blocks = stamp_delta(
        context.workspace.base, context.template, context.inputs.vanilla.disk, context.tree, plan.layer,
        epoch=release.epoch, state_dir=scratch,
    )  # fmt: skip
    packed = delta.pack(context.size, blocks)
    after = context.tree.apply(plan.layer)
    touched = touched_by(context.tree, after, plan)
    look = readers.gateway(delta.unpack(packed, size=context.size, name=name), after, touched)
    _require_as_planned(name, look)
    files = {delta.IMAGE: packed.image, delta.MAP: packed.block_map}
    files |= {sidecar.file: sidecar.content for sidecar in plan.sidecars}
    own = own_manifest(context, judged, after, touched)
    # As of the base: format 2 has no digest of what was read, it follows from the tree.
    facts = tuple(ReaderFact(answer, "") for answer in sorted(judged.answers))
    manifest = gateway_bytes(
        replace(own, readers=facts),
        base,
        touched,
        root=context.hash_tree.root_with(blocks),
        paths=len(after),
        files={file: FileFact(len(data), hashlib.sha256(data).hexdigest()) for file, data in files.items()},
    )
    files[MANIFEST] = manifest
    files[SIGNATURE] = sshsig.sign(manifest, signer, NAMESPACE, f"{name}: manifest")
    known = Uniqueness()
    known.add(name, judged.values)
    return Made(
        name,
        files,
        frozenset({delta.IMAGE, *(sidecar.file for sidecar in plan.sidecars)}),
        checks_of(judged, after, look),
        own_note(context.workspace, known, name),
    )


def touched_by(before: Tree, after: Tree, plan: Plan) -> frozenset[GuestPath]:
    """Where a gateway's image differs from the base, or has a reason of its own."""
    changed = {path for path, node in after.nodes.items() if before.nodes.get(path) is not node}
    gone = before.nodes.keys() - after.nodes.keys()
    return frozenset({*changed, *gone, *(entry.path for entry in plan.layer.entries)})


def checks_of(judged: Judged, after: Tree, look: Look) -> tuple[str, ...]:
    """What was covered, a line each, as reports show it."""
    readers = " and ".join(NAMES.values())
    return (
        f"{len(after)} paths: names and metadata, by {readers}; content of {look.read} files that the delta can change",
        "every block of the delta, and the hash tree over the whole image",
        covered(judged.results),
    )


def _require_as_planned(name: str, look: Look) -> None:
    if look.findings:
        raise PipelineError.of(
            Problem(
                f"{name}: {one.subject}: {one.check}: expected {one.expected or 'nothing'}, found {one.seen}",
                "nothing was published; build again, and report it if it stays",
            )
            for one in look.findings[:10]
        )
