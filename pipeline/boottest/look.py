"""A look at a running gateway: its SSH server, its ports from every side, and from within if somebody may log in."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.boottest import ssh
from pipeline.boottest.console_log import ConsoleLog, read_console
from pipeline.boottest.expectations import Expected
from pipeline.boottest.inside import Inside, read_answers, script
from pipeline.boottest.observation import Knocked, Login, Observed
from pipeline.boottest.surroundings import Surrounding, Vantage
from pipeline.boottest.wire import Answer, Wire
from pipeline.errors import PipelineError
from pipeline.image.boot.guest import Guest

Say = Callable[[str], None]

_PROMPT = 60.0  # seconds that a login prompt may come later than SSH
_TICK = 2.0


@dataclass(frozen=True)
class Options:
    """How to test.

    Attributes:
        allowed_signers: the public keys whose signatures count, as for `doit verify`.
        user / key: who logs in to look inside; no key, no look inside.
        kernel: of this machine; None lets the image choose.
        memory: MiB.
        patience: seconds until the gateway has to answer; everything else follows from it.
        kvm: whether KVM works here.
        log: directory for the consoles' text, private; None keeps none.
    """

    allowed_signers: Path
    user: str = ""
    key: Path | None = None
    kernel: Path | None = None
    memory: int = 512
    patience: float = 900.0
    kvm: bool = False
    log: Path | None = None


def look(
    guest: Guest,
    expected: Expected,
    around: Sequence[Surrounding],
    wires: Sequence[Wire],
    options: Options,
    scratch: Path,
    say: Say,
) -> Observed:
    banner = _come_up(guest, expected.ssh_port, options.patience)
    if not banner and read_console(guest.console).host_name is None:
        return Observed(read_console(guest.console), came_up=False, banner="")
    each = min(max(options.patience / 10, 20), 120) if banner else 10  # seconds for a single answer
    keys: frozenset[str] = frozenset()
    root = stranger = login = inside = None
    if banner:
        say(f"{expected.gateway}: its SSH server")
        port = guest.port(expected.ssh_port)
        keys = ssh.host_keys(port, each)
        where = ssh.server(port, expected.host_keys, scratch, each)
        stranger, _ = ssh.log_in(where, next((user.name for user in expected.users), "nobody"), None)
        root, _ = ssh.log_in(where, "root", options.key)
        login, inside = _inside(where, expected, options)
    say(f"{expected.gateway}: knocking at its ports")
    here, knocked = _knock(expected, around, wires, each)
    multicast = any(wire.multicast_answers(one.vantages[0].source, 5) for one, wire in zip(around, wires, strict=True))
    return Observed(
        console=_with_prompt(guest),
        came_up=True,
        banner=banner,
        host_keys=keys,
        here=here,
        knocked=knocked,
        multicast=multicast,
        root=root,
        stranger=stranger,
        login=login,
        inside=inside,
    )


def _come_up(guest: Guest, port: int, patience: float) -> str:
    """The SSH server's first line, or nothing when it has not answered in time or the system cannot go on."""
    deadline = time.monotonic() + patience
    prompted = 0.0
    while (now := time.monotonic()) < deadline:
        try:
            return guest.wait_for_banner(port, _TICK * 5)
        except PipelineError:
            console = read_console(guest.console)
        if console.panic or guest.stopped:
            break
        # SSH starts about when the console asks for a name; a minute more, and as much again of what it took so far.
        prompted = prompted or (now if console.host_name is not None else 0.0)
        if prompted and now - prompted > max(_PROMPT, (deadline - now) / 4):
            break
    return ""


def _with_prompt(guest: Guest) -> ConsoleLog:
    with suppress(PipelineError):  # not every image has a prompt on its serial line
        guest.wait_for(r"^\S+ login:", _PROMPT)
    return read_console(guest.console)


def _inside(where: ssh.Server, expected: Expected, options: Options) -> tuple[Login | None, Inside | None]:
    if options.key is None:
        return None, None
    user = options.user or next((user.name for user in expected.users if user.keys), "")
    login, text = ssh.log_in(where, user, options.key, script(expected.disabled))
    return login, read_answers(text) if login.entered else None


def _knock(
    expected: Expected, around: Sequence[Surrounding], wires: Sequence[Wire], patience: float
) -> tuple[frozenset[str], tuple[Knocked, ...]]:
    """Try every port from every place from which the gateway can be reached at all."""
    here = set()
    found = []
    for one, wire in zip(around, wires, strict=True):
        if not wire.is_there(one.place.address, one.vantages[0].source, min(patience, 20)):
            continue
        here.add(one.name)
        for vantage in one.vantages:
            answers = _from(vantage, one, wire, expected, patience)
            if answers:
                found.append(Knocked(vantage, answers))
    return frozenset(here), tuple(found)


def _from(vantage: Vantage, one: Surrounding, wire: Wire, expected: Expected, patience: float) -> Mapping[int, Answer]:
    """The answers to one place; none when the gateway has no way to answer there."""
    port, address = expected.ssh_port, one.place.address
    if not vantage.on_link:
        there = wire.knock(address, vantage.source, (), last=port, rounds=2, patience=min(patience, 5))
        if there[port] is Answer.SILENT:
            return {}
    return wire.knock(address, vantage.source, expected.knocks, last=port, patience=patience)
