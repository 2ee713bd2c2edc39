"""Our part of JSON Schema gives the verdict the jsonschema package gives."""

from __future__ import annotations

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.canonical_json import Json
from pipeline.formats.json_schema import problems

RULES: dict[str, dict[str, Json]] = {
    "type": {"type": "integer"},
    "const": {"const": 1},
    "enum": {"enum": [1, "a", None, False]},
    "pattern": {"pattern": "^[a-c]+$"},
    "lengths": {"minLength": 2, "minItems": 2, "minProperties": 2},
    "range": {"minimum": -1, "maximum": 1},
    "properties": {"type": "object", "properties": {"a": {"type": "null"}}, "required": ["a"]},
    "closed": {"properties": {"a": {"type": "null"}}, "additionalProperties": False},
    "others": {"patternProperties": {"^a": {"type": "null"}}, "additionalProperties": {"type": "string"}},
    "names": {"propertyNames": {"pattern": "^a"}},
    "items": {"items": {"$ref": "#/$defs/x"}, "$defs": {"x": {"type": "boolean"}}},
    "one": {"oneOf": [{"type": "integer"}, {"minimum": 0}]},
}
TEXT = st.text("ab\n", max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("schema", RULES.values(), ids=RULES.keys())
@given(value=VALUES)
def test_the_verdict_is_that_of_the_jsonschema_package(schema: dict[str, Json], value: Json) -> None:
    ends_in_newline = "\\n" in repr(value)  # Python's $ matches before a last newline; ECMA's, and ours, does not
    if not ends_in_newline:
        assert (not list(problems(value, schema))) == jsonschema.Draft202012Validator(schema).is_valid(value)


def test_a_pattern_ends_where_the_text_ends() -> None:
    assert list(problems("a\n", {"pattern": "^a$"}))


def test_each_problem_is_told_with_its_place() -> None:
    schema: dict[str, Json] = {"properties": {"a": {"items": {"type": "string"}}}, "required": ["b"]}
    assert list(problems({"a": ["x", 1, None]}, schema)) == [
        "$: b is missing",
        "$.a[1]: must be string",
        "$.a[2]: must be string",
    ]


def test_a_rule_that_would_have_no_effect_is_refused() -> None:
    with pytest.raises(ValueError, match="not supported: maxLength"):
        list(problems("abc", {"maxLength": 2}))
