"""What all gateways of a release share while they are built: read once, then handed on unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

from pipeline import __version__
from pipeline.build import reading
from pipeline.build.base import base_tree_of
from pipeline.build.signing import certificate_facts
from pipeline.build.toolchain import pipeline_digest, toolchain
from pipeline.errors import PipelineError
from pipeline.formats.archive.hash_tree import HashTree
from pipeline.host.digests import write_atomically
from pipeline.host.workspace import Workspace
from pipeline.image.ext4.tools import EXT
from pipeline.image.read.hash_tree import hash_tree_of
from pipeline.image.write.stamp_delta import make_template
from pipeline.model.disk import Partition
from pipeline.model.image_view import ImageView
from pipeline.model.manifest import Sources
from pipeline.model.release import Release
from pipeline.model.tree import Tree
from pipeline.plan.image_plan import Inputs, Plan
from pipeline.rules.expectations import expected_of
from pipeline.rules.remembered import Remembered

BASE = "_base"
"""Directory of the base in a release; no gateway can have this name."""


@dataclass(frozen=True)
class Context:
    """One release, as far as it is the same for all gateways.

    Attributes:
        tree: of the base image, with the digest of every file, as libguestfs read it.
        view: the base image as rules look at it.
        hash_tree: over the base image.
        template: the base's metadata, see `pipeline.image.write.stamp_delta`.
        digests: path by SHA-256 of every regular file of the base.
        partitions: the mounted ext partitions, those that are mounted above others first.
        rules: judges, and remembers what it read.
    """

    workspace: Workspace
    inputs: Inputs
    product: Plan
    tree: Tree = field(repr=False)
    view: ImageView = field(repr=False)
    hash_tree: HashTree = field(repr=False)
    template: Path
    size: int
    digests: Mapping[str, str] = field(repr=False)
    partitions: tuple[Partition, ...]
    rules: Remembered = field(repr=False)
    sources: Sources

    @property
    def release(self) -> Release:
        """The decisions."""
        return self.inputs.release


def context_of(workspace: Workspace) -> Context:
    """Read it; the base must have been built.

    Raises:
        PipelineError: the root file system is not ext4, so there is nothing to stamp without a copy.
    """
    inputs, product = reading.inputs_of(workspace), reading.product_plan_of(workspace)
    release, disk = inputs.release, inputs.vanilla.disk
    if disk.root.filesystem not in EXT or release.output.writer == "guestfs":
        raise PipelineError(
            f'gateway.toml [output] form = "fleet": the root file system is {disk.root.filesystem}, '
            f'writer is "{release.output.writer}"',
            'deltas are stamped on ext file systems; use form = "images"',
        )
    view = ImageView.of(inputs.vanilla).after(product.layer)
    view = replace(view, raw={change.region: change.content for change in product.raw})
    tree = base_tree_of(workspace)
    template = workspace.fleet / "template.img"
    make_template(workspace.base, disk, template)
    mounted = [part for part in disk.partitions if part.mountpoint is not None and part.filesystem in EXT]
    return Context(
        workspace,
        inputs,
        product,
        tree,
        view,
        _hash_tree(workspace),
        template,
        workspace.base.stat().st_size,
        {node.sha256: path for path, node in tree.nodes.items() if node.sha256 is not None and node.size},
        tuple(sorted(mounted, key=lambda part: part.mountpoint or "")),
        Remembered(
            view,
            expected_of(release),
            profile=release.rules.profile,
            waivers=release.rules.waivers,
            epoch=release.epoch,
            also=release.rules.also,
        ),
        _sources(workspace, inputs),
    )


def _sources(workspace: Workspace, inputs: Inputs) -> Sources:
    """The inputs by digest; what a gateway's own row of the inventory says comes to it."""
    vanilla, release, trust = inputs.vanilla, inputs.release, inputs.trust
    return Sources(
        vanilla_file=workspace.input(release.vanilla).name,
        vanilla_sha256=vanilla.sha256,
        golden_sha256=inputs.golden.sha256,
        golden_lock_sha256=reading.golden_lock_digest_of(workspace),
        golden_esf_version=inputs.golden.esf_version,
        configuration_sha256=reading.configuration_digest_of(workspace),
        inventory={},
        overlays=reading.public_overlay_digests_of(workspace),
        certificates=tuple(certificate_facts(one) for one in (*trust.signer_chain, *trust.tls, *trust.signers)),
        pipeline_version=__version__,
        pipeline_sha256=pipeline_digest(),
        tools={
            **toolchain(),
            "image-writer": workspace.base_writer.read_text(),
            "zstandard": version("zstandard"),
        },
    )


def _hash_tree(workspace: Workspace) -> HashTree:
    """Computed once for a base; its name says for which."""
    key = workspace.record("base").read_bytes()
    leaves, known = workspace.fleet / "leaves", workspace.fleet / "leaves.of"
    if leaves.is_file() and known.is_file() and known.read_bytes() == key:
        return HashTree.load(leaves.read_bytes())
    tree = hash_tree_of(workspace.base)
    write_atomically(leaves, tree.leaves, 0o600)
    write_atomically(known, key, 0o600)
    return tree
