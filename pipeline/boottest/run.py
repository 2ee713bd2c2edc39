"""A boot test from end to end: whose image it is, a throw-away copy of it running, a look at it, a verdict."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.boottest import peek, ssh
from pipeline.boottest.console_log import ConsoleLog, read_console
from pipeline.boottest.expectations import Expected, expected_of
from pipeline.boottest.inside import Inside, read_answers, script
from pipeline.boottest.judging import judge, not_asked, noticed
from pipeline.boottest.kernels import kernel_for, require_x86_64
from pipeline.boottest.observation import Knocked, Login, Observed
from pipeline.boottest.surroundings import Surrounding, Vantage, surroundings
from pipeline.boottest.wire import Answer, Wire
from pipeline.errors import PipelineError
from pipeline.image import sparse
from pipeline.image.boot import boot
from pipeline.image.guest import Guest
from pipeline.image.guest_network import Nic, mac_address, own_addresses
from pipeline.image.prepare import prepare_raw
from pipeline.manifest import from_bytes
from pipeline.model.manifest import Manifest
from pipeline.model.verdict import Finding, Outcome, Verdict
from pipeline.verification.delivery import COMPRESSED, MANIFEST, Delivery
from pipeline.verification.trust import read_signed

Say = Callable[[str], None]

_INTERFACES = "/etc/network/interfaces"
_MACHINE_ID = "/etc/machine-id"
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


@dataclass(frozen=True)
class Trial:
    """One gateway's verdict.

    Attributes:
        left: what could not be asked by the nature of the run.
        noticed: what people should know though no promise speaks of it.
        ran: how it ran, in words.
        knocked: what every port said to whom.
    """

    verdict: Verdict
    left: tuple[str, ...] = ()
    noticed: tuple[str, ...] = ()
    ran: str = ""
    knocked: tuple[Knocked, ...] = ()


def try_delivery(delivery: Delivery, options: Options, say: Say) -> Trial:
    """Start one gateway's image and judge it; nothing that belongs to the release is written to."""
    signed = read_signed(delivery, options.allowed_signers, None)
    if signed.content is None:
        return Trial(Verdict(delivery.name, signed.findings, ()))
    try:
        manifest = from_bytes(signed.content, name=MANIFEST)
        expected = expected_of(manifest)
        with tempfile.TemporaryDirectory(prefix="boottest-") as scratch:
            return _test(delivery, manifest, expected, options, Path(scratch), say)
    except PipelineError as error:
        findings = tuple(Finding("image", "boot", "", problem.what, Outcome.NOT_LOOKED) for problem in error.problems)
        return Trial(Verdict(delivery.name, findings, (signed.check,)))


def _test(
    delivery: Delivery, manifest: Manifest, expected: Expected, options: Options, scratch: Path, say: Say
) -> Trial:
    image = delivery.image
    if image is None:
        raise PipelineError(f"{delivery.name}: no image beside the manifest", "name a directory that has one")
    say(f"{expected.gateway}: digest of the image")
    compressed = image.suffix in COMPRESSED
    raw = scratch / "image.img" if compressed else image
    digest = prepare_raw(image, raw, say) if compressed else _sha256(image)
    if digest != manifest.image.sha256:
        wrong = Finding(image.name, "image", manifest.image.sha256, digest)
        return Trial(Verdict(expected.gateway, (wrong,), ()))
    started = time.monotonic()
    observed, kernel = _observe(raw, manifest, expected, options, scratch, say)
    ran = f"{'KVM' if options.kvm else 'TCG'}, {time.monotonic() - started:.0f} s, {kernel}"
    verdict = judge(expected, observed)
    if not compressed and _sha256(image) != digest:
        changed = Finding(image.name, "unchanged", digest, "changed while it was tested")
        verdict = replace(verdict, findings=(*verdict.findings, changed))
    return Trial(verdict, not_asked(expected, observed), noticed(expected, observed), ran, observed.knocked)


def _observe(
    raw: Path, manifest: Manifest, expected: Expected, options: Options, scratch: Path, say: Say
) -> tuple[Observed, str]:
    disk, tree = manifest.disk, manifest.tree
    require_x86_64(tree)
    kernel, whose = kernel_for(raw, disk, tree, options.kernel, scratch)
    around = surroundings(peek.read_text(raw, disk, tree, _INTERFACES), tree.nodes, expected.addresses, expected.vpn)
    say(f"{expected.gateway}: starting it with {whose}, {'KVM' if options.kvm else 'TCG'}")
    with _wires(around) as wires:
        nics = [Nic(one.place, wire.far_end) for one, wire in zip(around, wires, strict=True)]
        given = {one.name: one.given for one in around if one.given is not None}
        with boot(
            raw,
            ports=(expected.ssh_port,),
            root=peek.device_of(disk),
            filesystem=peek.root_partition(disk).filesystem,
            nics=nics,
            given=given,
            kernel=kernel,
            memory=options.memory,
            kvm=options.kvm,
        ) as guest:
            try:
                observed = _look(guest, expected, around, wires, options, scratch, say)
            finally:
                if options.log is not None:
                    _keep_log(options.log, expected.gateway, guest.console)
    return replace(observed, machine_id=(peek.read_text(raw, disk, tree, _MACHINE_ID) or "").strip()), whose


@contextmanager
def _wires(around: Sequence[Surrounding]) -> Iterator[list[Wire]]:
    with ExitStack() as stack:
        wires = []
        for number, one in enumerate(around):
            wire = Wire(number, bytes.fromhex(mac_address(number).replace(":", "")), own_addresses(one.place))
            stack.callback(wire.close)
            wires.append(wire)
        yield wires


def _look(
    guest: Guest,
    expected: Expected,
    around: Sequence[Surrounding],
    wires: Sequence[Wire],
    options: Options,
    scratch: Path,
    say: Say,
) -> Observed:
    banner = _come_up(guest, expected.ssh_port, options.patience)
    console = read_console(guest.console)
    if not banner:
        return Observed(console, came_up=console.host_name is not None, banner="")
    each = min(max(options.patience / 10, 20), 120)  # seconds for a single answer
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


def _keep_log(place: Path, gateway: str, lines: Sequence[str]) -> None:
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = os.open(place / f"{gateway}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(target, "w", encoding="utf-8") as stream:
        stream.write("".join(f"{line}\n" for line in lines))


def _sha256(image: Path) -> str:
    digest = hashlib.sha256()
    with image.open("rb") as stream:
        for piece, _ in sparse.pieces(stream.fileno(), 0, os.fstat(stream.fileno()).st_size):
            digest.update(piece)
    return digest.hexdigest()
