"""Frames as they pass on an Ethernet: as much of ARP, IPv4, TCP, UDP and ICMP as a look at a firewall needs."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

BROADCAST = b"\xff" * 6
SYN, RST, ACK = 0x02, 0x04, 0x10
TCP, UDP, ICMP = 6, 17, 1

_ARP, _IPV4 = 0x0806, 0x0800
_SHORTEST = 60  # bytes of a frame without its check sum
_UNREACHABLE = 3  # of ICMP


@dataclass(frozen=True)
class Arp:
    """A question who has an address (``request``), or the answer."""

    request: bool
    sender_mac: bytes
    sender: IPv4Address
    target: IPv4Address


@dataclass(frozen=True)
class Segment:
    """The head of a TCP segment or UDP datagram."""

    mac: bytes
    protocol: int
    source: IPv4Address
    sport: int
    destination: IPv4Address
    dport: int
    flags: int = 0


@dataclass(frozen=True)
class Unreachable:
    """ICMP's answer to a segment: nobody is there, or it is not let in."""

    about: Segment


Frame = Arp | Segment | Unreachable


def arp(question: Arp, destination: bytes = BROADCAST, *, target_mac: bytes = bytes(6)) -> bytes:
    """A frame with an ARP question or answer (RFC 826)."""
    body = struct.pack("!HHBBH", 1, _IPV4, 6, 4, 1 if question.request else 2)
    body += question.sender_mac + question.sender.packed + target_mac + question.target.packed
    return _frame(destination, question.sender_mac, _ARP, body)


def syn(segment: Segment, destination: bytes) -> bytes:
    """A frame with the first segment of a TCP connection (RFC 9293)."""
    head = struct.pack("!HHIIBBHHH", segment.sport, segment.dport, segment.sport << 16, 0, 5 << 4, SYN, 64240, 0, 0)
    total = _sum(_pseudo(segment, len(head)) + head)
    return _ip_frame(segment, destination, head[:16] + struct.pack("!H", total) + head[18:])


def datagram(segment: Segment, destination: bytes, content: bytes) -> bytes:
    """A frame with a UDP datagram (RFC 768)."""
    body = struct.pack("!HHHH", segment.sport, segment.dport, 8 + len(content), 0) + content
    total = _sum(_pseudo(segment, len(body)) + body) or 0xFFFF
    return _ip_frame(segment, destination, body[:6] + struct.pack("!H", total) + content)


def parse(frame: bytes) -> Frame | None:
    """What a frame says; None for everything that is not looked at, damaged frames too."""
    try:
        (kind,) = struct.unpack_from("!H", frame, 12)
        if kind == _ARP:
            return _parse_arp(frame)
        return _parse_ip(frame[6:12], frame[14:]) if kind == _IPV4 else None
    except (struct.error, ValueError):  # cut off
        return None


def multicast_mac(address: IPv4Address) -> bytes:
    """The hardware address of a group (RFC 1112)."""
    return b"\x01\x00\x5e" + bytes([address.packed[1] & 0x7F]) + address.packed[2:]


def _parse_arp(frame: bytes) -> Arp | None:
    hardware, protocol, _, _, operation = struct.unpack_from("!HHBBH", frame, 14)
    if (hardware, protocol) != (1, _IPV4) or operation not in (1, 2):
        return None
    return Arp(operation == 1, frame[22:28], IPv4Address(frame[28:32]), IPv4Address(frame[38:42]))


def _parse_ip(mac: bytes, packet: bytes) -> Segment | Unreachable | None:
    head = (packet[0] & 0x0F) * 4 if packet else 0
    (fragment,) = struct.unpack_from("!H", packet, 6)
    if head < 20 or packet[0] >> 4 != 4 or fragment & 0x1FFF:
        return None
    protocol, rest = packet[9], packet[head:]
    source, destination = IPv4Address(packet[12:16]), IPv4Address(packet[16:20])
    if protocol == ICMP:
        if rest[0:1] != bytes([_UNREACHABLE]):
            return None
        about = _parse_ip(b"", rest[8:])
        return Unreachable(about) if isinstance(about, Segment) else None
    if protocol not in (TCP, UDP):
        return None
    sport, dport = struct.unpack_from("!HH", rest)
    flags = rest[13] if protocol == TCP and len(rest) > 13 else 0
    return Segment(mac, protocol, source, sport, destination, dport, flags)


def _ip_frame(segment: Segment, destination: bytes, body: bytes) -> bytes:
    parts = (0x45, 0, 20 + len(body), 0, 0, 64, segment.protocol)
    addresses = segment.source.packed + segment.destination.packed
    head = struct.pack("!BBHHHBBH", *parts, 0) + addresses
    head = struct.pack("!BBHHHBBH", *parts, _sum(head)) + addresses
    return _frame(destination, segment.mac, _IPV4, head + body)


def _pseudo(segment: Segment, length: int) -> bytes:
    return segment.source.packed + segment.destination.packed + struct.pack("!BBH", 0, segment.protocol, length)


def _frame(destination: bytes, source: bytes, kind: int, body: bytes) -> bytes:
    return (destination + source + struct.pack("!H", kind) + body).ljust(_SHORTEST, b"\0")


def _sum(data: bytes) -> int:
    """The Internet's check sum (RFC 1071)."""
    words = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(words) // 2}H", words))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
