"""Merge patches: the RFC's own examples, and that base and patch always make the value again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.merge_patch import difference, merged

# RFC 7396, appendix A: original, patch, result.
EXAMPLES = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("base", "patch", "result"), EXAMPLES)
def test_the_examples_of_the_standard(base: object, patch: object, result: object) -> None:
    assert merged(base, patch) == result


_LEAVES = st.booleans() | st.integers(-3, 3) | st.text(max_size=3)
_OBJECTS = st.recursive(
    st.dictionaries(st.sampled_from("abc"), _LEAVES | st.lists(_LEAVES, max_size=2), max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner | _LEAVES, max_size=3),
    max_leaves=8,
)


@given(_OBJECTS, _OBJECTS)
def test_base_and_difference_make_the_value_again(base: dict[str, object], now: dict[str, object]) -> None:
    assert merged(base, difference(base, now)) == now
    assert difference(now, now) == {}


def test_null_is_refused_where_a_patch_cannot_say_it() -> None:
    with pytest.raises(ValueError, match="becomes null"):
        difference({"a": 1}, {"a": None})
    with pytest.raises(ValueError, match="becomes null"):
        difference({}, {"a": {"b": None}})
    assert difference({"a": None}, {"a": None}) == {}
