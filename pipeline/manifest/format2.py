"""Format 2 of the manifest: a base manifest says once what all gateways share, a gateway's says what is its own.

A gateway's manifest is a head, its row of the inventory, facts that take the place of the base's by name, and a JSON
merge patch (RFC 7396) over the other sections of the base manifest, which it names by digest. What most gateways have
alike beyond the base image stands there too, as ``typical``: the patch is over base and typical. All of it says
together everything that a manifest of format 1 says; the image as a whole is told by the root of a hash tree (see
`pipeline.formats.archive.hash_tree`) instead of a SHA-256, which costs a pass over the image.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats import canonical_json, json_schema
from pipeline.formats.canonical_json import Json
from pipeline.formats.merge_patch import merged
from pipeline.formats.tree_text import format_node, parse_node, unescape
from pipeline.manifest.codec import FORMAT, from_json, tree_digest
from pipeline.manifest.schema import SCHEMA
from pipeline.manifest.sharing import in_order, named
from pipeline.manifest.stretches import in_full
from pipeline.model.guest_path import GuestPath
from pipeline.model.manifest import Change, Manifest
from pipeline.model.tree import Kind, Node, Tree

VERSION = 2
_REMEDY = "do not use the image; ask whoever delivered it for the unchanged manifests of this release"
NOBODY = "base"
_NO_DIGEST = "0" * 64
_ROOT = GuestPath("/")
# Sections of a gateway's manifest that are told as a merge patch over the base's; no value in them is null.
OWN = ("changes", "tree", "packages", "keystores", "steps", "rules", "raw", "sidecars", "readers")
_HEX = "^[0-9a-f]{64}$"
_FILE: dict[str, Any] = {
    "type": "object",
    "properties": {"size": {"type": "integer", "minimum": 1}, "sha256": {"type": "string", "pattern": _HEX}},
    "required": ["size", "sha256"],
    "additionalProperties": False,
}
HEAD_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "format": {"enum": [FORMAT]},
        "version": {"enum": [VERSION]},
        "part": {"enum": ["gateway"]},
        "base": {"type": "string", "pattern": _HEX},
        "release": {"type": "string", "minLength": 1},
        "gateway": SCHEMA["properties"]["gateway"],  # type: ignore[index, call-overload]
        "image": {
            "type": "object",
            "properties": {
                "file": {"enum": ["image.img"]},
                "size": {"type": "integer", "minimum": 8192},
                "root": {"type": "string", "pattern": _HEX},
            },
            "required": ["file", "size", "root"],
            "additionalProperties": False,
        },
        "files": {
            "type": "object",
            "propertyNames": {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]*$"},
            "additionalProperties": _FILE,
            "minProperties": 2,
        },
        "inventory": SCHEMA["properties"]["inputs"]["properties"]["inventory"],  # type: ignore[index, call-overload]
        "facts": {"type": "object"},
        "own": {"type": "object"},
    },
    "required": [
        "format",
        "version",
        "part",
        "base",
        "release",
        "gateway",
        "image",
        "files",
        "inventory",
        "facts",
        "own",
    ],
    "additionalProperties": False,
    "$defs": SCHEMA["$defs"],
}


@dataclass(frozen=True)
class BaseManifest:
    """What all gateways of a release share.

    Attributes:
        manifest: with the base image's facts; its gateway is ``base``.
        root: of the hash tree over the base image.
        value: the same as JSON.
        known: base and typical together: what the patch of a gateway is over.
        typical: paths in which a typical gateway differs from the base image.
        sha256: of the file.
    """

    manifest: Manifest
    root: str
    value: Mapping[str, Any] = field(repr=False)
    known: Mapping[str, Any] = field(repr=False)
    typical: frozenset[GuestPath] = field(repr=False)
    sha256: str


@dataclass(frozen=True)
class FileFact:
    """A file of a gateway's directory: bytes and SHA-256."""

    size: int
    sha256: str


@dataclass(frozen=True)
class GatewayManifest:
    """One gateway: everything format 1 says of it, and what takes the place of digests of the whole image.

    Attributes:
        manifest: its image's digests are zeros: the root of the hash tree stands for them.
        root: of the hash tree over the whole image.
        files: the other files of the gateway's directory by name, delta and block map among them.
        touched: paths that differ from the base image or have reasons of their own.
    """

    manifest: Manifest
    root: str
    files: Mapping[str, FileFact]
    touched: frozenset[GuestPath]


