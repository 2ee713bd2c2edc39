"""Enforcing on a finished image changes nothing: each transform on what was built, and the layer of a gateway, stamped
once more."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.build import reading
from pipeline.build.planned import device_plan_of
from pipeline.errors import PipelineError
from pipeline.host.workspace import Workspace
from pipeline.image.containers.prepare import copy_sparse
from pipeline.image.read.look import look
from pipeline.image.write.stamp import stamp
from pipeline.inputs.layout_files import load_layouts
from pipeline.model.gateway import Gateway
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.layer import Layer
from pipeline.model.tree import Tree
from pipeline.model.vanilla import Vanilla
from pipeline.plan.image_plan import land
from pipeline.transforms import firewall, network, overlays
from pipeline.transforms.accounts import accounts, login_defaults
from pipeline.transforms.boot import bootloader
from pipeline.transforms.esf import framework, keystores, packages, policy
from pipeline.transforms.identity import identity
from pipeline.transforms.services import services
from pipeline.transforms.ssh import dropbear, openssh
from tests.acceptance.conftest import Built
from tests.support.media.image_files import read_file

pytestmark = pytest.mark.appliance

GATEWAY = "gw-north-01"
MARK = GuestPath("/etc/gateway-image.json")
Enforce = Callable[[Vanilla], Layer]


@pytest.fixture(scope="module")
def finished(built: Built, tmp_path_factory: pytest.TempPathFactory) -> ImageView:
    """The finished image as an audit sees it, with what overlays put there, which no rule looks into."""
    state = tmp_path_factory.mktemp("look")
    view = look(built.image(GATEWAY), load_layouts(), state_dir=state, say=lambda _: None)
    inputs = reading.inputs_of(Workspace(built.workspace))
    own = [entry.path for entry in overlays.copy(inputs.overlays).files()]
    own += [entry.path for entry in overlays.render(inputs.overlays, _gateway(built), inputs.release).files()]
    return replace(view, files={**view.files, **{path: read_file(built.image(GATEWAY), path) for path in own}})


def _gateway(built: Built) -> Gateway:
    return reading.gateway_of(Workspace(built.workspace), GATEWAY)


def transforms(built: Built) -> Mapping[str, Enforce]:
    """All of the product's, with the inputs of the demonstration."""
    workspace = Workspace(built.workspace)
    inputs, gateway = reading.inputs_of(workspace), _gateway(built)
    release, trust, golden = inputs.release, inputs.trust, inputs.golden
    secrets = reading.secrets_of(workspace, gateway)
    return {
        "packages": lambda image: packages.install(trust, golden, image),
        "policy": lambda image: policy.harden(golden, image, release, trust, inputs.platform),
        "framework": lambda image: framework.harden_start(image, release),
        "ssh": lambda image: openssh.harden(image, release),
        "dropbear": lambda image: dropbear.harden(image, release),
        "services": lambda image: services.disable(image, release),
        "login defaults": lambda image: login_defaults.tighten(image, release),
        "bootloader": lambda image: bootloader.protect(image, release),
        "overlays": lambda _: overlays.copy(inputs.overlays),
        "overlays, rendered": lambda _: overlays.render(inputs.overlays, gateway, release),
        "network": lambda image: network.restore(golden, image, release, gateway, secrets)[0],
        "firewall": lambda image: firewall.restrict(golden, image, release, gateway)[0],
        "identity: give": lambda image: identity.give(image, release, gateway, secrets),
        "identity: forget": identity.forget,
        "accounts": lambda image: accounts.set_up(image, release, gateway, secrets),
        "keystores": lambda image: keystores.install(image, release, trust, secrets, inputs.platform)[0],
    }


