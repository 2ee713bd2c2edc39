"""Two images compared by their manifests: every difference is found, and has a cause or is called unexplained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.commands.diff import compare_paths
from pipeline.errors import PipelineError
from pipeline.manifest import to_bytes
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.layer import LineOrigin, Origin
from pipeline.model.manifest import Manifest
from pipeline.model.tree import Kind, Tree
from pipeline.report.text.causes import Causes, Side
from pipeline.report.text.difference import UNEXPLAINED, Difference, differences, uncompared
from pipeline.report.text.difference_text import difference_text
from pipeline.report.text.meaning import meaning_differs
from pipeline.report.text.tree_difference import trees_differ
from tests.support import esf_view
from tests.support.manifest import a_file, a_manifest, a_vanilla_tree, digest
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
    causes = Causes(Side(None, one.tree), Side(None, two.tree))
    return {(found.area, found.subject): found for found in meaning_differs(causes, one, two)}


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


def read(manifest: Manifest, **other: str) -> Tree:
    """What is read of an image that is as its manifest says, secret files with a digest, but for some paths."""
    nodes = {
        path: replace(node, sha256=digest(path)) if node.kind is Kind.FILE and node.sha256 is None else node
        for path, node in manifest.tree.nodes.items()
    }
    return Tree(nodes | {GuestPath(path): a_file(content) for path, content in other.items()})


def test_what_was_read_is_explained_by_a_manifest_or_not_at_all() -> None:
    other = replace(with_node("/etc/hostname", "gw-2\n"), gateway="gw-2")
    built = Side(other, read(other))
    assert list(trees_differ(Causes(built, built))) == []
    found = {one.subject: one.cause for one in trees_differ(Causes(Side(ONE, read(ONE)), built))}
    assert found == {"/etc/hostname": "identity.hostname, from devices.toml gw-1 (A:205)"}
    spoiled = Side(other, read(other, **{"/etc/hostname": "evil\n", "/srv/x": "y"}))
    found = {one.subject: one.cause for one in trees_differ(Causes(Side(ONE, read(ONE)), spoiled))}
    assert found == {"/etc/hostname": UNEXPLAINED, "/srv/x": UNEXPLAINED}


def test_against_a_vanilla_image_every_change_of_the_build_has_its_rule() -> None:
    vanilla = Side(None, Tree({**a_vanilla_tree().nodes, GuestPath("/srv/odd"): a_file("x")}))
    found = {one.subject: one.cause for one in trees_differ(Causes(vanilla, Side(ONE, read(ONE))))}
    assert found.pop("/srv/odd") == UNEXPLAINED
    assert found
    assert UNEXPLAINED not in found.values()
    assert found["/etc/ssh/sshd_config"] == "ssh.port, from gateway.toml [ssh] (A:76)"


def test_secret_content_that_differs_is_told_without_its_digest() -> None:
    one, two = read(ONE), read(ONE, **{"/etc/shadow": "other"})
    shadow = replace(
        two.nodes[GuestPath("/etc/shadow")], mode=0o640, gid=42, size=one.nodes[GuestPath("/etc/shadow")].size
    )
    two = Tree({**two.nodes, GuestPath("/etc/shadow"): shadow})
    (found,) = trees_differ(Causes(Side(None, one), Side(None, two)))
    assert found.after.endswith("another secret")
    assert "sha256" not in found.before + found.after


@pytest.mark.parametrize(
    ("origins", "inputs", "cause"),
    [
        (("network.interface", "network.interface"), {}, "network.interface, from s"),
        (("kept", "network.interface"), {}, "network.interface, from s"),
        (("kept", "kept"), {"golden_sha256": digest("x")}, "golden sample"),
        (("kept", "kept"), {"configuration_sha256": digest("x")}, UNEXPLAINED),
    ],
)
def test_a_line_is_explained_by_who_wrote_it(origins: tuple[str, str], inputs: dict[str, str], cause: str) -> None:
    path = GuestPath("/etc/hostname")
    sides = []
    for rule, extra in zip(origins, ({}, inputs), strict=True):
        why = Origin(rule, "golden: x" if rule == "kept" else "s")
        change = replace(ONE.changes[path], lines=(LineOrigin(2, 4, why),))
        sources = replace(ONE.sources, **extra)  # type: ignore[arg-type]
        manifest = replace(ONE, changes={**ONE.changes, path: change}, sources=sources)
        sides.append(Side(replace(manifest, gateway=manifest.gateway if inputs else rule + str(len(sides))), read(ONE)))
    assert Causes(*sides).cause(path, (3, 3)) == cause


def test_images_and_manifests_are_told_apart(tmp_path: Path) -> None:
    a = put(tmp_path / "a" / "gw-1", ONE)
    (a / "image.img").write_bytes(b"x")
    assert compare_paths(a / "image.img", a, deep=False)[1] is False
    (tmp_path / "vanilla.img").write_bytes(b"no disk")
    with pytest.raises(PipelineError):
        compare_paths(tmp_path / "vanilla.img", a, deep=False)


def test_installed_packages_are_compared() -> None:
    north = esf_view.hardened(NORTH.name)
    status = GuestPath("/var/lib/dpkg/status")
    entry = "Package: dash\nStatus: install ok installed\nVersion: {}\nArchitecture: armhf\n\n"
    views = [replace(north, files={**north.files, status: entry.format(version).encode()}) for version in ("1", "2")]
    (found,) = meaning(*views).values()
    assert (found.area, found.subject, found.before, found.after) == ("installed packages", "deb dash armhf", "1", "2")


def test_what_one_image_kept_and_the_other_took_away_is_the_remover_s() -> None:
    path = GuestPath("/etc/hostname")
    removers = (
        Origin("network.interface", "devices.toml: b.ppp0"),
        Origin("network.interface", "devices.toml: b.wlan0"),
    )
    kept_line = (LineOrigin(1, 9, Origin("kept", "golden: x")),)
    one = replace(ONE, changes={**ONE.changes, path: replace(ONE.changes[path], lines=kept_line)})
    two = replace(ONE, gateway="b", changes={**ONE.changes, path: replace(ONE.changes[path], origins=removers)})
    causes = Causes(Side(one, read(one)), Side(two, read(two)))
    assert causes.cause(path, (3, 0), "net.interface.ppp0.config") == "network.interface, from devices.toml: b.ppp0"
    assert causes.cause(path, (3, 0), "something else").count("network.interface") == 2
    assert Causes(Side(one, read(one)), Side(one, read(one))).cause(path, (3, 0), "ppp0") == UNEXPLAINED
