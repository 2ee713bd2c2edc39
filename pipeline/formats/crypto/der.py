"""The little of DER (ITU-T X.690) that signature blocks, timestamps and keystores are made of, written and read.

Raw bytes on purpose: what is decoded and encoded again may differ, and signatures are over bytes.
"""

from __future__ import annotations

from collections.abc import Iterator

BOOLEAN, INTEGER, BIT_STRING, OCTETS, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
GENERALIZED_TIME, SEQUENCE, SET = 0x18, 0x30, 0x31
CONTEXT_0, CONTEXT_1 = 0xA0, 0xA1

_MOST_LENGTH_OCTETS = 4


class DerError(ValueError):
    """The bytes are not what was expected; one line that says how."""


def element(tag: int, *parts: bytes) -> bytes:
    """One element with its parts as body."""
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def integer(value: int) -> bytes:
    """An INTEGER in its shortest form."""
    size = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return element(INTEGER, value.to_bytes(size, "big", signed=True))


def number(body: bytes) -> int:
    """The value of an INTEGER's body."""
    return int.from_bytes(body, "big", signed=True)


def items(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Tag, body and raw bytes of each element; `DerError` where one is cut short or of indefinite length."""
    position = 0
    while position < len(data):
        header = position + 2
        if header > len(data):
            raise DerError("it ends in the middle of an element")
        tag, length = data[position], data[position + 1]
        if length & 0x80:
            octets = length & 0x7F
            if not 1 <= octets <= _MOST_LENGTH_OCTETS:
                raise DerError("it uses indefinite or oversized lengths")
            length = int.from_bytes(data[header : header + octets], "big")
            header += octets
        if tag & 0x1F == 0x1F or header + length > len(data):
            raise DerError("it ends in the middle of an element")
        yield tag, data[header : header + length], data[position : header + length]
        position = header + length


def take(elements: Iterator[tuple[int, bytes, bytes]], tag: int) -> bytes:
    """The body of the next element, which must be there and have this tag."""
    found, body, _ = take_any(elements)
    if found != tag:
        raise DerError("a part of it is not where it should be")
    return body


def take_any(elements: Iterator[tuple[int, bytes, bytes]]) -> tuple[int, bytes, bytes]:
    """The next element, which must be there."""
    found = next(elements, None)
    if found is None:
        raise DerError("it ends where more was expected")
    return found


def only(data: bytes, tag: int) -> bytes:
    """The body of the one element that the data consists of."""
    elements = items(data)
    body = take(elements, tag)
    if next(elements, None) is not None:
        raise DerError("bytes follow its end")
    return body
