"""What was seen of a running gateway; values, so that judging them needs no machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.boottest.console_log import ConsoleLog
from pipeline.boottest.inside import Inside
from pipeline.boottest.surroundings import Vantage
from pipeline.boottest.wire import Answer


@dataclass(frozen=True)
class Knocked:
    """What came back to one place; no answers when nothing at all did, not even from the SSH port."""

    vantage: Vantage
    answers: Mapping[int, Answer]


@dataclass(frozen=True)
class Login:
    """How the SSH server turned somebody away, or not.

    Attributes:
        entered: somebody got in.
        methods: by which the server would let people in, as it says itself; empty when it said nothing.
        said: the client's last line, for people.
    """

    entered: bool
    methods: tuple[str, ...]
    said: str = ""


@dataclass(frozen=True)
class Observed:
    """Everything that was seen.

    Attributes:
        came_up: something of it answered or asked for a name.
        banner: of the SSH server, empty when it did not answer.
        host_keys: that the server showed.
        here: interfaces that answered for their address.
        multicast: it spoke on mDNS's port.
        root: somebody tried to be root, with the user's key where there is one.
        stranger: a user of the release was tried without a key.
        inside: None when nobody was to log in, or could.
        machine_id: of the image; what runs must have the same.
        login: of the user with the key; None when there is no key.
    """

    console: ConsoleLog
    came_up: bool
    banner: str
    host_keys: frozenset[str] = frozenset()
    here: frozenset[str] = frozenset()
    knocked: tuple[Knocked, ...] = ()
    multicast: bool = False
    root: Login | None = None
    stranger: Login | None = None
    login: Login | None = None
    inside: Inside | None = None
    machine_id: str = field(default="", repr=False)
