"""Enforcing twice changes nothing: each transform on its own, and all of them on an image that is hardened already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.model.image_view import ImageView
from pipeline.model.layer import Layer
from pipeline.model.release import Rules
from pipeline.model.vanilla import Vanilla
from pipeline.plan.image_plan import land
from pipeline.transforms.accounts import accounts
from pipeline.transforms.boot import bootloader
from pipeline.transforms.identity import identity
from pipeline.transforms.services import services
from pipeline.transforms.ssh import openssh
from tests.support.hardened import LOCKED, a_neglected_vanilla, as_vanilla, secrets
from tests.support.release import a_gateway, a_release

Enforce = Callable[[Vanilla], Layer]
RELEASE = a_release(accounts=LOCKED)
STRICT = replace(RELEASE, rules=Rules(profile="strict"))

TRANSFORMS: dict[str, Enforce] = {
    "ssh": lambda vanilla: openssh.harden(vanilla, RELEASE),
    "ssh, strict": lambda vanilla: openssh.harden(vanilla, STRICT),
    "services": lambda vanilla: services.disable(vanilla, RELEASE),
    "services, strict": lambda vanilla: services.disable(vanilla, STRICT),
    "bootloader": lambda vanilla: bootloader.protect(vanilla, RELEASE),
    "identity: forget": identity.forget,
    "identity: give": lambda vanilla: identity.give(vanilla, RELEASE, a_gateway(), secrets()),
    "accounts": lambda vanilla: accounts.set_up(vanilla, RELEASE, a_gateway(), secrets()),
}


def applied(vanilla: Vanilla, layer: Layer) -> Vanilla:
    return as_vanilla(vanilla, ImageView.of(vanilla).after(land(vanilla.tree, layer)))


@pytest.mark.parametrize("init", ["sysv", "systemd", "busybox"])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_twice_is_once(name: str, init: str) -> None:
    enforce = TRANSFORMS[name]
    vanilla = a_neglected_vanilla(init)
    once = applied(vanilla, enforce(vanilla))
    assert once.tree != vanilla.tree
    twice = applied(once, enforce(once))
    assert twice.tree == once.tree
    assert dict(twice.files) == dict(once.files)


@pytest.mark.parametrize("init", ["sysv", "systemd", "busybox"])
def test_what_is_hardened_by_all_is_changed_by_none(init: str) -> None:
    hardened = a_neglected_vanilla(init)
    for name, enforce in TRANSFORMS.items():
        if "strict" not in name:
            hardened = applied(hardened, enforce(hardened))
    for name, enforce in TRANSFORMS.items():
        if "strict" in name or name == "identity: forget":  # refuses what has a gateway's identity already
            continue
        again = applied(hardened, enforce(hardened))
        assert again.tree == hardened.tree, name
        assert dict(again.files) == dict(hardened.files), name
