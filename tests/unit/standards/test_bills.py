"""Bills of materials: complete, reproducible, and valid to the standards' own validators."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from pipeline.model.guest_path import GuestPath
from pipeline.model.manifest import Manifest
from pipeline.model.tree import Tree
from pipeline.standards import InstalledPackage, cyclonedx, installed_packages, spdx
from tests.support.jars.packages import DPKG, OPKG, OS_RELEASE
from tests.support.manifest import a_file, a_manifest, digest

PLUGIN = "/opt/eurotech/esf_5.0.0/plugins/org.eclipse.kura.core_1.0.10.v2018-1.jar"
PACKAGES = installed_packages(
    {
        GuestPath("/etc/os-release"): OS_RELEASE,
        GuestPath("/var/lib/dpkg/status"): DPKG,
        GuestPath("/var/lib/opkg/status"): OPKG,
    }
)


def with_plugins() -> Manifest:
    manifest = a_manifest()
    more = {GuestPath(PLUGIN): a_file("core"), GuestPath("/srv/x_1.0.jar"): a_file("elsewhere")}
    more[GuestPath("/opt/plugins/b\udce9_2.jar")] = a_file("odd name")
    return replace(manifest, tree=Tree({**manifest.tree.nodes, **more}))


def the_spdx(packages: Sequence[InstalledPackage] = PACKAGES) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(spdx(with_plugins(), packages))
    return value


def the_cyclonedx(packages: Sequence[InstalledPackage] = PACKAGES) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(cyclonedx(with_plugins(), packages))
    return value


def spdx_complaints(value: dict[str, Any], place: Path) -> list[str]:
    file = place / "bill.spdx.json"
    file.write_text(json.dumps(value))
    return [message.validation_message for message in validate_full_spdx_document(parse_file(str(file)), "SPDX-2.3")]


def cyclonedx_complaints(value: dict[str, Any]) -> list[str]:
    found = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(value), all_errors=True)
    return [str(error) for error in found or ()]


@pytest.mark.parametrize("packages", [PACKAGES, ()], ids=["with", "without"])
def test_spdx_s_own_validator_accepts_it(tmp_path: Path, packages: Sequence[InstalledPackage]) -> None:
    assert spdx_complaints(the_spdx(packages), tmp_path) == []


def test_spdx_s_own_validator_does_look(tmp_path: Path) -> None:
    value = the_spdx()
    value["relationships"][2]["relatedSpdxElement"] = "SPDXRef-nowhere"
    value["packages"][0]["checksums"][0]["checksumValue"] = "5"
    assert len(spdx_complaints(value, tmp_path)) == 2


@pytest.mark.parametrize("packages", [PACKAGES, ()], ids=["with", "without"])
def test_cyclonedx_s_own_schema_accepts_it(packages: Sequence[InstalledPackage]) -> None:
    assert cyclonedx_complaints(the_cyclonedx(packages)) == []


def test_cyclonedx_s_own_schema_does_look() -> None:
    value = the_cyclonedx()
    value["metadata"]["component"]["type"] = "thing"
    value["extra"] = 1
    assert len(cyclonedx_complaints(value)) == 2


def test_cyclonedx_s_own_library_reads_every_component() -> None:
    bom = Bom.from_json(the_cyclonedx())  # type: ignore[attr-defined]
    assert bom.metadata.component.name == "gw-1"
    assert {component.name for component in bom.components} >= {"libc6", "base-files", "org.eclipse.kura.core"}
    assert bom.validate()


def test_the_same_things_are_in_both() -> None:
    names = {
        "dash",
        "epochal",
        "libc6",
        "base-files",
        "org.eclipse.kura.core",
        "b\\351",
        "com.example.dp",
        "com.example.x",
    }
    packages = {package["name"] for package in the_spdx()["packages"]}
    assert packages == names | {"gw-1", "vanilla.img"}
    components = the_cyclonedx()["components"]
    inner = [component for outer in components for component in outer.get("components", ())]
    assert {component["name"] for component in (*components, *inner)} == names


def test_the_image_is_firmware_made_from_the_vanilla_image() -> None:
    manifest = a_manifest()
    image = the_cyclonedx()["metadata"]["component"]
    assert (image["type"], image["version"]) == ("firmware", "demo-1")
    assert image["hashes"] == [{"alg": "SHA-256", "content": manifest.image.sha256}]
    assert image["pedigree"]["ancestors"][0]["hashes"][0]["content"] == digest("vanilla")
    value = the_spdx()
    described = value["packages"][0]
    assert described["primaryPackagePurpose"] == "FIRMWARE"
    assert described["checksums"] == [{"algorithm": "SHA256", "checksumValue": manifest.image.sha256}]
    assert [(one["relationshipType"], one["spdxElementId"]) for one in value["relationships"][:2]] == [
        ("DESCRIBES", "SPDXRef-DOCUMENT"),
        ("GENERATED_FROM", described["SPDXID"]),
    ]


def test_injected_bundles_name_their_signers_and_both_digests() -> None:
    (package,) = (one for one in the_cyclonedx()["components"] if one["name"] == "com.example.dp")
    (bundle,) = package["components"]
    properties = [(one["name"].removeprefix("gateway-image-pipeline:"), one["value"]) for one in bundle["properties"]]
    assert properties == [
        ("sort", "bundle"),
        ("file", "x.jar"),
        ("sha256-before-signing", digest("x")),
        ("signed", "by this release"),
        ("signer", "CN=Bundles"),
        ("signer", "CN=Root"),
        ("signer-sha256", digest("signer")),
        ("signer-sha256", digest("root")),
    ]
    assert bundle["hashes"][0]["content"] == digest("xs")
    assert bundle["purl"] == "pkg:p2/com.example.x@1.0.0?classifier=osgi.bundle"
    (described,) = (one for one in the_spdx()["packages"] if one["name"] == "com.example.x")
    assert "signer: CN=Bundles; signer: CN=Root" in described["comment"]
    assert described["checksums"][0]["checksumValue"] == digest("xs")


def test_the_platform_s_own_bundles_are_known_by_their_files() -> None:
    (plugin,) = (one for one in the_cyclonedx()["components"] if one["bom-ref"] == PLUGIN)
    assert (plugin["name"], plugin["version"]) == ("org.eclipse.kura.core", "1.0.10.v2018-1")
    assert plugin["hashes"][0]["content"] == digest("core")


def test_package_urls_are_what_their_library_writes() -> None:
    urls = [one["purl"] for one in the_cyclonedx()["components"] if "purl" in one]
    assert len(urls) == 6
    assert [PackageURL.from_string(url).to_string() for url in urls] == urls


def test_without_a_database_nobody_is_told_that_the_list_is_whole() -> None:
    assert the_cyclonedx(())["compositions"][0] == {"aggregate": "incomplete", "assemblies": ["image"]}
    assert the_cyclonedx()["compositions"][0] == {"aggregate": "unknown", "assemblies": ["image"]}
    assert the_cyclonedx()["compositions"][1] == {"aggregate": "complete", "assemblies": ["x.dp"]}
    assert "no package database" in the_spdx(())["packages"][0]["comment"]
    assert "no package database" not in the_spdx()["packages"][0]["comment"]


def test_licences_are_asserted_by_nobody() -> None:
    assert {one["licenseConcluded"] + one["licenseDeclared"] for one in the_spdx()["packages"]} == {"NOASSERTION" * 2}
    assert "licenses" not in json.dumps(the_cyclonedx())


def test_documents_repeat_and_their_identifiers_are_those_of_the_image() -> None:
    manifest = a_manifest()
    assert spdx(manifest, PACKAGES) == spdx(a_manifest(), PACKAGES)
    assert cyclonedx(manifest, PACKAGES) == cyclonedx(a_manifest(), PACKAGES)
    space = uuid.uuid5(uuid.NAMESPACE_URL, "urn:gateway-image-pipeline:sbom")
    stem = f"{manifest.image.sha256} {manifest.sources.pipeline_sha256}"
    assert the_spdx()["documentNamespace"] == f"urn:uuid:{uuid.uuid5(space, f'spdx {stem}')}"
    assert the_cyclonedx()["serialNumber"] == f"urn:uuid:{uuid.uuid5(space, f'cyclonedx {stem}')}"
    assert the_cyclonedx()["metadata"]["timestamp"] == the_spdx()["creationInfo"]["created"] == "2023-11-14T22:13:20Z"


def test_a_thousand_packages_that_read_alike_stay_apart() -> None:
    names = [f"lib{letter}{number}" for letter in ("a+", "a-", "a.", "a~") for number in range(250)]
    text = "\n".join(f"Package: {name}\nVersion: 1\nStatus: install ok installed\n" for name in names)
    packages = installed_packages({GuestPath("/var/lib/dpkg/status"): text.encode()})
    identifiers = [one["SPDXID"] for one in the_spdx(packages)["packages"]]
    assert len(set(identifiers)) == len(identifiers) > 1000
