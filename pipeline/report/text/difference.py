"""What is different between two finished images, and which input or rule made it so. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pipeline.formats.tree_text import format_node
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import Origin
from pipeline.model.manifest import Manifest
from pipeline.report.text.plain import plain

UNEXPLAINED = "unexplained"


@dataclass(frozen=True, order=True)
class Difference:
    """One difference.

    Attributes:
        area: ``inputs``, ``files``, ``facts``, ``packages``, ``keystores``, ``rules``, ``bytes``, or of what was read.
        before / after: in words, never a secret; empty where there is nothing.
        cause: inputs and rules that explain it, or `UNEXPLAINED`.
    """

    area: str
    subject: str
    before: str
    after: str
    cause: str


def differing_inputs(a: Manifest, b: Manifest) -> Mapping[str, tuple[str, str]]:
    """The inputs that are not the same, by name, with both digests or versions."""
    return {name: pair for name, pair in _inputs(a, b) if pair[0] != pair[1]}


def differences(a: Manifest, b: Manifest) -> tuple[Difference, ...]:
    """Everything two manifests tell apart. Files with secret content have no digest in them: see `uncompared`."""
    inputs = differing_inputs(a, b)
    found = [Difference("inputs", name, *pair, "given") for name, pair in inputs.items()]
    files = list(_files(a, b, inputs))
    found += files
    found += _apart(a, b, inputs)
    found += _flat("facts", a.facts, b.facts, inputs)
    found += _flat("packages", _packages(a), _packages(b), inputs)
    found += _flat("keystores", _keystores(a), _keystores(b), inputs)
    before, after = ({rule.id: rule.outcome for rule in one.rules} for one in (a, b))
    found += _flat("rules", before, after, inputs)
    if not files:
        found += _bytes(a, b, inputs)
    return tuple(found)


def uncompared(a: Manifest, b: Manifest) -> tuple[GuestPath, ...]:
    """Files whose content neither manifest gives away, and which look the same otherwise."""
    return tuple(
        path
        for path, change in sorted(a.changes.items())
        if change.secret and path in b.changes and a.tree.get(path) == b.tree.get(path)
    )


def _inputs(a: Manifest, b: Manifest) -> Iterator[tuple[str, tuple[str, str]]]:
    one, two = a.sources, b.sources
    yield "gateway", (a.gateway, b.gateway)
    yield "release", (a.release, b.release)
    yield "source epoch", (str(a.epoch), str(b.epoch))
    yield "vanilla image", (one.vanilla_sha256, two.vanilla_sha256)
    yield "golden sample", (one.golden_sha256, two.golden_sha256)
    yield "golden.lock", (one.golden_lock_sha256, two.golden_lock_sha256)
    yield "gateway.toml", (one.configuration_sha256, two.configuration_sha256)
    for key in sorted({*one.inventory, *two.inventory} - {"name"}):
        yield f"inventory {key}", (_text(one.inventory.get(key)), _text(two.inventory.get(key)))
    for name in sorted({*one.overlays, *two.overlays}):
        yield f"overlay {name}", (one.overlays.get(name, ""), two.overlays.get(name, ""))
    first, second = ({cert.alias: cert.sha256 for cert in one.certificates} for one in (one, two))
    for alias in sorted({*first, *second}):
        yield f"certificate {alias}", (first.get(alias, ""), second.get(alias, ""))
    yield "pipeline", (one.pipeline_sha256, two.pipeline_sha256)
    for tool in sorted({*one.tools, *two.tools}):
        yield f"tool {tool}", (one.tools.get(tool, ""), two.tools.get(tool, ""))


def _files(a: Manifest, b: Manifest, inputs: Mapping[str, tuple[str, str]]) -> Iterator[Difference]:
    for path in sorted({*a.tree.nodes, *b.tree.nodes}):
        before, after = a.tree.get(path), b.tree.get(path)
        if before != after:
            texts = [plain(format_node(node)) if node is not None else "" for node in (before, after)]
            yield Difference("files", path, texts[0], texts[1], cause_of(path, a, b, inputs))


def cause_of(path: GuestPath, a: Manifest, b: Manifest, inputs: Mapping[str, tuple[str, str]]) -> str:
    """Who is responsible for a path that is not the same in both.

    A path no rule touched can only differ when the vanilla images do; one that rules made, when any input of theirs
    does or when the rules themselves are others.
    """
    mine, theirs = a.changes.get(path), b.changes.get(path)
    if mine is None and theirs is None:
        return "vanilla image" if "vanilla image" in inputs else UNEXPLAINED
    origins = [set(change.origins) if change is not None else set() for change in (mine, theirs)]
    if origins[0] == origins[1] and not inputs:
        return UNEXPLAINED
    return told(origins[0] | origins[1])


def _apart(a: Manifest, b: Manifest, inputs: Mapping[str, tuple[str, str]]) -> Iterator[Difference]:
    """What lies in no file of the image: raw regions, and files for places outside of it."""
    before = {str(fact.region): fact for fact in a.raw} | {
        f"{fact.file} for {fact.device}": fact for fact in a.sidecars
    }
    after = {str(fact.region): fact for fact in b.raw} | {f"{fact.file} for {fact.device}": fact for fact in b.sidecars}
    for name in sorted({*before, *after}):
        one, two = before.get(name), after.get(name)
        pair = (one.sha256 if one else "", two.sha256 if two else "")
        if pair[0] != pair[1]:
            origins = {*(one.origins if one else ()), *(two.origins if two else ())}
            yield Difference("bytes", name, *pair, told(origins) if inputs else UNEXPLAINED)


def told(origins: Iterable[Origin]) -> str:
    """Rules and inputs in words."""
    return "; ".join(
        f"{one.rule}, from {one.source}{f' ({one.document})' if one.document else ''}" for one in sorted(origins)
    )


def _flat(
    area: str, a: Mapping[str, object], b: Mapping[str, object], inputs: Mapping[str, tuple[str, str]]
) -> Iterator[Difference]:
    """Values by their dotted names. What can have made the difference are the inputs that differ."""
    before, after = dict(_leaves(a, "")), dict(_leaves(b, ""))
    cause = ", ".join(inputs) or UNEXPLAINED
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield Difference(area, name, before.get(name, ""), after.get(name, ""), cause)


def _leaves(value: object, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, _text(value)


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_text(item)}" for key, item in value.items())
    return "" if value is None else str(value)


def _packages(manifest: Manifest) -> Mapping[str, object]:
    return {
        package.file_name: {
            "version": package.version,
            "sha256": package.sha256_after,
            **{f"bundle {bundle.symbolic_name}": _signed(bundle.version, bundle.signer_chain)
               for bundle in package.bundles},
        }
        for package in manifest.packages
    }  # fmt: skip


def _signed(version: str, chain: tuple[str, ...]) -> str:
    return f"{version}, signed by {' < '.join(chain)}" if chain else f"{version}, not signed"


def _keystores(manifest: Manifest) -> Mapping[str, object]:
    return {store.path: {entry.alias: entry.sha256 for entry in store.entries} for store in manifest.keystores}


def _bytes(a: Manifest, b: Manifest, inputs: Mapping[str, tuple[str, str]]) -> Iterator[Difference]:
    """Where no path differs, and bytes do all the same."""
    cause = "content that is secret, or " + ", ".join(inputs) if inputs else UNEXPLAINED
    if a.image.outside != b.image.outside:
        yield Difference("bytes", "outside all partitions", a.image.outside, b.image.outside, cause)
    for number in sorted({*a.image.partitions, *b.image.partitions}):
        pair = a.image.partitions.get(number, ""), b.image.partitions.get(number, "")
        if pair[0] != pair[1]:
            yield Difference("bytes", f"partition {number}", *pair, cause)
