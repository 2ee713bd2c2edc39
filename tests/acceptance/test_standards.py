"""Provenance and bills of materials of a finished image, judged by tools of the standards and by libguestfs."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import guestfs
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from google.protobuf import json_format
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

from pipeline.image.appliance import accelerator
from tests.acceptance.conftest import GATEWAYS, Built

pytestmark = [pytest.mark.appliance, pytest.mark.tools]


@pytest.fixture(scope="module")
def directory(built: Built) -> Path:
    return built.release / GATEWAYS[0]


def bill(directory: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((directory / "sbom.cdx.json").read_text())
    return value


def test_pyspdxtools_accepts_the_bill_of_materials(directory: Path) -> None:
    command = [sys.executable, "-m", "spdx_tools.spdx.clitools.pyspdxtools", "--version", "SPDX-2.3", "-i"]
    done = subprocess.run([*command, str(directory / "sbom.spdx.json")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_cyclonedx_s_strict_schema_accepts_the_other(directory: Path) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str((directory / "sbom.cdx.json").read_text()) is None


def test_a_stranger_verifies_the_envelope_with_the_public_key_alone(built: Built, directory: Path) -> None:
    blob = base64.b64decode((built.release / "allowed_signers").read_text().split()[-1])
    envelope = Envelope.from_dict(json.loads((directory / "provenance.json").read_text()))
    (keyid,) = envelope.signatures
    key = SSlibKey(keyid, "ed25519", "ed25519", {"public": blob[-32:].hex()})
    assert list(envelope.verify([key], 1)) == [keyid]
    statement = json_format.ParseDict(json.loads(envelope.payload), StatementMessage())
    Statement.copy_from_pb(statement).validate()
    for subject in statement.subject:
        command = ["sha256sum", "--check", "--status"]
        line = f"{subject.digest['sha256']}  {subject.name}\n"
        assert subprocess.run(command, input=line.encode(), cwd=directory, check=False).returncode == 0, subject.name


def test_libguestfs_finds_the_same_packages_in_the_image(directory: Path, tmp_path: Path) -> None:
    handle = guestfs.GuestFS(python_return_dict=True)
    try:
        handle.set_backend("direct")
        handle.set_backend_settings(list(accelerator.settings(tmp_path, lambda text: None)))
        handle.add_drive_opts(str(directory / "image.img"), readonly=True, format="raw")
        handle.launch()
        (root,) = handle.inspect_os()
        for place, device in sorted(handle.inspect_get_mountpoints(root).items()):
            handle.mount_ro(device, place)
        found = {(one["app2_name"], one["app2_arch"]) for one in handle.inspect_list_applications2(root)}
    finally:
        handle.close()
    urls = [component["purl"] for component in bill(directory)["components"] if "purl" in component]
    ours = {
        (url.removeprefix("pkg:deb/debian/").split("@")[0].replace("%2B", "+"), url.split("arch=")[1].split("&")[0])
        for url in urls
        if url.startswith("pkg:deb/")
    }
    assert ours == found
    assert len(ours) > 100


def test_what_was_injected_is_listed_with_its_signers(directory: Path) -> None:
    packages = [component for component in bill(directory)["components"] if "components" in component]
    assert len(packages) == 2
    for bundle in (inner for package in packages for inner in package["components"]):
        names = [entry["name"].rpartition(":")[2] for entry in bundle["properties"]]
        assert names.count("signer") >= 1, bundle
        assert bundle["hashes"]
