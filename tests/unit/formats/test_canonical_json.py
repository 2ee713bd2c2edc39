"""One value, one sequence of bytes; and nothing but that is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.canonical_json import JsonError, dumps, loads

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def test_the_form_is_sorted_ascii_indented_and_ends_with_a_newline() -> None:
    assert dumps({"b": (1, True, None), "a": {"é": "\t"}, "c": [], "d": {}}) == (
        b'{\n  "a": {\n    "\\u00e9": "\\t"\n  },\n'
        b'  "b": [\n    1,\n    true,\n    null\n  ],\n  "c": [],\n  "d": {}\n}\n'
    )


@given(VALUES)
def test_what_is_written_is_read_back(value: object) -> None:
    assert loads(dumps(value), canonical=True) == value


@given(st.dictionaries(TEXT, st.integers(0, 9)))
def test_the_order_of_insertion_does_not_matter(value: dict[str, int]) -> None:
    assert dumps(dict(reversed(value.items()))) == dumps(value)


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        {"a": [float("inf")]},
        {1: 2},
        {None: 1},
        b"x",
        {1, 2},
        object(),
        2**53,
        "\ud800",
        {"\udcff": 1},
    ],
)
def test_values_without_an_exact_form_are_refused(value: object) -> None:
    with pytest.raises(JsonError, match=r"\$"):
        dumps(value)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'"\xff"', "not UTF-8 at byte 1"),
        (b'{"a": 1, "a": 1}', "given twice: 'a'"),
        (b'{"x": {"a": 1, "a": 2}}', "given twice: 'a'"),
        (b"1.5", "only integers"),
        (b"1e3", "only integers"),
        (b"NaN", "only integers"),
        (b"-Infinity", "only integers"),
        (b"99999999999999999999", "larger than"),
        (b'"\\ud800"', "lone surrogate"),
        (b"[" * 200_000, "deeply"),
        (b"9" * 10_000, "not JSON"),
        (b"'a'", "not JSON"),
        (b"[1,]", "not JSON"),
    ],
)
def test_bytes_that_are_not_strict_json_are_refused(data: bytes, told: str) -> None:
    with pytest.raises(JsonError, match=told):
        loads(data)


@pytest.mark.parametrize("data", [b"{}", b'{"b":1,"a":2}\n', b" {}\n", b'"\\u0061"\n', b'"\xc3\xa9"\n', b"{}\n\n"])
def test_another_form_of_the_same_value_is_read_but_is_not_canonical(data: bytes) -> None:
    loads(data)
    with pytest.raises(JsonError, match="canonical"):
        loads(data, canonical=True)
