"""Checking a JSON value against a schema: the part of JSON Schema 2020-12 that our schemas use, every problem at once.

A keyword outside that part is refused rather than skipped, so that no rule of a schema is silently without effect.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import cast

from pipeline.formats.canonical_json import Json

Schema = Mapping[str, Json]

_NOTES = {"$schema", "$id", "$defs", "title", "description", "$comment"}
_CHECKED = {
    "$ref", "type", "const", "enum", "pattern", "minLength", "minimum", "maximum", "required", "properties",
    "patternProperties", "additionalProperties", "propertyNames", "items", "minItems", "minProperties", "oneOf",
}  # fmt: skip
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None),
}  # fmt: skip


def problems(value: Json, schema: Schema, *, root: Schema | None = None, place: str = "$") -> Iterator[str]:
    """What is wrong with a value, one line each, with its place as a path from ``$``.

    Raises:
        ValueError: the schema uses a keyword that is not known here.
    """
    root = schema if root is None else root
    unknown = set(schema) - _NOTES - _CHECKED
    if unknown:
        raise ValueError(f"schema keywords not supported: {', '.join(sorted(unknown))}")
    if "$ref" in schema:
        name = cast(str, schema["$ref"]).removeprefix("#/$defs/")
        yield from problems(value, cast(Schema, cast(Schema, root["$defs"])[name]), root=root, place=place)
    if "type" in schema and not _is(value, cast(str, schema["type"])):
        yield f"{place}: must be {schema['type']}"
        return
    if "const" in schema and not _equal(value, schema["const"]):
        yield f"{place}: must be {schema['const']!r}"
    if "enum" in schema and not any(_equal(value, allowed) for allowed in cast(list[Json], schema["enum"])):
        yield f"{place}: must be one of {', '.join(str(allowed) for allowed in cast(list[Json], schema['enum']))}"
    if "oneOf" in schema:
        choices = [list(problems(value, cast(Schema, one), root=root, place=place)) for one in _list(schema["oneOf"])]
        if sum(not found for found in choices) != 1:
            yield from min(choices, key=len) or [f"{place}: must be of exactly one form"]
    match value:
        case bool():
            pass
        case int():
            yield from _number(value, schema, place)
        case str():
            yield from _string(value, schema, place)
        case list():
            yield from _array(value, schema, root, place)
        case dict():
            yield from _object(value, schema, root, place)


def _number(value: int, schema: Schema, place: str) -> Iterator[str]:
    if value < cast(int, schema.get("minimum", value)):
        yield f"{place}: must be at least {schema['minimum']}"
    if value > cast(int, schema.get("maximum", value)):
        yield f"{place}: must be at most {schema['maximum']}"


def _string(value: str, schema: Schema, place: str) -> Iterator[str]:
    if len(value) < cast(int, schema.get("minLength", 0)):
        yield f"{place}: must not be empty"
    if "pattern" in schema and not _pattern(cast(str, schema["pattern"])).search(value):
        yield f"{place}: {_short(value)} does not have the form {_short(cast(str, schema['pattern']))}"


def _array(value: list[Json], schema: Schema, root: Schema, place: str) -> Iterator[str]:
    if len(value) < cast(int, schema.get("minItems", 0)):
        yield f"{place}: must have at least {schema['minItems']} items"
    if "items" in schema:
        for index, item in enumerate(value):
            yield from problems(item, cast(Schema, schema["items"]), root=root, place=f"{place}[{index}]")


def _object(value: dict[str, Json], schema: Schema, root: Schema, place: str) -> Iterator[str]:
    for name in cast(list[str], schema.get("required", [])):
        if name not in value:
            yield f"{place}: {name} is missing"
    if len(value) < cast(int, schema.get("minProperties", 0)):
        yield f"{place}: must not be empty"
    named = cast(Mapping[str, Schema], schema.get("properties", {}))
    patterns = cast(Mapping[str, Schema], schema.get("patternProperties", {}))
    others = schema.get("additionalProperties", True)
    for name, item in value.items():
        inner = f"{place}.{name}" if name.isidentifier() else f"{place}[{ascii(name)}]"
        if "propertyNames" in schema:
            yield from problems(name, cast(Schema, schema["propertyNames"]), root=root, place=f"{inner} (key)")
        rules = [named[name]] if name in named else []
        rules += [rule for pattern, rule in patterns.items() if _pattern(pattern).search(name)]
        if not rules and others is False:
            yield f"{inner}: not a known key"
        elif not rules and isinstance(others, dict):
            rules = [others]
        for rule in rules:
            yield from problems(item, rule, root=root, place=inner)


def _is(value: Json, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind != "integer" or not isinstance(value, bool))


def _equal(left: Json, right: Json) -> bool:
    """Equality as JSON has it: true is not 1."""
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _list(value: Json) -> list[Json]:
    return cast(list[Json], value)


def _short(text: str) -> str:
    shown = ascii(text)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    """A pattern in which ``$`` is the very end, as ECMA 262 has it; Python's also matches before a last newline."""
    return re.compile(rf"{pattern[:-1]}\Z" if pattern.endswith("$") else pattern)
