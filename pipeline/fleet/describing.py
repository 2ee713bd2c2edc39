"""The manifests of a release of deltas: the base's once, and of each gateway what is its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from pipeline.build import reading
from pipeline.build.judging import rule_facts, steps_for_people
from pipeline.build.signing import keystores_of, united
from pipeline.build.withholding import withhold
from pipeline.errors import Problem, raise_if_any
from pipeline.fleet.context import Context
from pipeline.manifest import build_manifest
from pipeline.manifest.format2 import BaseManifest, FileFact, base_bytes, gateway_bytes, read_base
from pipeline.model.gateway import Gateway
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.layer import FileEntry, Layer
from pipeline.model.line_origins import with_lines
from pipeline.model.manifest import ImageFacts, Manifest, ManifestInputs
from pipeline.model.rule import RuleResult
from pipeline.model.tree import Tree
from pipeline.plan.access_facts import access_facts
from pipeline.plan.gateway_facts import facts_of, row_of
from pipeline.plan.image_plan import Plan
from pipeline.rules.expectations import expected_of
from pipeline.verification.own_values import OwnValue

_NO_DIGEST = "0" * 64
# Facts of a gateway that another one need not have.
_OWN_FACTS = frozenset({"firewall", "host_keys", "interfaces", "open_ports", "users"})


def describe_base(
    context: Context, image: ImageFacts, results: Sequence[RuleResult], values: Iterable[OwnValue],
    facts: Mapping[str, object],
) -> bytes:  # fmt: skip
    """The base manifest.

    Outcomes of rules and steps are those of one gateway, because of the base alone, which is no gateway, most rules
    have nothing to say; a gateway's manifest says where it is otherwise.

    Args:
        image: the base image as bytes.
        results: of one gateway.
        values: what that gateway has for itself; a file of the base that holds the like is told without digest.
        facts: of that gateway; those of its own are left out.
    """
    layer = withhold(context.product.layer, values, context.inputs.vanilla.files.values())
    inputs = _inputs(context, image, with_lines(layer, context.inputs.vanilla.files), context.tree)
    shared = {name: fact for name, fact in facts.items() if name not in _OWN_FACTS}
    steps = steps_for_people(context.release, results, development=_development(context))
    manifest = build_manifest(replace(inputs, facts=shared, rules=rule_facts(results), steps=steps))
    return base_bytes(manifest, context.hash_tree.root)


def describe_gateway(
    context: Context, base: BaseManifest, gateway: Gateway, plan: Plan, view: ImageView,
    results: Sequence[RuleResult], values: Sequence[OwnValue], after: Tree, touched: Collection[GuestPath],
    *, root: str, files: Mapping[str, FileFact],
) -> tuple[bytes, Manifest]:  # fmt: skip
    """A gateway's manifest: its file, and what it says where it differs from the base's.

    Args:
        view: the finished image.
        touched: where it differs from the base.
        files: the other files of its directory.

    Raises:
        PipelineError: secret content would be given away by the digest of a copy that is not marked secret.
    """
    inputs = context.inputs
    vanilla, release = inputs.vanilla, inputs.release
    layer = united(
        context.product.layer,
        with_lines(withhold(plan.layer, values, vanilla.files.values()), vanilla.files),
    )
    mine = Layer(tuple(one for one in layer.entries if one.path in touched or not isinstance(one, FileEntry)))
    light = {path: after.nodes[path] for path in touched if path in after.nodes}
    raise_if_any(_copies_in_base(context, mine, after))
    image = ImageFacts("image.img", context.size, _NO_DIGEST, _partitions(context), _NO_DIGEST)
    given = _inputs(context, image, mine, Tree(light), gateway)
    manifest = build_manifest(
        replace(
            given,
            vanilla=Tree({path: vanilla.tree.nodes[path] for path in touched if path in vanilla.tree.nodes}),
            keystores=tuple(replace(store, path=after.resolve(store.path)) for store in keystores_of(inputs, plan)),
            facts=gateway_facts(context, gateway, view),
            rules=rule_facts(results),
            steps=steps_for_people(release, results, plan.sidecars, development=_development(context)),
            sidecars=plan.sidecars,
        )
    )
    data = gateway_bytes(manifest, base, touched, root=root, paths=len(after), files=files)
    return data, manifest


def gateway_facts(context: Context, gateway: Gateway, view: ImageView) -> dict[str, object]:
    """What people want to find quickly of a gateway."""
    inputs = context.inputs
    secrets = reading.secrets_of(context.workspace, gateway)
    return {
        **facts_of(inputs.vanilla, inputs.release, gateway, secrets),
        **access_facts(view, inputs.trust.packages, expected_of(inputs.release)),
    }


def base_manifest(data: bytes) -> BaseManifest:
    """Read what was written, as the verifier will."""
    return read_base(data)


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
