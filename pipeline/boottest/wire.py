"""The other end of a gateway's network cable: machines of any address that knock at its ports and note what comes back.

What the gateway answers is judged by packets and not by connections: a refusal (RST) shows that the firewall lets a
packet in though nobody listens, silence shows that it does not.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from functools import partial
from ipaddress import IPv4Address

from pipeline.boottest import packets
from pipeline.boottest.packets import ACK, RST, SYN, TCP, UDP, Arp, Frame, Segment, Unreachable

_GROUP = IPv4Address("224.0.0.251")
_MDNS = 5353
# Which services are there? (RFC 6763 section 9, RFC 6762)
_QUESTION = b"\0\0\0\0\0\x01\0\0\0\0\0\0" + b"\x09_services\x07_dns-sd\x04_udp\x05local\0" + b"\0\x0c\0\x01"
_FIRST_PORT = 20000  # of those we knock from; each knock has its own
_AGAIN = 2.0  # seconds after which an unanswered question is put again
_AFTER = 1.0  # seconds that an answer may take longer than that of a knock made after it


class Answer(StrEnum):
    """What came back from a port."""

    OPEN = "open"
    REFUSED = "refused"  # let in, and nobody listens
    REJECTED = "rejected"  # told by ICMP that it is not let in
    SILENT = "silent"


class Wire:
    """Machines at the end of one cable; all have one hardware address."""

    def __init__(self, number: int, theirs: bytes, quiet: Collection[IPv4Address]) -> None:
        """Make the cable.

        Args:
            theirs: the gateway's hardware address.
            quiet: addresses somebody else on this network answers for.
        """
        ours, self.far_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket = ours
        self._mac = bytes((0x02, 0, 0, 0, 0, number))
        self._theirs = theirs
        self._quiet = frozenset(quiet)
        self._news = threading.Condition()
        self._seen: list[Frame] = []
        self._next_port = _FIRST_PORT
        self._thread = threading.Thread(target=self._listen, name=f"wire {number}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Pull the cable out."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()
        self.far_end.close()

    def is_there(self, address: IPv4Address, asker: IPv4Address, patience: float) -> bool:
        """Whether the gateway answers for an address at all (ARP, which no firewall of IP keeps back)."""
        question = packets.arp(Arp(request=True, sender_mac=self._mac, sender=asker, target=address))
        deadline = time.monotonic() + patience
        while (left := deadline - time.monotonic()) > 0:
            if self._wait_for(partial(_answers_for, address=address), self._put(question), min(left, _AGAIN)):
                return True
        return False

    def knock(
        self,
        address: IPv4Address,
        source: IPv4Address,
        ports: Sequence[int],
        *,
        last: int,
        rounds: int = 3,
        patience: float = 20.0,
    ) -> Mapping[int, Answer]:
        """Try TCP ports from one address; a port is silent when it was in each round in which `last` was not.

        Args:
            last: the port tried after all others. Once it has answered, the others have had their time too, however
                slow the machine is.
            patience: seconds for `last` to answer.
        """
        found: dict[int, Answer] = {}
        for _ in range(rounds):
            asked: dict[int, int] = {}
            with self._news:
                start = len(self._seen)
            for port in (*(port for port in ports if port not in found), last):
                asked[self._next_port] = port
                self._put(packets.syn(Segment(self._mac, TCP, source, self._next_port, address, port), self._theirs))
                self._next_port += 1
            if self._wait_for(partial(_is_answer, source=source, port=self._next_port - 1), start, patience):
                time.sleep(_AFTER)
            for sport, port in asked.items():
                answer = self._answered(source, sport, start)
                if answer is not None:
                    found[port] = answer
            if all(port in found for port in (*ports, last)):
                break
        return {port: found.get(port, Answer.SILENT) for port in (*ports, last)}

    def multicast_answers(self, source: IPv4Address, patience: float) -> bool:
        """Whether the gateway says anything on mDNS's port, asked or by itself since it was started."""
        question = Segment(self._mac, UDP, source, _MDNS, _GROUP, _MDNS)
        self._put(packets.datagram(question, packets.multicast_mac(_GROUP), _QUESTION))
        return self._wait_for(lambda frame: isinstance(frame, Segment) and _is_mdns(frame), 0, patience)

    def _answered(self, source: IPv4Address, port: int, start: int) -> Answer | None:
        with self._news:
            answers = (_answer(frame, source, port) for frame in self._seen[start:])
            return next((answer for answer in answers if answer is not None), None)

    def _put(self, frame: bytes) -> int:
        """Send; returns how much had been seen before."""
        with self._news:
            start = len(self._seen)
        self._socket.send(frame)
        return start

    def _wait_for(self, wanted: Callable[[Frame], bool], start: int, patience: float) -> bool:
        deadline = time.monotonic() + patience
        with self._news:
            while not any(wanted(frame) for frame in self._seen[start:]):
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._news.wait(left)
        return True

    def _listen(self) -> None:
        while content := self._receive():
            # Frames of others on this network, such as QEMU's own, are none of the gateway's.
            if content[6:12] != self._theirs:
                continue
            frame = packets.parse(content)
            if frame is None:
                continue
            if isinstance(frame, Arp) and frame.request:
                self._answer_for_everybody(frame)
            with self._news:
                self._seen.append(frame)
                self._news.notify_all()

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(65536)
        except OSError:
            return b""

    def _answer_for_everybody(self, question: Arp) -> None:
        """All addresses lie here, routers too, but for those the gateway is only about to take or has."""
        nobody = IPv4Address(0)
        if question.sender in (nobody, question.target) or question.target in self._quiet:
            return
        answer = Arp(request=False, sender_mac=self._mac, sender=question.target, target=question.sender)
        self._socket.send(packets.arp(answer, self._theirs, target_mac=self._theirs))


def _answer(frame: Frame, source: IPv4Address, port: int) -> Answer | None:
    """What a frame says about the knock that was made from an address and port."""
    if isinstance(frame, Unreachable):
        about = frame.about
        return Answer.REJECTED if (about.source, about.sport) == (source, port) else None
    if not isinstance(frame, Segment) or frame.protocol != TCP or (frame.destination, frame.dport) != (source, port):
        return None
    if frame.flags & RST:
        return Answer.REFUSED
    return Answer.OPEN if frame.flags & (SYN | ACK) == SYN | ACK else None


def _answers_for(frame: Frame, address: IPv4Address) -> bool:
    return isinstance(frame, Arp) and not frame.request and frame.sender == address


def _is_answer(frame: Frame, source: IPv4Address, port: int) -> bool:
    return _answer(frame, source, port) is not None


def _is_mdns(segment: Segment) -> bool:
    return segment.protocol == UDP and segment.sport == _MDNS
