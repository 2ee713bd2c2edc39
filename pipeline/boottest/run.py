"""A boot test from end to end: whose image it is, a throw-away copy of it running, a look at it, a verdict."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.boottest import peek
from pipeline.boottest.expectations import Expected, expected_of
from pipeline.boottest.judging import judge, not_asked, noticed
from pipeline.boottest.kernels import kernel_for, require_x86_64
from pipeline.boottest.look import Options, look
from pipeline.boottest.observation import Knocked, Observed
from pipeline.boottest.surroundings import Surrounding, surroundings
from pipeline.boottest.wire import Wire
from pipeline.errors import PipelineError
from pipeline.host.scratch import temporary_directory
from pipeline.image.boot.boot import boot
from pipeline.image.boot.guest_network import Nic, mac_address, own_addresses
from pipeline.image.containers import sparse
from pipeline.image.containers.prepare import prepare_raw
from pipeline.manifest import from_bytes
from pipeline.model.manifest import Manifest
from pipeline.model.verdict import Finding, Outcome, Verdict
from pipeline.verification.delivery import COMPRESSED, MANIFEST, Delivery
from pipeline.verification.trust import read_signed

Say = Callable[[str], None]

_INTERFACES = "/etc/network/interfaces"
_MACHINE_ID = "/etc/machine-id"


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
        with temporary_directory("boottest-") as scratch:
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
                observed = look(guest, expected, around, wires, options, scratch, say)
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
