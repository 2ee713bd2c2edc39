"""Two layers never write one place, and nothing is planned that no file system could hold."""

from __future__ import annotations

import pytest

from pipeline.errors import PipelineError
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, Entry, FileEntry, Layer, LinkEntry, Origin, Removal
from pipeline.model.overlay import Overlay, OverlayFile
from pipeline.model.tree import Kind, Node, Tree
from pipeline.plan.image_plan import Inputs, land, plan_device, plan_product
from tests.support import esf_view
from tests.support.golden import a_golden
from tests.support.network import NORTH
from tests.support.trust import a_signer, a_trust

WHY = (Origin("test.rule", "a test"),)


def an_overlay(path: str, *, template: bool) -> Overlay:
    file = OverlayFile(GuestPath(path), b"Port 22\n", 0o644, 0, 0, template, False, f"overlays/mine/rootfs{path}")
    return Overlay("mine", (file,))


def inputs(*overlays: Overlay) -> Inputs:
    golden = a_golden()
    return Inputs(esf_view.the_vanilla(), golden, esf_view.the_release(), a_trust(golden, a_signer()), overlays)


@pytest.mark.parametrize("path", ["/etc/ssh/sshd_config", "/etc/sysctl.d/99-gateway.conf"])
def test_an_overlay_of_one_gateway_cannot_undo_what_all_gateways_have(path: str) -> None:
    """Stamped after the base, it would win silently: sshd's hardened configuration replaced on one gateway."""
    plain, mine = inputs(), inputs(an_overlay(path, template=True))
    shared = {str(entry.path) for entry in plan_product(plain).layer.entries}
    product = plan_product(mine)
    if path in shared:
        with pytest.raises(PipelineError) as refused:
            plan_device(mine, product, NORTH, esf_view.own_secrets(NORTH.name))
        assert str(refused.value).startswith(f"{path}: wanted by ")
        assert "for all gateways" in str(refused.value)
        assert "for one (overlays/mine" in str(refused.value)
    else:
        assert GuestPath(path) in plan_device(mine, product, NORTH, esf_view.own_secrets(NORTH.name)).after.nodes


def test_what_the_base_removed_a_gateway_may_have() -> None:
    product = plan_product(inputs())
    removed = next(entry.path for entry in product.layer.entries if isinstance(entry, Removal))
    parent = product.after.get(removed.parent)
    assert parent is not None
    mine = inputs(an_overlay(str(removed), template=True))
    device = plan_device(mine, plan_product(mine), NORTH, esf_view.own_secrets(NORTH.name))
    assert removed in device.after.nodes


TREE = Tree(
    {
        GuestPath("/"): Node(Kind.DIRECTORY, 0o755),
        GuestPath("/etc"): Node(Kind.DIRECTORY, 0o755),
        GuestPath("/etc/conf.d"): Node(Kind.DIRECTORY, 0o755),
        GuestPath("/etc/motd"): Node(Kind.FILE, 0o644, size=1),
        GuestPath("/etc/pipe"): Node(Kind.FIFO, 0o644),
    }
)


def a_file(path: str) -> FileEntry:
    return FileEntry(GuestPath(path), b"x", WHY)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (a_file("/etc/conf.d"), "/etc/conf.d: is a directory in the image, test.rule wants a file"),
        (DirEntry(GuestPath("/etc/motd"), WHY), "/etc/motd: is a file in the image, test.rule wants a directory"),
        (LinkEntry(GuestPath("/etc/conf.d"), "elsewhere", WHY), "is a directory in the image"),
        (a_file("/etc/pipe"), "is a device, pipe or socket"),
        (a_file("/etc/absent/file"), "the image has no directory /etc/absent"),
        (a_file("/etc/motd/file"), "/etc/motd is not a directory in the image"),
    ],
)
def test_a_place_that_holds_something_else_is_refused_by_name(entry: Entry, told: str) -> None:
    with pytest.raises(PipelineError) as refused:
        land(TREE, Layer((entry,)))
    assert told in str(refused.value)


def test_everything_that_cannot_land_is_told_at_once() -> None:
    with pytest.raises(PipelineError) as refused:
        land(TREE, Layer.of(a_file("/etc/conf.d"), a_file("/etc/pipe"), a_file("/etc/fine")))
    assert len(refused.value.problems) == 2
