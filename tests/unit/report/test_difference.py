"""Two images compared by their manifests: every difference is found, and has a cause or is called unexplained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.diff_command import compare_paths
from pipeline.errors import PipelineError
from pipeline.manifest import to_bytes
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.manifest import Manifest
from pipeline.model.tree import Tree
from pipeline.report.difference import UNEXPLAINED, Difference, differences, uncompared
from pipeline.report.difference_text import difference_text
from pipeline.report.meaning import meaning_differs
from tests.support import esf_view
from tests.support.manifest import a_file, a_manifest, digest
from tests.support.network import NORTH, SOUTH

ONE = a_manifest()


def with_node(path: str, content: str, manifest: Manifest = ONE) -> Manifest:
    return replace(manifest, tree=Tree({**manifest.tree.nodes, GuestPath(path): a_file(content)}))


def named(found: tuple[Difference, ...]) -> dict[tuple[str, str], str]:
    return {(one.area, one.subject): one.cause for one in found}


def test_the_same_is_the_same() -> None:
    assert differences(ONE, a_manifest()) == ()
    assert uncompared(ONE, ONE)


def test_a_file_no_rule_touched_is_the_vanilla_image_s_or_unexplained() -> None:
    other = with_node("/srv/new", "x")
    assert named(differences(ONE, other)) == {("files", "/srv/new"): UNEXPLAINED}
    vanilla = replace(other, sources=replace(other.sources, vanilla_sha256=digest("another")))
    assert named(differences(ONE, vanilla))[("files", "/srv/new")] == "vanilla image"


def test_a_file_a_rule_made_differs_by_that_rule_if_an_input_does() -> None:
    other = with_node("/etc/hostname", "gw-2\n")
    assert named(differences(ONE, other))[("files", "/etc/hostname")] == UNEXPLAINED
    renamed = replace(other, gateway="gw-2")
    found = named(differences(ONE, renamed))
    assert found[("files", "/etc/hostname")] == "identity.hostname, from devices.toml gw-1 (A:205)"
    assert found[("inputs", "gateway")] == "given"


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        ({"golden_sha256": digest("x")}, "golden sample"),
        ({"configuration_sha256": digest("x")}, "gateway.toml"),
        ({"overlays": {"motd": digest("x")}}, "overlay motd"),
        ({"overlays": {}}, "overlay motd"),
        ({"certificates": ()}, "certificate signer"),
        ({"pipeline_sha256": digest("x")}, "pipeline"),
        ({"tools": {"e2fsprogs": "1.48"}}, "tool e2fsprogs"),
        ({"inventory": {"serial": "other"}}, "inventory serial"),
    ],
)
def test_every_input_is_compared(change: dict[str, object], subject: str) -> None:
    other = replace(ONE, sources=replace(ONE.sources, **change))  # type: ignore[arg-type]
    assert ("inputs", subject) in named(differences(ONE, other))


def test_facts_packages_keystores_and_bytes_are_compared() -> None:
    assert named(differences(ONE, replace(ONE, facts={"ssh": {"port": 22}, "users": ["support"]}))) == {
        ("facts", "ssh.port"): UNEXPLAINED
    }
    areas = {area for area, _ in named(differences(ONE, replace(ONE, packages=(), keystores=())))}
    assert areas == {"packages", "keystores"}
    bytes_only = replace(ONE, image=replace(ONE.image, partitions={**ONE.image.partitions, 2: digest("other")}))
    assert named(differences(ONE, bytes_only)) == {("bytes", "partition 2"): UNEXPLAINED}


def meaning(one: ImageView, two: ImageView) -> dict[tuple[str, str], Difference]:
    other = replace(ONE, gateway="gw-2")
    return {(found.area, found.subject): found for found in meaning_differs(ONE, other, one, two)}


def test_what_is_read_is_compared_by_meaning_and_no_secret_is_told() -> None:
    north, south = esf_view.hardened(NORTH.name), esf_view.hardened(SOUTH.name)
    assert meaning(north, north) == {}
    found = meaning(north, south)
    assert {area for area, _ in found} >= {"snapshot", "firewall"}
    place = GuestPath(f"{esf_view.REAL}/data/snapshots/snapshot_0.xml")
    content = north.files[place]
    spoiled = replace(
        north, files={**north.files, place: content.replace(b"<esf:value>80</esf:value>", b"<esf:value>81</esf:value>")}
    )
    assert all("qT7-mzN2" not in repr(one) and "hN4.wKz7" not in repr(one) for one in found.values())
    assert {area for area, _ in meaning(north, spoiled)} <= {"snapshot"}


def test_a_policy_that_differs_is_told_by_its_rows() -> None:
    north = esf_view.hardened(NORTH.name)
    place = GuestPath(f"{esf_view.REAL}/kura/security.policy")
    changed = north.files[place].replace(b"bundles signed by", b"all signed by", 1)
    assert changed != north.files[place]
    found = meaning(north, replace(north, files={**north.files, place: changed}))
    assert {area for area, _ in found} == {"policy"}


def put(place: Path, manifest: Manifest) -> Path:
    place.mkdir(parents=True)
    (place / "manifest.json").write_bytes(to_bytes(manifest))
    return place


def test_directories_manifests_and_releases_are_compared(tmp_path: Path) -> None:
    a, b = put(tmp_path / "a" / "gw-1", ONE), put(tmp_path / "b" / "gw-1", with_node("/srv/new", "x"))
    assert compare_paths(a, a / "manifest.json", deep=False)[1] is False
    for one, two in ((a, b), (a.parent, b.parent)):
        text, different = compare_paths(one, two, deep=False)
        assert different
        assert "/srv/new" in text
        assert "1 differences, 1 unexplained" in text
    put(tmp_path / "b" / "gw-2", ONE)
    assert "gw-2: only in" in compare_paths(a.parent, b.parent, deep=False)[0]
    with pytest.raises(PipelineError, match=r"no manifest\.json"):
        compare_paths(a, tmp_path, deep=False)


def test_long_values_and_control_characters_do_not_break_the_screen() -> None:
    text = difference_text("t", (Difference("files", "a\x1b[31m", "x" * 500, "", "c"),), 3)
    assert "\x1b" not in text
    assert max(len(line) for line in text.splitlines()) < 160
    assert "3 files with secret content" in text