# What refuses an image that has been through it, because it takes it for somebody else's; with what is put back from
# the vanilla image for it to go on.
REFUSES = {
    "identity: forget": (),
    "accounts": ("/etc/shadow",),
    "keystores": ("/opt/eurotech/esf_5.0.0/kura/certificates.ks", "/opt/eurotech/esf_5.0.0/security/cacerts.ks"),
}
KEEPS = tuple(name for name in (
    "packages", "policy", "framework", "ssh", "dropbear", "services", "login defaults", "bootloader", "overlays",
    "overlays, rendered", "network", "firewall", "identity: give",
))  # fmt: skip


def as_vanilla(built: Built, view: ImageView) -> Vanilla:
    """The view as if inspection had found it."""
    return replace(reading.inputs_of(Workspace(built.workspace)).vanilla, tree=view.tree, files=view.files)


def changed(before: ImageView, after: ImageView) -> list[str]:
    """Paths with other content or metadata; digests are known of one side only."""
    plain = [
        {path: (replace(node, sha256=None), view.files.get(path)) for path, node in view.tree.nodes.items()}
        for view in (before, after)
    ]
    return sorted(str(path) for path in plain[0].keys() | plain[1].keys() if plain[0].get(path) != plain[1].get(path))


def enforced(built: Built, view: ImageView, enforce: Enforce) -> ImageView:
    return view.after(land(view.tree, enforce(as_vanilla(built, view))))


def test_every_transform_is_tried(built: Built) -> None:
    assert transforms(built).keys() == {*KEEPS, *REFUSES}


@pytest.mark.parametrize("name", KEEPS)
def test_what_is_hardened_is_not_changed(built: Built, finished: ImageView, name: str) -> None:
    assert changed(finished, enforced(built, finished, transforms(built)[name])) == []


@pytest.mark.parametrize("name", REFUSES)
def test_the_others_refuse_a_finished_image(built: Built, finished: ImageView, name: str) -> None:
    with pytest.raises(PipelineError):
        enforced(built, finished, transforms(built)[name])


def as_delivered(built: Built, view: ImageView, name: str) -> ImageView:
    """With a transform's own files as they were in the vanilla image."""
    delivered = reading.inputs_of(Workspace(built.workspace)).vanilla.files
    return replace(view, files={**view.files, **{path: delivered[path] for path in map(GuestPath, REFUSES[name])}})


@pytest.mark.parametrize("name", ["accounts", "keystores"])
def test_they_make_the_same_again(built: Built, finished: ImageView, name: str) -> None:
    again = enforced(built, as_delivered(built, finished, name), transforms(built)[name])
    assert changed(finished, again) == []


def test_forgetting_and_giving_leaves_it_as_it_was(built: Built, finished: ImageView) -> None:
    """What makes it this gateway goes, and comes again; so do people's keys, which accounts brings."""
    nodes = {path: node for path, node in finished.tree.nodes.items() if path != MARK}
    known = transforms(built)
    forgotten = enforced(built, replace(finished, tree=Tree(nodes)), known["identity: forget"])
    assert GuestPath("/etc/ssh/ssh_host_ed25519_key") not in forgotten.tree.nodes
    given = enforced(built, forgotten, known["identity: give"])
    assert changed(finished, given) == ["/home/technician/.ssh", "/home/technician/.ssh/authorized_keys"]
    assert changed(finished, enforced(built, as_delivered(built, given, "accounts"), known["accounts"])) == []


def test_stamping_the_gateways_layer_again_changes_no_byte(built: Built, finished: ImageView, tmp_path: Path) -> None:
    workspace = Workspace(built.workspace)
    layer = device_plan_of(workspace, GATEWAY).layer
    assert len(layer.entries) >= 30
    assert finished.disk is not None
    copy = tmp_path / "image.img"
    copy_sparse(built.image(GATEWAY), copy)
    epoch = reading.release_of(workspace).epoch
    stamp(copy, finished.disk, finished.tree, layer, epoch=epoch, state_dir=tmp_path / "state")
    with copy.open("rb") as again, built.image(GATEWAY).open("rb") as once:
        assert hashlib.file_digest(again, "sha256").digest() == hashlib.file_digest(once, "sha256").digest()
