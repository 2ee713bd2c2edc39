"""Names are compared as OSGi compares them: the answers of a real framework decide where they are at hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.formats.crypto.distinguished_name import (
    DnError,
    admits_anybody,
    matches,
    parse_name,
    parse_pattern,
    unsafe_parts,
)

VECTORS = Path(__file__).resolve().parents[5] / "shared" / "data" / "dn-match-vectors.json"
L, I, R = "CN=leaf,O=Example,C=US", "CN=inter,O=Example,C=US", "CN=root,O=Example,C=US"  # noqa: E741 - as in the spec


def test_as_a_real_framework_answers() -> None:
    if not VECTORS.exists():
        pytest.skip("the shared vectors are not beside this checkout")
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))
    assert len(vectors) > 40
    for vector in vectors:
        # where Java compares encodings, or accepts names of its own, we refuse rather than guess
        refused = vector["osgi"] == "ERR" or vector["ours"].startswith("DNError")
        try:
            answer = str(matches(vector["pattern"], vector["chain"])).lower()
        except DnError:
            answer = "ERR"
        assert answer == ("ERR" if refused else vector["osgi"]), vector


@pytest.mark.parametrize(
    ("pattern", "chain", "expected"),
    [
        (L, (L,), True),
        (L, (L, I, R), False),
        (f"{L};*", (L, I, R), False),
        (f"{L};*;*", (L, I, R), True),
        (f"{L};-", (L, I, R), True),
        (f"{L};-", (L,), True),
        (f"-;{R}", (L, I, R), True),
        (f"-;{I}", (L, I, R), False),
        (f"*;{I};*", (L, I, R), True),
        ("*", (L,), True),
        ("*", (L, I, R), False),
        ("-", (L, I, R), True),
        ("-;-;*;-", (L, I, R), True),
        (f"{R};{I};{L}", (L, I, R), False),
        ("O=Example,C=US", (L,), False),
        ("*,O=Example,C=US", (L,), True),
        ("*, O=Example, C=US", ("O=Example,C=US",), True),
        ("CN=*,O=Example,C=US", (L,), True),
        ("CN=le*,O=Example,C=US", (L,), False),
        ("C=US,O=Example,CN=leaf", (L,), False),
        ("cn=LEAF , o = example ,C=us", (L,), True),
        ("CN=a,O=Example\\, Inc.", ('CN=a,O="Example, Inc."',), True),
        ("CN=straße", ("CN=STRASSE",), True),
        ("DC=EXAMPLE", ("DC=example",), False),
        ("\n\tCN=leaf, O=Example,\n\tC=US\n", (L,), True),
    ],
)
def test_patterns(pattern: str, chain: tuple[str, ...], expected: bool) -> None:
    assert matches(pattern, chain) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        "", " ", ";", f"{L};", f";{L}", f"{L};;{R}", f'"{L}"', "CN=a,O=Example, Inc.", "leaf", "CN=", "=x", "*x",
        "*O=x", f"{L};!", "CN=a+OU=b", "CN=#0403", "EMAILADDRESS=a@b", "1.2.3=x", 'CN=a"b', 'CN="a', "CN=a\\",
        "CN=a\\q", "CN=<a>", "DC=two words", "CN=\\ ",
    ],
)  # fmt: skip
def test_what_readers_could_take_differently_is_refused(pattern: str) -> None:
    with pytest.raises(DnError):
        parse_pattern(pattern)


def test_patterns_that_name_nobody() -> None:
    assert all(map(admits_anybody, ["*", "-", "*;-;*", "CN=*", "CN=*,O=*", "*,C=*"]))
    assert not any(map(admits_anybody, [L, f"*;{R}", "*,O=Example", f"-;{R}"]))


def test_subjects_that_need_no_escaping() -> None:
    assert unsafe_parts("CN=Bundle Signing,OU=R-D,O=Example Ltd.,C=US") == []
    for name in ("CN=a\\, b", "CN=ü", "CN=a+OU=b", "1.2.840.113549.1.9.1=#0403", "CN=a*", "CN=a\\;b", 'CN=a\\"'):
        assert unsafe_parts(name), name


@given(st.lists(st.sampled_from([L, I, R, "CN=*,O=Example,C=US", "*", "-"]), min_size=1, max_size=6))
@settings(max_examples=200)
def test_against_a_plain_recursion(elements: list[str]) -> None:
    def plain(rest: list[str], chain: tuple[str, ...]) -> bool:
        if not rest:
            return not chain
        head, *tail = rest
        if head == "-":
            return any(plain(tail, chain[taken:]) for taken in range(len(chain) + 1))
        if head == "*":
            return plain(tail, chain) or (bool(chain) and plain(tail, chain[1:]))
        fits = bool(chain) and (head == chain[0] or head.startswith("CN=*"))
        return fits and plain(tail, chain[1:])

    for chain in ((L,), (L, I), (L, I, R), (R, I, L)):
        assert matches(";".join(elements), chain) is plain(elements, chain)


@given(st.text(max_size=40))
@settings(max_examples=300)
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        parse_name(text)
        parse_pattern(text)
    except DnError:
        pass
