"""Frames against the bytes of the RFCs, read back, and damaged."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.boottest import packets
from pipeline.boottest.packets import TCP, UDP, Arp, Segment, Unreachable

OURS, THEIRS = bytes.fromhex("020000000001"), bytes.fromhex("525400123456")
HERE, THERE = IPv4Address("192.0.2.1"), IPv4Address("198.51.100.2")


def ones(data: bytes) -> int:
    """The sum over a part with its check sum in it: all ones when it is right (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    return (total & 0xFFFF) + (total >> 16)


def test_a_question_for_an_address() -> None:
    frame = packets.arp(Arp(request=True, sender_mac=OURS, sender=HERE, target=THERE))
    assert frame[:42].hex() == (
        "ffffffffffff" "020000000001" "0806" "0001" "0800" "06" "04" "0001"
        "020000000001" "c0000201" "000000000000" "c6336402"
    )  # fmt: skip
    assert len(frame) == 60
    assert packets.parse(frame) == Arp(request=True, sender_mac=OURS, sender=HERE, target=THERE)


@pytest.mark.parametrize("protocol", [TCP, UDP])
@given(sport=st.integers(1, 65535), dport=st.integers(1, 65535), content=st.binary(max_size=60))
def test_segments_are_read_back_and_add_up(protocol: int, sport: int, dport: int, content: bytes) -> None:
    segment = Segment(OURS, protocol, HERE, sport, THERE, dport)
    frame = packets.syn(segment, THEIRS) if protocol == TCP else packets.datagram(segment, THEIRS, content)
    read = packets.parse(frame)
    assert isinstance(read, Segment)
    assert (read.source, read.sport, read.destination, read.dport) == (HERE, sport, THERE, dport)
    assert read.flags == (packets.SYN if protocol == TCP else 0)
    length = struct.unpack_from("!H", frame, 16)[0]
    head, body = frame[14:34], frame[34 : 14 + length]
    assert ones(head) == 0xFFFF
    assert ones(HERE.packed + THERE.packed + struct.pack("!BBH", 0, protocol, len(body)) + body) == 0xFFFF


def test_unreachable_tells_what_it_is_about() -> None:
    asked = packets.syn(Segment(OURS, TCP, HERE, 20000, THERE, 22), THEIRS)
    body = bytes([3, 13, 0, 0, 0, 0, 0, 0]) + asked[14:42]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, 1, 0) + THERE.packed + HERE.packed
    read = packets.parse(OURS + THEIRS + b"\x08\x00" + head + body)
    assert isinstance(read, Unreachable)
    assert (read.about.source, read.about.sport, read.about.dport) == (HERE, 20000, 22)


@given(st.binary(max_size=80))
def test_anything_may_come(content: bytes) -> None:
    packets.parse(content)
    for kind in (b"\x08\x00", b"\x08\x06"):
        packets.parse(OURS + THEIRS + kind + content)


def test_what_is_not_looked_at_is_nothing() -> None:
    segment = packets.syn(Segment(OURS, TCP, HERE, 1, THERE, 2), THEIRS)
    assert packets.parse(segment[:30]) is None
    assert packets.parse(segment[:12] + b"\x86\xdd" + segment[14:]) is None
    assert packets.parse(segment[:23] + b"\x2f" + segment[24:]) is None
    assert packets.parse(segment[:20] + b"\x00\x01" + segment[22:]) is None  # a later fragment
    assert packets.multicast_mac(IPv4Address("224.0.0.251")).hex() == "01005e0000fb"
