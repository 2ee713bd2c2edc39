"""The account files: what is read, what is refused, what is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.accounts.accounts import WIDTHS, AccountsError, Table, parse, render


@pytest.mark.parametrize(
    ("kind", "data", "complaint"),
    [
        ("passwd", b"root:x:0:0:root:/root\n", "line 1: 6 fields instead of 7"),
        ("passwd", b"root:x:0:0:root:/root:/bin/sh\nroot:x:0:0::/:/bin/sh\n", "line 2: root is there twice"),
        ("passwd", b"root:x:0:0:root:/root:/bin/sh\r\n", "line 1: control characters"),
        ("passwd", b"+::::::\n", "line 1: accounts from the network"),
        ("passwd", b":x:0:0:root:/root:/bin/sh\n", "line 1: no name"),
        ("passwd", b"root:x:zero:0:root:/root:/bin/sh\n", "an identity of root is not a number"),
        ("passwd", b"root:x::0:root:/root:/bin/sh\n", "an identity of root is not a number"),
        ("passwd", "root:x:\u0663:0:r:/root:/bin/sh\n".encode(), "an identity of root is not a number"),
        ("passwd", b"a:x:1:1::/:/bin/sh\nro\xffot:x:0:0:root:/root:/bin/sh\n", "line 2: not UTF-8"),
        ("shadow", b"root:*:1:2:3\n", "line 1: 5 fields instead of 9"),
        ("group", b"root:x:-1:\n", "an identity of root"),
        ("gshadow", b"root:*:\n", "line 1: 3 fields"),
    ],
)
def test_a_line_that_reads_otherwise_than_it_looks_is_refused(kind: str, data: bytes, complaint: str) -> None:
    with pytest.raises(AccountsError, match=complaint):
        parse(kind, data)


def test_a_hash_is_never_shown() -> None:
    with pytest.raises(AccountsError) as caught:
        parse("shadow", b"root:$6$secret$secret:1\n")
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(parse("shadow", b"root:$6$secret$secret:1:0:99999:7:::\n"))


_FIELD = st.text(st.characters(min_codepoint=33, max_codepoint=0x24F, exclude_characters=":"), min_size=1, max_size=8)


_NUMBERS = {"passwd": (2, 3), "group": (2,), "shadow": (), "gshadow": ()}


@given(st.data(), st.sampled_from(sorted(WIDTHS)))
def test_what_is_written_reads_the_same(data: st.DataObject, kind: str) -> None:
    names = data.draw(st.lists(_FIELD.filter(lambda name: name[0] not in "+-" and name.isprintable()), unique=True))
    other = _FIELD.filter(str.isprintable)
    number = st.integers(0, 2**32 - 2).map(str)
    rows = [
        (name, *(data.draw(number if place in _NUMBERS[kind] else other) for place in range(1, WIDTHS[kind])))
        for name in names
    ]
    table = Table(kind, tuple(rows))
    assert parse(kind, render(table)) == table
    assert render(parse(kind, render(table))) == render(table)


@pytest.mark.parametrize("value", ["a:b", "a\nb", "a\0b"])
def test_a_value_that_would_break_the_file_is_not_written(value: str) -> None:
    with pytest.raises(ValueError, match="not a row of group"):
        Table("group", ()).put(("name", "x", "1", value))


@given(st.binary(max_size=200), st.sampled_from(sorted(WIDTHS)))
def test_no_bytes_make_the_reader_crash(data: bytes, kind: str) -> None:
    try:
        table = parse(kind, data)
    except AccountsError:
        return
    assert parse(kind, render(table)) == table
