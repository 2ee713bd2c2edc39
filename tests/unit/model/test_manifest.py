"""A manifest says everything about an image, nothing about the build, and is read back strictly."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from pipeline.errors import PipelineError
from pipeline.formats.canonical_json import dumps
from pipeline.formats.json_schema import problems
from pipeline.manifest import SCHEMA, build_manifest, from_bytes, known_without_tree, to_bytes
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, Origin
from pipeline.model.manifest import Action
from pipeline.model.tree import Tree
from tests.support.manifest import CERTIFICATES, a_file, a_manifest, digest, manifest_inputs

Change = Callable[[dict[str, Any]], object]


def the_json() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(to_bytes(a_manifest()))
    return value


def test_what_is_written_is_read_back_equal() -> None:
    manifest = a_manifest()
    again = from_bytes(to_bytes(manifest))
    assert again == manifest
    assert to_bytes(again) == to_bytes(manifest)


def test_every_difference_from_vanilla_is_listed_with_its_reason() -> None:
    changes = {path: change.action for path, change in a_manifest().changes.items()}
    assert changes == {
        "/etc/caps": Action.ADDED,
        "/etc/hostname": Action.REPLACED,
        "/etc/init.d/avahi-daemon": Action.REMOVED,
        "/etc/shadow": Action.REPLACED,
        "/etc/ssh": Action.METADATA,
        "/etc/ssh/ssh_host_ed25519_key": Action.ADDED,
        "/etc/ssh/sshd_config": Action.REPLACED,
        "/home": Action.ADDED,
        "/home/link": Action.ADDED,
        CERTIFICATES: Action.REPLACED,
        "/usr/lib/old": Action.REMOVED,
        "/usr/lib/old/a": Action.REMOVED,
        "/usr/lib/old/b": Action.REMOVED,
    }
    assert the_json()["changes"]["/etc/ssh/sshd_config"] == {
        "change": "replaced",
        "type": "f",
        "mode": "0600",
        "uid": 0,
        "gid": 0,
        "size": 11,
        "sha256": digest("Port 49153\n"),
        "origins": [{"rule": "ssh.port", "source": "gateway.toml [ssh]", "document": "A:76"}],
    }


def test_the_tree_is_readable_and_holds_every_path() -> None:
    value = the_json()["tree"]
    assert value["paths"] == len(manifest_inputs().tree)
    assert value["directories"]["/"]["."] == "d 0755 0:0"
    assert value["directories"]["/"]["bin"] == "l 0777 0:0 -> usr/bin"
    assert value["directories"]["/etc"]["hostname"] == f"f 0644 0:0 5 sha256:{digest('gw-1' + chr(10))}"
    assert value["directories"]["/etc"]["shadow"] == "f 0640 0:42 13 secret"
    assert value["directories"]["/etc"]["caps"].endswith(" @user.note=6869")
    assert value["directories"]["/dev"]["sda"] == "b 0660 0:6 8:0"
    assert "b\\351b\\134e c" in value["directories"]["/usr/bin"]


def test_no_digest_of_secret_content_is_in_it() -> None:
    data = to_bytes(a_manifest())
    for entry in manifest_inputs().layer.files():
        assert (digest(entry.content).encode() in data) is not entry.secret
    assert b'"secret": true' in data


def test_a_copy_of_secret_content_that_is_not_marked_is_refused() -> None:
    inputs = manifest_inputs()
    copy = FileEntry(GuestPath("/etc/shadow-"), b"root:$6$hash\n", (Origin("overlay", "overlays/x"),))
    layer = Layer.of(*inputs.layer.entries, copy)
    with pytest.raises(PipelineError, match="/etc/shadow-: has the same secret content as /etc/shadow"):
        build_manifest(replace(inputs, layer=layer, tree=inputs.vanilla.apply(layer)))


def test_a_difference_without_a_reason_is_a_bug_that_is_not_signed_away() -> None:
    inputs = manifest_inputs()
    tree = Tree({**inputs.tree.nodes, GuestPath("/etc/backdoor"): a_file("x")})
    with pytest.raises(ValueError, match="/etc/backdoor is added"):
        build_manifest(replace(inputs, tree=tree))


def test_a_missing_digest_is_a_bug() -> None:
    inputs = manifest_inputs()
    path = GuestPath("/usr/bin/ping")
    tree = Tree({**inputs.tree.nodes, path: replace(inputs.tree.nodes[path], sha256=None)})
    with pytest.raises(ValueError, match="no digest of /usr/bin/ping"):
        build_manifest(replace(inputs, tree=tree))


def test_nothing_of_the_build_machine_can_come_in_by_a_file_name() -> None:
    inputs = manifest_inputs()
    sources = replace(inputs.sources, vanilla_file="/home/somebody/vanilla.img")
    with pytest.raises(PipelineError, match=r"inputs\.vanilla\.file"):
        to_bytes(build_manifest(replace(inputs, sources=sources)))


def test_the_shipped_schema_accepts_the_manifest_and_is_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(the_json())
    shipped = files("pipeline").joinpath("manifest.schema.json").read_bytes()
    assert shipped == dumps(SCHEMA), "write it anew: canonical_json.dumps(pipeline.manifest.SCHEMA)"


def put(*place: str | int, value: object) -> Change:
    """Set something inside a JSON value."""

    def change(whole: dict[str, Any]) -> None:
        inner: Any = whole
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = value

    return change


def drop(*place: str | int) -> Change:
    """Remove something inside a JSON value."""

    def change(whole: dict[str, Any]) -> None:
        inner: Any = whole
        for step in place[:-1]:
            inner = inner[step]
        del inner[place[-1]]

    return change


# What the schema alone must catch; our validator and the jsonschema package have to agree on each.
MALFORMED: dict[str, Change] = {
    "another format": put("format", value="something-else"),
    "a later version": put("version", value=2),
    "true as version": put("version", value=True),
    "unknown key": put("extra", value=1),
    "unknown inner key": put("release", "host", value="x"),
    "missing part": drop("tree"),
    "missing inner part": drop("image", "sha256"),
    "digest too short": put("image", "sha256", value="abc"),
    "digest in capitals": put("image", "sha256", value="A" * 64),
    "negative size": put("image", "size", value=-1),
    "size as text": put("disk", "size", value="8"),
    "unknown table": put("disk", "table", value="sun"),
    "no partitions": put("disk", "partitions", value=[]),
    "mount point relative": put("disk", "partitions", 0, "mountpoint", value="boot"),
    "gateway name with a slash": put("gateway", "name", value="../x"),
    "epoch negative": put("release", "epoch", value=-5),
    "relative path": put("changes", "etc/x", value={"change": "removed", "type": "f", "origins": []}),
    "no origins": put("changes", "/etc/hostname", "origins", value=[]),
    "mode as number": put("changes", "/etc/hostname", "mode", value=420),
    "mode not octal": put("changes", "/etc/hostname", "mode", value="0989"),
    "secret with digest": put("changes", "/etc/shadow", "sha256", value="0" * 64),
    "file without digest": drop("changes", "/etc/hostname", "sha256"),
    "file with target": put("changes", "/etc/hostname", "target", value="x"),
    "link without target": drop("changes", "/home/link", "target"),
    "removed with mode": put("changes", "/usr/lib/old", "mode", value="0755"),
    "tree line nonsense": put("tree", "directories", "/etc", "hostname", value="x"),
    "tree line without digest": put("tree", "directories", "/etc", "hostname", value="f 0644 0:0 5"),
    "tree name with slash": put("tree", "directories", "/etc", "a/b", value="d 0755 0:0"),
    "empty group": put("tree", "directories", "/x", value={}),
    "certificate date": put("inputs", "certificates", 0, "not_after", value="tomorrow"),
    "tools not text": put("inputs", "tools", "x", value=1),
    "keystore type": put("keystores", CERTIFICATES, "type", value="BKS"),
    "package without bundles": drop("packages", 0, "bundles"),
    "facts a list": put("facts", value=[]),
    "step without text": put("steps", 0, "text", value=""),
}


@pytest.mark.parametrize("change", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_manifests_are_refused_by_both_validators(change: Change) -> None:
    value = the_json()
    change(value)
    assert list(problems(value, SCHEMA))
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(value)
    with pytest.raises(PipelineError, match=r"^manifest\.json: "):
        from_bytes(dumps(value))


# What no schema can say.
CONTRADICTIONS: dict[str, tuple[Change, str]] = {
    "tree edited": (put("tree", "directories", "/etc", "hostname", value="f 0644 0:0 1 secret"), "tree.sha256"),
    "tree count": (put("tree", "paths", value=1), "tree.paths"),
    "tree digest": (put("tree", "sha256", value="0" * 64), "tree.sha256"),
    "orphan": (put("tree", "directories", "/nowhere", value={"x": "d 0755 0:0"}), "not listed as a directory"),
    "path with dots": (put("tree", "directories", "/etc", "..", value="d 0755 0:0"), "not a canonical absolute path"),
    "bad escape": (put("tree", "directories", "/etc", "a\\x", value="d 0755 0:0"), "not an escaped name"),
    "needless escape": (put("tree", "directories", "/etc", "\\141", value="d 0755 0:0"), "not an escaped name"),
    "size": (put("image", "size", value=1), "image.size"),
    "partition": (put("image", "partitions", "7", value="0" * 64), "not about the same partitions"),
    "overlap": (put("disk", "partitions", 1, "start", value=0), "overlaps"),
    "outside": (put("disk", "partitions", 1, "size", value=1 << 40), "outside the disk"),
    "change without path": (put("changes", "/etc/none", value={
        "change": "added", "type": "d", "mode": "0755", "uid": 0, "gid": 0, "origins": [
            {"rule": "x", "source": "y", "document": ""}]}), "not what the tree has"),
    "removed but there": (put("changes", "/srv", value={
        "change": "removed", "type": "d", "origins": [{"rule": "x", "source": "y", "document": ""}]}), "tree has it"),
    "change differs": (put("changes", "/etc/hostname", "mode", value="0777"), "not what the tree has"),
    "secret without change": (drop("changes", "/etc/shadow"), "no change says that its content is secret"),
    "keystore nowhere": (put("keystores", "/etc/none.ks", value={"type": "JKS", "entries": []}), "not a regular file"),
    "impossible date": (put("inputs", "certificates", 0, "not_after", value="2033-13-01T00:00:00Z"), "time data"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "told"), CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_manifests_that_contradict_themselves_are_refused(change: Change, told: str) -> None:
    value = the_json()
    change(value)
    with pytest.raises(PipelineError, match=told):
        from_bytes(dumps(value))


def test_all_problems_are_told_at_once() -> None:
    value = the_json()
    value["image"]["size"] = "big"
    value["release"]["epoch"] = -1
    with pytest.raises(PipelineError) as caught:
        from_bytes(dumps(value))
    assert len(caught.value.problems) == 2


def test_bytes_that_are_not_canonical_are_refused() -> None:
    with pytest.raises(PipelineError, match="canonical form"):
        from_bytes(json.dumps(the_json()).encode())


def test_a_later_version_is_named_before_its_fields_are_judged() -> None:
    later = dumps({**the_json(), "version": 2, "something": "new"})
    with pytest.raises(PipelineError) as caught:
        from_bytes(later)
    (problem,) = caught.value.problems
    assert problem.what == "manifest.json: is of version 2; this pipeline reads version 1"


def test_of_known_bytes_all_but_the_tree_is_read() -> None:
    manifest = a_manifest()
    known = known_without_tree(to_bytes(manifest), name="x")
    assert known == replace(manifest, tree=known.tree)
    assert list(known.tree.nodes) == ["/"]
    with pytest.raises(PipelineError, match="x: is not a manifest of this version"):
        known_without_tree(b'{"release": {}}', name="x")
