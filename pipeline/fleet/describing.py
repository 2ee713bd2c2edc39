"""The manifests of a release of deltas: the base's once, and of each gateway what is its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from pipeline.build import reading
from pipeline.build.checks.judging import rule_facts, steps_for_people
from pipeline.build.checks.withholding import withhold
from pipeline.build.signing import keystores_of, united
from pipeline.errors import Problem, raise_if_any
from pipeline.fleet.context import Context
from pipeline.fleet.judged import Judged
from pipeline.manifest import build_manifest
from pipeline.manifest.format2_writing import base_bytes
from pipeline.model.gateway import Gateway
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.layer import FileEntry, Layer
from pipeline.model.line_origins import with_lines
from pipeline.model.manifest import ImageFacts, Manifest, ManifestInputs
from pipeline.model.tree import Tree
from pipeline.plan.access_facts import access_facts
from pipeline.plan.gateway_facts import facts_of, row_of
from pipeline.rules.expectations import expected_of
from pipeline.verification.own_values import OwnValue

_NO_DIGEST = "0" * 64


def describe_base(
    context: Context, image: ImageFacts, values: Iterable[OwnValue], typical: Manifest, touched: Collection[GuestPath]
) -> bytes:
    """The base manifest.

    Args:
        image: the base image as bytes.
        values: what one gateway has for itself; a file of the base that holds the like is told without digest.
        typical: what is that gateway's own: others are told as a difference from it.
        touched: where it differs from the base.
    """
    layer = withhold(context.product.layer, values, context.inputs.vanilla.files.values())
    inputs = _inputs(context, image, with_lines(layer, context.inputs.vanilla.files), context.tree)
    return base_bytes(build_manifest(inputs), context.hash_tree.root, typical, touched)


def own_manifest(context: Context, judged: Judged, after: Tree, touched: Collection[GuestPath]) -> Manifest:
    """What a gateway's manifest says where its image differs from the base.

    Args:
        after: everything in the finished image.
        touched: where it differs from the base.

    Raises:
        PipelineError: secret content would be given away by the digest of a copy that is not marked secret.
    """
    inputs, plan = context.inputs, judged.plan
    gateway = reading.gateway_of(context.workspace, judged.name)
    vanilla, release = inputs.vanilla, inputs.release
    own = with_lines(withhold(plan.layer, judged.values, vanilla.files.values()), vanilla.files)
    layer = united(context.product.layer, own)
    mine = Layer(tuple(one for one in layer.entries if one.path in touched or not isinstance(one, FileEntry)))
    light = {path: after.nodes[path] for path in touched if path in after.nodes}
    raise_if_any(_copies_in_base(context, mine, after))
    image = ImageFacts("image.img", context.size, _NO_DIGEST, _partitions(context), _NO_DIGEST)
    return build_manifest(
        replace(
            _inputs(context, image, mine, Tree(light), gateway),
            vanilla=Tree({path: vanilla.tree.nodes[path] for path in touched if path in vanilla.tree.nodes}),
            keystores=tuple(replace(store, path=after.resolve(store.path)) for store in keystores_of(inputs, plan)),
            facts=gateway_facts(context, gateway, judged.view),
            rules=rule_facts(judged.results),
            steps=steps_for_people(release, judged.results, plan.sidecars, development=_development(context)),
            sidecars=plan.sidecars,
        )
    )


def gateway_facts(context: Context, gateway: Gateway, view: ImageView) -> dict[str, object]:
    """What people want to find quickly of a gateway."""
    inputs = context.inputs
    secrets = reading.secrets_of(context.workspace, gateway)
    return {
        **facts_of(inputs.vanilla, inputs.release, gateway, secrets),
        **access_facts(view, inputs.trust.packages, expected_of(inputs.release)),
    }


def _copies_in_base(context: Context, layer: Layer, after: Tree) -> Iterable[Problem]:
    """A file of the base with the same bytes as a secret file would be an oracle for whoever guesses the secret."""
    for entry in layer.files():
        node = after.get(entry.path)
        copy = context.digests.get(node.sha256 or "") if entry.secret and node is not None else None
        if copy is not None and copy != entry.path:
            yield Problem(
                f"{copy}: has the same secret content as {entry.path}, but is not marked secret",
                "mark both as secret where they come from (an overlay's `secret = true`)",
            )


def _partitions(context: Context) -> dict[int, str]:
    return {part.number: _NO_DIGEST for part in context.inputs.vanilla.disk.partitions}


def _development(context: Context) -> bool:
    trust = context.inputs.trust
    return any(one.development for one in (*trust.signer_chain, *trust.tls, *trust.signers))


def _inputs(
    context: Context, image: ImageFacts, layer: Layer, tree: Tree, gateway: Gateway | None = None
) -> ManifestInputs:
    inputs = context.inputs
    vanilla, release, trust = inputs.vanilla, inputs.release, inputs.trust
    return ManifestInputs(
        release=release.name,
        epoch=release.epoch,
        production=release.production,
        gateway=gateway.name if gateway is not None else "base",
        serial=gateway.serial if gateway is not None else "base",
        sources=replace(context.sources, inventory=row_of(gateway) if gateway is not None else {}),
        disk=vanilla.disk,
        image=image,
        vanilla=vanilla.tree,
        layer=layer,
        tree=tree,
        packages=trust.packages,
        keystores=(),
        facts={},
        steps=(),
        profile=release.rules.profile,
        raw=context.product.raw,
    )
