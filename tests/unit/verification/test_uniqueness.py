"""What must be one gateway's own is found in the files of its image, and a clone is named with both gateways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest

from pipeline.formats.esf import esf_snapshot
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.tree import Tree
from pipeline.model.trust import GatewaySecrets
from pipeline.signing.secrets.secrets import FleetSecret, gateway_secrets
from pipeline.verification.own_values import OwnValue, own_values
from pipeline.verification.uniqueness import Uniqueness
from tests.support import esf_view
from tests.support.network import LAB, NORTH, SOUTH

GATEWAYS = {gateway.name: gateway for gateway in (NORTH, SOUTH, LAB)}
SNAPSHOT = f"{esf_view.REAL}/data/snapshots/snapshot_0.xml"


@cache
def derived(name: str) -> GatewaySecrets:
    return gateway_secrets(FleetSecret(bytes(range(32))), esf_view.the_release(), GATEWAYS[name])


@pytest.fixture(autouse=True)
def _as_a_build_derives_them(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(esf_view, "own_secrets", derived)
    return


def view(name: str) -> ImageView:
    return esf_view.planned(GATEWAYS[name], esf_view.the_vanilla())


def compared(*views: tuple[str, ImageView]) -> Uniqueness:
    known = Uniqueness()
    for name, one in views:
        known.add(name, own_values(one))
    return known


def with_file(one: ImageView, path: str, content: bytes) -> ImageView:
    return replace(one, files={**one.files, GuestPath(path): content})


def test_three_gateways_of_a_release_share_nothing_they_must_not() -> None:
    known = compared(*((name, view(name)) for name in GATEWAYS))
    assert [finding for name in GATEWAYS for finding in known.clones(name)] == []
    (told, *_) = known.told()
    for kind in ("machine id", "SSH host key", "keystore", "console password", "host name", "Wi-Fi passphrase"):
        assert kind in told


def test_what_was_found_can_be_compared_later_without_the_values() -> None:
    first = compared(*((name, view(name)) for name in GATEWAYS))
    later = Uniqueness()
    for name in GATEWAYS:
        kept = first.values_of(name)
        assert not {one.value for one in kept} & {one.value for one in own_values(view(name))}
        later.add(name, kept)
    assert later.told() == first.told()
    later.add("gw-clone", first.values_of(NORTH.name))
    assert {finding.subject for finding in later.clones("gw-clone")} >= {"/etc/machine-id", "/etc/hostname"}
    assert later.values_of("nobody") == ()


CLONED = (
    "/etc/machine-id",
    "/etc/hostname",
    "/etc/ssh/ssh_host_ed25519_key",
    "/etc/ssh/ssh_host_ecdsa_key",
    esf_view.CERTIFICATES,
    esf_view.CACERTS,
    f"{esf_view.REAL}/kura/kura.properties",
    SNAPSHOT,
)


@pytest.mark.parametrize("path", CLONED)
def test_a_clone_is_named_with_both_gateways(path: str) -> None:
    north, south = view(NORTH.name), view(SOUTH.name)
    cloned = with_file(south, path, north.files[GuestPath(path)])
    known = compared((NORTH.name, north), (SOUTH.name, cloned), (LAB.name, view(LAB.name)))
    for here, other in ((NORTH.name, SOUTH.name), (SOUTH.name, NORTH.name)):
        found = list(known.clones(here))
        assert found
        assert all(finding.check == "unique" and other in finding.seen for finding in found)
        assert any(finding.subject.startswith(path) for finding in found)
    assert list(known.clones(LAB.name)) == []


def test_a_hash_of_root_that_two_gateways_share_is_a_clone_and_a_users_is_not() -> None:
    """Root's password is derived for each gateway; a user of the whole release may come with the release's hash."""

    def shadow(name: str, root: str) -> ImageView:
        one = view(name)
        rows = f"root:{root}:19000:0:99999:7:::\noperator:$6$salt$samehash:19000:0:99999:7:::\n"
        return with_file(one, "/etc/shadow", rows.encode())

    same = compared((NORTH.name, shadow(NORTH.name, "$6$a$b")), (SOUTH.name, shadow(SOUTH.name, "$6$a$b")))
    assert [finding.subject for finding in same.clones(NORTH.name)] == ["/etc/shadow root"]
    apart = compared((NORTH.name, shadow(NORTH.name, "$6$a$b")), (SOUTH.name, shadow(SOUTH.name, "$6$c$d")))
    assert list(apart.clones(NORTH.name)) == []
    locked = compared((NORTH.name, shadow(NORTH.name, "!$6$a$b")), (SOUTH.name, shadow(SOUTH.name, "$6$a$b")))
    assert [finding.subject for finding in locked.clones(SOUTH.name)] == ["/etc/shadow root"]


def in_snapshot(one: ImageView, pid: str, name: str, value: str) -> ImageView:
    path = GuestPath(SNAPSHOT)
    snapshot = esf_snapshot.read(one.files[path], "A", SNAPSHOT).snapshot
    assert snapshot is not None
    found = next(conf for conf in snapshot.configurations if conf.is_instance_of(pid))
    changed = found.with_properties(esf_snapshot.Property(name, "String", (value,)))
    return with_file(one, SNAPSHOT, esf_snapshot.render(snapshot.with_configuration(changed)))


def test_a_client_id_two_gateways_have_makes_them_throw_each_other_off_the_broker() -> None:
    pid = "org.eclipse.kura.core.data.transport.mqtt.MqttDataTransport"
    views = [(name, in_snapshot(view(name), pid, "client-id", "same")) for name in (NORTH.name, SOUTH.name)]
    assert ["MQTT client id" in finding.expected for finding in compared(*views).clones(NORTH.name)] == [True]


def test_two_images_of_one_gateway_may_be_alike() -> None:
    known = compared((NORTH.name, view(NORTH.name)), (NORTH.name, view(NORTH.name)))
    assert list(known.clones(NORTH.name)) == []
    assert known.told() == ()


def test_what_may_be_shared_is_told_and_no_value_ever_is() -> None:
    one = OwnValue("LAN address", "eth0", b"192.168.10.1", own=False)
    secret = OwnValue("console password", "console", b"very secret")
    known = Uniqueness()
    for name in ("a", "b"):
        known.add(name, (one, secret))
    assert any("LAN address (2 gateways)" in line for line in known.told())
    assert "very secret" not in repr((known, secret, list(known.clones("a")), known.told()))
    assert [finding.subject for finding in known.clones("a")] == ["console"]


def test_a_static_address_is_a_gateways_own_on_a_wan_only() -> None:
    found = {(one.kind, one.value, one.own) for one in own_values(view(LAB.name)) if "address" in one.kind}
    assert ("WAN address", b"192.0.2.33", True) in found
    assert any(kind == "LAN address" and not own for kind, _, own in found)


def test_an_image_without_a_snapshot_or_a_layout_still_has_values_of_its_own() -> None:
    whole = view("gw-north-01")
    snapshots = [path for path in whole.files if "/snapshots/" in path]
    assert snapshots
    settings = {one.place for one in own_values(whole) if one.place.startswith(SNAPSHOT)}
    assert settings
    nodes = {path: node for path, node in whole.tree.nodes.items() if path not in snapshots}
    files = {path: content for path, content in whole.files.items() if path not in snapshots}
    left = {one.place for one in own_values(replace(whole, tree=Tree(nodes), files=files))}
    assert left == {one.place for one in own_values(whole)} - settings
    assert "/etc/machine-id" in {one.place for one in own_values(replace(whole, layout=None))}


def test_what_hostapd_reads_is_found_in_its_own_files_only() -> None:
    content = b"ssid=x\nwpa_passphrase=only here once\nauth_server_shared_secret=shared with the server\n"
    one = with_file(with_file(view(NORTH.name), "/etc/hostapd-eth9.conf", content), "/etc/other.conf", content)
    found = {(own.kind, own.place, own.own, own.secret) for own in own_values(one)}
    assert ("Wi-Fi passphrase", "/etc/hostapd-eth9.conf", True, True) in found
    assert ("RADIUS secret", "/etc/hostapd-eth9.conf", False, True) in found
    assert not [place for _, place, _, _ in found if place == "/etc/other.conf"]


def test_names_and_addresses_are_no_secrets() -> None:
    found = {(own.kind, own.secret) for own in own_values(view(LAB.name))}
    for kind in ("WAN address", "LAN address", "machine id", "host name"):
        assert (kind, False) in found
        assert (kind, True) not in found
    for kind in ("console password", "keystore", "SSH host key", "password hash"):
        assert (kind, False) not in found


@pytest.mark.parametrize("content", [b"", b"\n", b"uninitialized\n"])
def test_a_machine_id_that_is_still_to_come_is_nobodys(content: bytes) -> None:
    kinds = {own.kind for own in own_values(with_file(view(NORTH.name), "/etc/machine-id", content))}
    assert "machine id" not in kinds
    assert "host name" in kinds