def read_base(data: bytes, *, name: str = "manifest.json") -> BaseManifest:
    """Read a base manifest whose signature has been verified.

    Raises:
        PipelineError: it is none, not canonical, or at odds with itself.
    """
    value = _loaded(data, name, "base")
    tree_root = value.get("hash_tree")
    if (
        not isinstance(tree_root, dict)
        or {**tree_root, "root": ""} != {"algorithm": "sha256", "block": 4096, "root": ""}
        or len(str(tree_root["root"])) != 64
    ):
        raise PipelineError(f"{name}: $.hash_tree is not one of SHA-256 over blocks of 4096 bytes", _REMEDY)
    whole = {key: content for key, content in value.items() if key not in ("part", "hash_tree", "typical")}
    whole |= {"version": 1, "gateway": {"name": NOBODY, "serial": NOBODY}}
    if isinstance(whole.get("inputs"), dict):
        whole["inputs"] = {**whole["inputs"], "inventory": {"sha256": _NO_DIGEST, "row": {}}}
    try:
        whole["changes"] = in_full(cast(dict[str, Any], whole["changes"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PipelineError(f"{name}: $.changes: {str(error) or type(error).__name__}", _REMEDY) from None
    raise_if_any(Problem(f"{name}: {text}", _REMEDY) for text in json_schema.problems(cast(Json, whole), SCHEMA))
    try:
        manifest = from_json(whole)
    except ValueError as error:
        raise PipelineError(f"{name}: {error}", _REMEDY) from None
    if value["tree"]["sha256"] != tree_digest(manifest.tree):
        raise PipelineError(f"{name}: its tree has another digest", _REMEDY)
    try:
        typical = value["typical"]
        known = {**value, **cast(dict[str, Any], merged({name: value.get(name, {}) for name in typical}, typical))}
        places = [(_place(group, item)) for group, items in typical["tree"]["directories"].items() for item in items]
        touched = frozenset({*places, *(GuestPath(unescape(path)) for path in typical["changes"])})
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise PipelineError(f"{name}: $.typical: {str(error) or type(error).__name__}", _REMEDY) from None
    return BaseManifest(manifest, str(tree_root["root"]), value, known, touched, hashlib.sha256(data).hexdigest())


def read_gateway(data: bytes, base: BaseManifest, *, name: str = "manifest.json") -> GatewayManifest:
    """Read a gateway's manifest whose signature has been verified.

    Raises:
        PipelineError: it is none, names another base, or is at odds with itself or with the base.
    """
    value = _loaded(data, name, "gateway")
    raise_if_any(Problem(f"{name}: {text}", _REMEDY) for text in json_schema.problems(value, HEAD_SCHEMA))
    if value["base"] != base.sha256:
        raise PipelineError(f"{name}: belongs to another base than the one beside it", _REMEDY)
    own, known = value["own"], base.value
    strange = sorted({*own} - {*OWN})
    if strange:
        raise PipelineError(f"{name}: $.own.{strange[0]} is nothing a gateway has of its own", _REMEDY)
    if value["image"]["size"] != known["image"]["size"] or value["release"] != known["release"]["name"]:
        raise PipelineError(f"{name}: is not of the base's size or release", _REMEDY)
    try:
        return _read(value, own, base)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PipelineError(f"{name}: {str(error) or type(error).__name__}", _REMEDY) from None


def _read(value: Mapping[str, Any], own: Mapping[str, Any], base: BaseManifest) -> GatewayManifest:
    known = base.known
    own_lines = own["tree"]["directories"]
    typical_lines = base.value["typical"]["tree"]["directories"]
    lines = [
        (_place(group, item), line)
        for group, items in cast(dict[str, Any], _over(typical_lines, own_lines)).items()
        for item, line in items.items()
    ]
    # Of every change that is not the base's, whether typical or own.
    changes: dict[str, Any] = {
        path: merged(known["changes"].get(path), own.get("changes", {})[path])
        if path in own.get("changes", {})
        else known["changes"][path]
        for path in (*base.value["typical"]["changes"], *own.get("changes", {}))
    }
    changes = {
        path: None if one is None else named({path: one}, value["gateway"]["name"])[path]
        for path, one in changes.items()
    }
    touched = frozenset({*(path for path, _ in lines), *(GuestPath(unescape(path)) for path in changes)})
    nodes = dict(base.manifest.tree.nodes)
    for path, line in lines:
        if line is None:
            nodes.pop(path, None)
        else:
            nodes[path] = parse_node(line)
    for path, _ in lines:
        above = nodes.get(path.parent)
        if path in nodes and (above is None or above.kind is not Kind.DIRECTORY):
            raise ValueError(f"{ascii(path)}: {ascii(path.parent)} is not listed as a directory")
    tree = Tree(nodes)
    if own["tree"] != {"paths": len(nodes), "directories": own_lines}:
        raise ValueError("tree.paths is not the number of paths")
    partitions = {str(part["number"]): _NO_DIGEST for part in known["disk"]["partitions"]}
    light: dict[str, Any] = {
        name: merged(known.get(name), own[name]) if name in own and name != "tree" else known[name]
        for name in ("format", "release", "disk", "inputs", *OWN)
        if name in known or name in own
    }
    light |= {
        "version": 1,
        "inputs": {**known["inputs"], "inventory": value["inventory"]},
        "facts": {**known["facts"], **value["facts"]},
        "gateway": value["gateway"],
        "image": {**value["image"], "sha256": _NO_DIGEST, "partitions": partitions, "outside": _NO_DIGEST},
        "changes": in_full({path: one for path, one in changes.items() if one is not None}),
    }
    del light["image"]["root"]
    light["readers"] = in_order(light.get("readers", {}), tree)
    light["tree"] = {"sha256": _NO_DIGEST, "paths": 1, "directories": {"/": {".": format_node(nodes[_ROOT])}}}
    patched = {
        *base.value["typical"]["rules"]["outcomes"].keys(),
        *own.get("rules", {}).get("outcomes", {}).keys(),
    }
    light["rules"] = {
        **light["rules"],
        "outcomes": {name: one for name, one in light["rules"]["outcomes"].items() if name in patched},
    }
    problems = list(json_schema.problems(cast(Json, light), SCHEMA))
    if problems:
        raise ValueError("; ".join(problems))
    manifest = from_json(light, tree=tree)
    mine = {**base.manifest.changes, **manifest.changes}
    for text, one in changes.items():
        if one is None:
            mine.pop(GuestPath(unescape(text)), None)
    _require_agreement(mine, tree, touched)
    files = {name: FileFact(**fact) for name, fact in value["files"].items()}
    rules = {rule.id: rule for rule in base.manifest.rules if rule.id not in patched}
    rules |= {rule.id: rule for rule in manifest.rules}
    manifest = replace(
        manifest, changes=dict(sorted(mine.items())), rules=tuple(rule for _, rule in sorted(rules.items()))
    )
    return GatewayManifest(manifest, value["image"]["root"], files, touched)


def _over(below: Mapping[str, Mapping[str, object]], above: Mapping[str, Mapping[str, object]]) -> object:
    """Two levels of objects, the second one's items in place of the first one's; null stays null."""
    groups = {group: dict(items) for group, items in below.items()}
    for group, items in above.items():
        groups.setdefault(group, {}).update(items)
    return groups


def _require_agreement(changes: Mapping[GuestPath, Change], tree: Tree, touched: Iterable[GuestPath]) -> None:
    """What is said of a path as a change must be what is said of it in the tree."""
    for path in touched:
        node, change = tree.get(path), changes.get(path)
        removed = change is not None and change.action.value == "removed"
        if change is not None and not removed and node != change.node:
            raise ValueError(f"changes: {ascii(path)} is not what the tree has there")
        if removed and node is not None:
            raise ValueError(f"changes: {ascii(path)} is removed, and the tree has it")
        if _is_secret(node) and (change is None or not change.secret):
            raise ValueError(f"tree: {ascii(path)} has no digest, and no change says that its content is secret")
        if change is not None and change.secret and not _is_secret(node):
            raise ValueError(f"changes: {ascii(path)} is secret in one place and not in the other")


def _is_secret(node: Node | None) -> bool:
    return node is not None and node.kind is Kind.FILE and node.sha256 is None


def _place(group: str, item: str) -> GuestPath:
    if (group, item) == ("/", "."):
        return _ROOT
    if "/" in item:
        raise ValueError(f"not a file name: {ascii(item)}")
    return GuestPath(unescape(group)) / unescape(item)


def _loaded(data: bytes, name: str, part: str) -> dict[str, Any]:
    try:
        value = canonical_json.loads(data, canonical=True)
    except canonical_json.JsonError as error:
        raise PipelineError(f"{name}: {error}", _REMEDY) from None
    if not isinstance(value, dict) or (value.get("format"), value.get("version")) != (FORMAT, VERSION):
        raise PipelineError(f"{name}: is not a manifest of format {VERSION}", _REMEDY)
    if value.get("part") != part:
        raise PipelineError(f"{name}: is not the manifest of a {part}", _REMEDY)
    return value
