"""The statement: complete, reproducible, and what in-toto's own message types can hold."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage

from pipeline.formats.canonical_json import dumps
from pipeline.manifest import from_bytes, to_bytes
from pipeline.model.gateway import Gateway, Interface, User
from pipeline.plan.gateway_facts import row_of
from pipeline.standards import statement
from pipeline.standards.provenance import BUILD_TYPE, BUILDER, subjects_of
from tests.support.manifest import a_manifest, digest

FILES = {"manifest.json": digest("manifest"), "image.bmap": digest("bmap")}
DOCS = Path(__file__).resolve().parents[3] / "docs" / "reference" / "standards.md"


def the_statement() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(statement(a_manifest(), FILES))
    return value


def test_in_toto_s_own_types_hold_it_without_an_unknown_field() -> None:
    value = the_statement()
    message = json_format.ParseDict(value, StatementMessage())
    Statement.copy_from_pb(message).validate()
    predicate = json_format.ParseDict(value["predicate"], Provenance())
    assert predicate.build_definition.build_type == BUILD_TYPE
    assert predicate.run_details.builder.id == BUILDER
    back = json_format.MessageToDict(predicate)
    assert (
        back["buildDefinition"]["resolvedDependencies"] == value["predicate"]["buildDefinition"]["resolvedDependencies"]
    )


def test_those_types_do_refuse_what_is_wrong() -> None:
    predicate = the_statement()["predicate"]
    with pytest.raises(json_format.ParseError):
        json_format.ParseDict({**predicate, "madeUp": 1}, Provenance())


def test_image_manifest_and_what_lies_beside_them_are_the_subject() -> None:
    manifest = a_manifest()
    subjects = subjects_of(statement(manifest, FILES))
    assert subjects == {**FILES, "image.img": manifest.image.sha256}


def test_every_input_is_a_resolved_dependency_with_a_digest() -> None:
    dependencies = the_statement()["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert {one["name"]: one["digest"] for one in dependencies} == {
        "vanilla.img": {"sha256": digest("vanilla")},
        "golden": {"exportSha256": digest("golden")},
        "golden.lock": {"sha256": digest("golden.lock")},
        "gateway.toml": {"sha256": digest("configuration")},
        "motd": {"treeSha256": digest("motd")},
        "x.dp": {"sha256": digest("dp")},
        "signer": {"sha256": digest("signer")},
        "gateway-image-pipeline": {"treeSha256": digest("pipeline")},
    }


def test_all_that_a_person_decides_is_an_external_parameter() -> None:
    definition = the_statement()["predicate"]["buildDefinition"]
    assert definition["externalParameters"] == {
        "configuration": "gateway.toml",
        "release": {"name": "demo-1", "epoch": 1_700_000_000, "production": False},
        "gateway": {"name": "gw-1", "serial": "SN-1", "interfaces": {}, "users": [], "variables": ["site"]},
        "vanilla": "vanilla.img",
        "golden": "golden",
        "overlays": ["motd"],
    }
    names = {one["name"] for one in definition["resolvedDependencies"]}
    parameters = definition["externalParameters"]
    assert {parameters["configuration"], parameters["vanilla"], parameters["golden"], *parameters["overlays"]} <= names
    assert definition["internalParameters"] == {"tools": {"e2fsprogs": "1.47.0"}}


def test_it_repeats_and_says_nothing_of_the_run() -> None:
    manifest = a_manifest()
    assert statement(manifest, FILES) == statement(from_bytes(to_bytes(manifest)), dict(reversed(FILES.items())))
    assert set(the_statement()["predicate"]["runDetails"]) == {"builder"}


@pytest.mark.parametrize("change", ["release", "epoch", "gateway", "image", "sources"])
def test_another_build_has_another_statement(change: str) -> None:
    manifest = a_manifest()
    other = {
        "release": "demo-2",
        "epoch": 5,
        "gateway": "gw-2",
        "image": replace(manifest.image, sha256=digest("other")),
        "sources": replace(manifest.sources, golden_sha256=digest("other"), inventory={}),
    }
    assert statement(replace(manifest, **{change: other[change]}), FILES) != statement(manifest, FILES)


def test_the_build_type_is_documented_with_every_parameter() -> None:
    text = DOCS.read_text("utf-8")
    assert BUILD_TYPE in text
    assert BUILDER in text
    definition = the_statement()["predicate"]["buildDefinition"]
    for name in (*definition["externalParameters"], *definition["internalParameters"], "treeSha256", "exportSha256"):
        assert f"`{name}" in text, name


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}\n",
        b"[]\n",
        b'{\n  "subject": [\n    5\n  ]\n}\n',
        b'{\n  "subject": 5\n}\n',
        dumps({"subject": [{"digest": {"sha256": 5}, "name": "x"}]}),
        dumps({"subject": [{"digest": "sha256", "name": "x"}]}),
        b'{"subject": []}',
    ],
)
def test_a_payload_that_is_no_statement_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="it "):
        subjects_of(payload)


def test_a_subject_named_twice_is_refused() -> None:
    text = statement(a_manifest(), FILES).replace(b'"image.bmap"', b'"image.img"')
    with pytest.raises(ValueError, match="twice"):
        subjects_of(text)


KEY_LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMcRpO6sBQ9r6TESoZfWJt0y3W0GUUPEN6bq0b0Ck1xh anna@example.com"


def test_the_published_row_has_no_person_and_no_value_that_may_be_secret() -> None:
    gateway = Gateway(
        "gw-1",
        "SN-1",
        {"wlan0": Interface("wlan0", "lan", ssid="north_ap"), "eth0": Interface("eth0", "wan", dhcp_range=("a", "b"))},
        (User("support", 1500, (KEY_LINE,)),),
        {"vpn_key": "hunter2", "site": "North"},
    )
    row = row_of(gateway)
    text = json.dumps(row)
    assert row["variables"] == ["site", "vpn_key"]
    assert not re.search("hunter2|anna|AAAA|North", text)
    assert re.search(r'"keys": \["SHA256:[A-Za-z0-9+/]{43}"\]', text)
    assert list(row["interfaces"]) == ["eth0", "wlan0"]  # type: ignore[call-overload]
    assert '"ssid": "north_ap"' in text
