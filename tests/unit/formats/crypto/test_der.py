"""DER as signature blocks need it: what is written reads back, what is cut short says so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.crypto import der


@given(st.integers(-(2**200), 2**200))
def test_integers_come_back_in_their_shortest_form(value: int) -> None:
    body = der.only(der.integer(value), der.INTEGER)
    assert der.number(body) == value
    assert len(body) == 1 or body[0] not in (0, 0xFF) or (body[0] ^ body[1]) & 0x80


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_elements_come_back(bodies: list[bytes]) -> None:
    data = der.element(der.SEQUENCE, *(der.element(der.OCTETS, body) for body in bodies))
    assert [body for _, body, _ in der.items(der.only(data, der.SEQUENCE))] == bodies
    assert b"".join(raw for _, _, raw in der.items(data)) == data


@given(st.binary(max_size=40))
def test_anything_is_read_or_refused(data: bytes) -> None:
    try:
        assert b"".join(raw for _, _, raw in der.items(data)) == data
    except der.DerError:
        return


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x30", "middle"),
        (b"\x30\x05ab", "middle"),
        (b"\x30\x80\x00\x00", "indefinite"),
        (b"\x30\x85\x00\x00\x00\x00\x01a", "oversized"),
        (b"\x1f\x01\x00", "middle"),
        (b"", "ends where more"),
        (b"\x04\x00", "not where it should be"),
        (b"\x30\x00\x30\x00", "bytes follow"),
    ],
)
def test_what_is_malformed_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(der.DerError, match=reason):
        der.only(data, der.SEQUENCE)
