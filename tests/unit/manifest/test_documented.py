"""Every field of the manifest is explained in docs/reference/manifest.md, and every version is in its history."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.manifest import SCHEMA, VERSION

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "manifest.md").read_text("utf-8")


def fields(rule: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Name and place of every property the schema knows, definitions included."""
    if isinstance(rule, dict):
        properties = rule.get("properties")
        if isinstance(properties, dict) and not isinstance(properties.get("type"), str):
            yield from ((name, f"{place}.{name}") for name in properties)
        for key, inner in rule.items():
            yield from fields(inner, f"{place}.{key}")
    elif isinstance(rule, list):
        for inner in rule:
            yield from fields(inner, place)


def test_every_field_is_explained() -> None:
    explained = {word for code in re.findall(r"`([^`\n]+)`", PAGE) for word in re.findall(r"\w+", code)}
    found = list(fields(SCHEMA))
    assert len(found) > 80
    assert sorted(place for name, place in found if name not in explained) == []


@pytest.mark.parametrize("part", [name for name, place in fields(SCHEMA) if place.count(".") == 1])
def test_every_part_has_its_place(part: str) -> None:
    assert re.search(rf"(?m)^(#+ .*`{part}`|\| .*`{part}[.`\[])", PAGE), f"{part}: neither heading nor row"


def test_the_history_ends_with_the_version_that_is_written() -> None:
    rows = re.findall(r"(?m)^\| (\d+) \| \d+\.\d+\.\d+ \| .+ \|$", PAGE.partition("## History")[2])
    assert [int(row) for row in rows] == list(range(1, VERSION + 1))
