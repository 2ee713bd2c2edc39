"""The JSON Schemas of the four files people write, for editors; ``pipeline/schemas`` holds them as they are made here.

python -m pipeline.inputs.schemas        writes them anew
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from pipeline.formats.canonical_json import Json
from pipeline.inputs.inventory_file import gateway_in, gateway_tables
from pipeline.inputs.key_config import keys_in
from pipeline.inputs.overlay_dir import wishes_in
from pipeline.inputs.release_file import release_in
from pipeline.inputs.schema_table import DRAFT, SchemaTable

DIRECTORY = Path(__file__).resolve().parents[1] / "schemas"

_Rule = dict[str, Json]


def schemas() -> Mapping[str, _Rule]:
    """Each schema by its file's name."""
    return {
        "gateway.schema.json": _titled("gateway.toml: what a release is made of, and its decisions", _release()),
        "devices.schema.json": _titled("devices.toml: the gateways of a release", _inventory()),
        "overlay.schema.json": _titled("overlay.toml: modes and owners of an overlay's files", _overlay()),
        "keys.schema.json": _titled("keys.toml: the keys a release signs with", _keys()),
    }


def rendered(schema: _Rule) -> str:
    """A schema as text, the same each time."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _titled(title: str, schema: _Rule) -> _Rule:
    return {"$schema": DRAFT, "title": title, **schema}


def _release() -> _Rule:
    root = SchemaTable()
    release_in(root, Path())
    return root.schema()


def _inventory() -> _Rule:
    root = SchemaTable()
    for table in gateway_tables(root):
        gateway_in(table, Path())
    schema = root.schema()
    gateways = cast(_Rule, cast(_Rule, schema["properties"])["gateway"])
    gateways["minItems"] = 1
    cast(_Rule, gateways["items"])["required"] = []  # gateway.toml [gateways] names may make names
    return {**schema, "required": ["gateway"]}


def _overlay() -> _Rule:
    root = SchemaTable()
    wishes_in(root)
    return root.schema()


def _keys() -> _Rule:
    """A key that signs manifests is described by other keys than one that signs bundles."""
    kinds: dict[str, Json] = {}
    for use in ("bundle", "manifest"):
        root = SchemaTable(chosen={"use": use})
        keys_in(root, Path())
        kinds[use] = root.schema()["additionalProperties"]
    is_manifest: _Rule = {"properties": {"use": {"const": "manifest"}}, "required": ["use"]}
    entry: _Rule = {"type": "object", "if": is_manifest, "then": kinds["manifest"], "else": kinds["bundle"]}
    return {"type": "object", "minProperties": 1, "additionalProperties": entry}


def write() -> None:
    """Write all schemas into the package."""
    DIRECTORY.mkdir(exist_ok=True)
    for name, schema in schemas().items():
        (DIRECTORY / name).write_text(rendered(schema), "utf-8")


if __name__ == "__main__":
    write()
