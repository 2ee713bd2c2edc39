"""Knocking at a gateway that is a thread of the test: open, closed, silent, rejecting, slow."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from ipaddress import IPv4Address

import pytest

from pipeline.boottest import packets, wire
from pipeline.boottest.packets import ACK, RST, SYN, TCP, UDP, Arp, Segment
from pipeline.boottest.wire import Answer, Wire

THEIRS = bytes.fromhex("525400123456")
GATEWAY, NEIGHBOUR, QUIET = IPv4Address("192.168.7.1"), IPv4Address("192.168.7.99"), IPv4Address("192.168.7.254")
SSH, REFUSED, REJECTED, DROPPED = 49153, 80, 443, 22


class Gateway:
    """What a gateway's kernel would do with frames."""

    def __init__(self, cable: Wire, *, alive: bool = True, chatty: bool = False) -> None:
        self.socket = cable.far_end
        self.asked: list[Arp] = []
        self.answered: list[Arp] = []
        self._alive, self._chatty = alive, chatty
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while frame := self.socket.recv(65536):
                if self._alive:
                    self._take(packets.parse(frame))

    def _take(self, frame: object) -> None:
        if isinstance(frame, Arp) and not frame.request:
            self.answered.append(frame)
        elif isinstance(frame, Arp) and frame.target == GATEWAY:
            self.asked.append(frame)
            answer = Arp(request=False, sender_mac=THEIRS, sender=GATEWAY, target=frame.sender)
            self.socket.send(packets.arp(answer, frame.sender_mac))
        elif isinstance(frame, Segment) and frame.protocol == UDP and self._chatty:
            answer = Segment(THEIRS, UDP, GATEWAY, 5353, frame.destination, 5353)
            self.socket.send(packets.datagram(answer, frame.mac, b"hello"))
        elif isinstance(frame, Segment) and frame.protocol == TCP:
            self._answer(frame)

    def _answer(self, frame: Segment) -> None:
        back = Segment(THEIRS, TCP, frame.destination, frame.dport, frame.source, frame.sport)
        whole = bytearray(packets.syn(back, frame.mac))
        if frame.dport in (SSH, REFUSED):
            whole[14 + 20 + 13] = SYN | ACK if frame.dport == SSH else RST | ACK
            self.socket.send(whole)
        elif frame.dport == REJECTED:
            inner = packets.syn(frame, THEIRS)[14:42]
            head = whole[14:34]
            head[9] = 1
            self.socket.send(bytes(whole[:14]) + bytes(head) + bytes([3, 13, 0, 0, 0, 0, 0, 0]) + inner)

    def ask(self, target: IPv4Address, sender: IPv4Address = GATEWAY) -> None:
        self.socket.send(packets.arp(Arp(request=True, sender_mac=THEIRS, sender=sender, target=target)))


@pytest.fixture
def cable(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    monkeypatch.setattr(wire, "_AFTER", 0.02)
    one = Wire(1, THEIRS, (QUIET,))
    yield one
    one.close()


def test_every_kind_of_answer(cable: Wire) -> None:
    Gateway(cable)
    found = cable.knock(GATEWAY, NEIGHBOUR, (REFUSED, REJECTED, DROPPED), last=SSH, patience=5)
    assert found == {
        SSH: Answer.OPEN,
        REFUSED: Answer.REFUSED,
        REJECTED: Answer.REJECTED,
        DROPPED: Answer.SILENT,
    }


def test_who_is_not_there_is_silent(cable: Wire) -> None:
    Gateway(cable, alive=False)
    assert not cable.is_there(GATEWAY, NEIGHBOUR, 0.05)
    assert cable.knock(GATEWAY, NEIGHBOUR, (), last=SSH, rounds=2, patience=0.05) == {SSH: Answer.SILENT}


def test_a_gateway_answers_for_its_address(cable: Wire) -> None:
    gateway = Gateway(cable)
    assert cable.is_there(GATEWAY, NEIGHBOUR, 5)
    assert gateway.asked[0].sender == NEIGHBOUR


def test_all_addresses_lie_at_the_wire_but_those_of_others(cable: Wire) -> None:
    gateway = Gateway(cable)
    for target, sender in ((QUIET, GATEWAY), (GATEWAY, GATEWAY), (NEIGHBOUR, IPv4Address(0)), (NEIGHBOUR, GATEWAY)):
        gateway.ask(target, sender)
    # Frames keep their order: once these are answered, those before them have been looked at, on both sides.
    assert cable.is_there(GATEWAY, NEIGHBOUR, 5)
    assert cable.is_there(GATEWAY, NEIGHBOUR, 5)
    assert [answer.sender for answer in gateway.answered] == [NEIGHBOUR]


def test_frames_of_others_on_the_network_do_not_count(cable: Wire) -> None:
    stranger = bytes.fromhex("525500000001")
    answer = Arp(request=False, sender_mac=stranger, sender=GATEWAY, target=NEIGHBOUR)
    frame = packets.arp(answer, stranger)
    cable.far_end.send(frame)
    assert not cable.is_there(GATEWAY, NEIGHBOUR, 0.05)


@pytest.mark.parametrize("chatty", [True, False])
def test_who_speaks_on_the_port_of_mdns_is_heard(cable: Wire, chatty: bool) -> None:
    Gateway(cable, chatty=chatty)
    assert cable.multicast_answers(NEIGHBOUR, 5 if chatty else 0.1) is chatty
