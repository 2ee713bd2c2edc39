"""Writing manifests of format 2; see `pipeline.manifest.format2`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

from pipeline.formats import canonical_json
from pipeline.formats.merge_patch import difference
from pipeline.formats.tree_text import escape, format_node
from pipeline.manifest.codec import FORMAT, to_json
from pipeline.manifest.format2 import NOBODY, OWN, VERSION, BaseManifest, FileFact, read_base
from pipeline.manifest.sharing import by_name, nameless
from pipeline.manifest.stretches import brief
from pipeline.model.guest_path import GuestPath
from pipeline.model.manifest import Manifest
from pipeline.model.tree import Tree


def base_bytes(manifest: Manifest, root: str, typical: Manifest, touched: Iterable[GuestPath]) -> bytes:
    """The file of a base manifest.

    Args:
        manifest: of the base image.
        typical: of one gateway; its changes and its tree hold the touched paths only.
    """
    value = to_json(replace(manifest, gateway=NOBODY, serial=NOBODY))
    for name in ("gateway", "sidecars"):
        value.pop(name, None)
    cast(dict[str, Any], value["inputs"]).pop("inventory")
    value["changes"] = brief(cast(dict[str, Any], value["changes"]))
    value |= {"version": VERSION, "part": "base", "hash_tree": {"algorithm": "sha256", "block": 4096, "root": root}}
    own = to_json(typical)
    value["typical"] = {
        **{name: own[name] for name in ("facts", "keystores", "packages", "rules", "steps")},
        "changes": nameless(brief(cast(dict[str, Any], own["changes"])), typical.gateway),
        "readers": by_name(cast(list[Any], own.get("readers", []))),
        "tree": {"directories": _lines(typical.tree, touched, cast(dict[str, Any], value["tree"])["directories"])},
    }
    data = canonical_json.dumps(value)
    read_base(data)
    return data


def gateway_bytes(
    own: Manifest,
    base: BaseManifest,
    touched: Iterable[GuestPath],
    *,
    root: str,
    paths: int,
    files: Mapping[str, FileFact],
) -> bytes:
    """The file of a gateway's manifest.

    Args:
        own: its changes and its tree hold the touched paths only.
        touched: where the image differs from the base image, or has other reasons.
        paths: how many the whole image has.
        files: the other files beside it.
    """
    value, known = to_json(own), base.known
    where = {*touched}
    everywhere = {*where, *base.typical}
    hidden = {escape(one) for one in where}
    value["changes"] = {
        **{path: change for path, change in base.value["changes"].items() if path not in hidden},
        **nameless(brief(cast(dict[str, Any], value["changes"])), own.gateway),
    }
    value["readers"] = by_name(cast(list[Any], value.get("readers", [])))
    sections = [name for name in OWN if name != "tree"]
    patch = difference(
        {name: known[name] for name in sections if name in known},
        {name: value[name] for name in sections if name in value},
    )
    mine = {path: (own.tree if path in where else base.manifest.tree).get(path) for path in everywhere}
    after = Tree({path: node for path, node in mine.items() if node is not None})
    patch["tree"] = {"paths": paths, "directories": _lines(after, everywhere, known["tree"]["directories"])}
    head = {
        "format": FORMAT,
        "version": VERSION,
        "part": "gateway",
        "base": base.sha256,
        "release": own.release,
        "gateway": value["gateway"],
        "image": {"file": own.image.file, "size": own.image.size, "root": root},
        "files": {file: {"size": fact.size, "sha256": fact.sha256} for file, fact in files.items()},
        "inventory": cast(dict[str, Any], value["inputs"])["inventory"],
        "facts": {
            name: fact
            for name, fact in cast(dict[str, Any], value["facts"]).items()
            if known["facts"].get(name, known) != fact
        },
        "own": patch,
    }
    return canonical_json.dumps(head)


def _lines(
    tree: Tree, touched: Iterable[GuestPath], known: Mapping[str, Mapping[str, str | None]]
) -> dict[str, dict[str, str | None]]:
    """The lines of some paths that are not known like this, by directory and name; None for what is not there."""
    directories: dict[str, dict[str, str | None]] = {}
    for path in sorted(touched):
        directory, _, last = path.rpartition("/")
        group, item = escape(directory) or "/", escape(last) or "."
        node = tree.get(path)
        line = format_node(node) if node is not None else None
        if line != known.get(group, {}).get(item):
            directories.setdefault(group, {})[item] = line
    return directories
