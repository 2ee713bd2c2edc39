"""A small workspace whose builds change the disk as real ones do, in well under a second.

Real: holding and sweeping the workspace, records, digests, candidates, the base's and the stamping step's order of
writes, block maps, bills, statements and signatures, verification of files, publishing, reports, sums, the statement.
Stand-ins: what the planner and the rules say, and libguestfs (`tests.support.delivered.Looker`).
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from pipeline.build import base, publishing, reading, signing, stamping
from pipeline.build.checks import comparing
from pipeline.commands import holding
from pipeline.host import durable, locks
from pipeline.host.digests import key_of
from pipeline.host.scratch import scratch_directory
from pipeline.host.workspace import Workspace
from pipeline.image.write.repeatable import Written
from pipeline.model.layer import Origin
from pipeline.model.outside.sidecar import Sidecar
from pipeline.verification import verify_paths
from tests.support.delivered import Looker, image_bytes
from tests.support.keys.signing_workspace import signing_workspace
from tests.support.manifest import UNIT, an_image, an_observation, manifest_inputs

GATEWAYS = ("gw-a", "gw-b")
RELEASE = "demo-1.0"
MARKER = b"planted-secret-7d1f0c"
"""In everything secret that the build has in its hands: nowhere but in the image, and where a person asked for it."""

_WHY = (Origin("bootloader.environment", "gateway.toml [bootloader]", "A:90"),)


def quiet(_: str) -> None:
    """Progress that nobody wants."""


def make_workspace(root: Path, *, compress: str = "none") -> Workspace:
    """A workspace with two gateways, nothing built."""
    workspace = signing_workspace(root, None, ())
    text = re.sub(r'(?m)^# compress = "none".*$', f'compress = "{compress}"', workspace.release_file.read_text())
    workspace.release_file.write_text(text)
    set_inputs(workspace, dict.fromkeys(GATEWAYS, "1"))
    return workspace


def set_inputs(workspace: Workspace, versions: dict[str, str]) -> None:
    """Gateways of the inventory, each with a version of what is put into it."""
    rows = (
        f'[[gateway]]\nname = "{name}"\nserial = "SN-{name}"\n[gateway.variables]\nsite = "{version}"\n'
        for name, version in versions.items()
    )
    (workspace.root / "devices.toml").write_text("\n".join(rows))
    reading.forget_inputs()


def version_of(workspace: Workspace, name: str) -> str:
    """What of a gateway's row decides its image here."""
    return str(reading.gateway_of(workspace, name).variables["site"])


def build(root: Path) -> None:
    """What ``doit build`` runs, in its order; only what is not up to date."""
    os.chdir(root)
    workspace = Workspace(root)
    with holding.held_workspace():
        if not base.is_built(workspace):
            base.build_base(workspace, quiet)
        gateways = tuple(reading.gateways_of(workspace))
        for name in gateways:
            if not stamping.is_stamped(workspace, name):
                stamping.stamp_gateway(workspace, name, quiet)
        for name in gateways:
            if not signing.is_signed(workspace, name):
                signing.sign_gateway(workspace, name, quiet)
        for name in gateways:
            if not publishing.is_published(workspace, name):
                publishing.verify_and_publish(workspace, name, quiet)
        if not publishing.is_released(workspace):
            publishing.finish_release(workspace, quiet)


@contextmanager
def stand_ins(*, exchanges: bool = True) -> Iterator[None]:
    """Put the stand-ins in place, for this process and those forked from it.

    Args:
        exchanges: whether the file system can exchange two names.
    """
    planned = SimpleNamespace(layer=(), after=an_observation().tree, raw={}, sidecars=())
    patches: dict[object, dict[str, Any]] = {
        base: {
            "base_key": lambda _: key_of(base="base"),
            "require_sound_choices": lambda _: None,
            "write_changes": lambda *_: None,
            "_write": _write_base,
        },
        stamping: {
            "device_key": device_key,
            "device_plan_of": _plan,
            "view_of_gateway": lambda *_: None,
            "answers_of": lambda *_: (),
            "judged": lambda *_: (),
            "require_rules": lambda *_: None,
            "reason_for_kernel": lambda *_: "",
        },
        stamping.stamp: {"stamp": _stamp},
        signing: {
            "device_key": device_key,
            "device_plan_of": _plan,
            "view_of_gateway": lambda *_: None,
            "answers_of": lambda *_: (),
            "_files_after": lambda *_: {},
            "_manifest_inputs": _manifest_inputs,
        },
        publishing: {
            "device_key": device_key,
            "verify_paths": partial(verify_paths, observe=Looker(), rules=()),
            "require_no_leaks": lambda *_: "no secret found",
        },
        comparing: {"golden_own_values": lambda _: iter(())},
        reading: {
            "inputs_of": lru_cache(_inputs),
            "product_plan_of": lru_cache(lambda _: planned),
        },
        locks: {"_now": lambda: 0},
    }
    if not exchanges:
        patches[durable] = {"_exchange": _cannot_exchange}
    with ExitStack() as stack:
        for module, replaced in patches.items():
            for name, value in replaced.items():
                stack.enter_context(mock.patch.object(module, name, value))
        yield


def _cannot_exchange(one: Path, other: Path) -> None:
    raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), f"{one} {other}")


def _inputs(workspace: Workspace) -> Any:
    vanilla = SimpleNamespace(disk=an_image()[0], tree=an_observation().tree)
    return SimpleNamespace(vanilla=vanilla, release=reading.release_of(workspace))


def device_key(_workspace: Workspace, gateway: Any, **_: object) -> str:
    """Stands in for the key of a gateway: its row is all that counts here."""
    return key_of(name=gateway.name, site=str(gateway.variables["site"]))


def _plan(workspace: Workspace, name: str) -> Any:
    content = MARKER + version_of(workspace, name).encode()
    one = Sidecar(file="uboot-env.bin", device="/dev/mtd1", offset=0, erase=0, content=content, origins=_WHY)
    return SimpleNamespace(layer=(), sidecars=(one,), name=name, version=version_of(workspace, name))


def _write_base(workspace: Workspace, image: Path, *_: object) -> Written:
    with image.open("r+b") as stream:
        stream.write(image_bytes("base"))
    return Written(an_observation(), "a stand-in")


def _stamp(image: Path, *_: object, state_dir: Path, **__: object) -> None:
    """As stamping does it: what goes in lies beside the image first, in a private directory."""
    root = image.parents[3]
    name = image.parent.name
    with scratch_directory("stamp-", state_dir) as scratch:
        (scratch / "content-0").write_bytes(MARKER)
        with image.open("r+b") as stream:
            stream.seek(3 * UNIT)
            stream.write(f"{name} {version_of(Workspace(root), name):8}".encode() * 64)
            stream.write((scratch / "content-0").read_bytes())


def _manifest_inputs(workspace: Workspace, gateway: Any, plan: Any, facts: Any, *_: object) -> Any:
    inputs = manifest_inputs(gateway.name)
    return replace(
        inputs,
        release=reading.release_of(workspace).name,
        image=facts,
        serial=f"SN-{gateway.name}",
        sidecars=plan.sidecars,
        facts={**inputs.facts, "site": plan.version},
    )
