"""The signed statement and every file it covers: each tampering is caught and named, what was left out is not."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import standards
from pipeline.formats.canonical_json import dumps
from pipeline.model.manifest import Manifest
from pipeline.verification import verify_paths
from tests.support.delivered import Key, Looker, a_manifest_of, deliver, image_bytes, put_sums
from tests.support.manifest import digest

KEY, FOREIGN = Key.new(), Key.new()
GATEWAY, STATEMENT = "gw-1", "gw-1/provenance.json"
COVERED = ("image.bmap", "manifest.json", "sbom.cdx.json", "sbom.spdx.json")
Tamper = Callable[[Path], object]


@pytest.fixture
def release(tmp_path: Path) -> Path:
    place = tmp_path / "out" / "demo-1"
    deliver(place, KEY, "gw-1", "gw-2")
    return place


def named(release: Path, *, sums: bool) -> set[tuple[str, str]]:
    """Findings about one gateway; with the list of digests made anew, as whoever tampers would."""
    if sums:
        put_sums(release)
    else:
        (release / "SHA256SUMS").unlink()
    (release.parent / "trusted").write_text(KEY.line())
    (verdict,) = verify_paths(
        [release / GATEWAY],
        allowed_signers=release.parent / "trusted",
        identity=None,
        deep=False,
        state_dir=release.parent / "state",
        say=lambda text: None,
        observe=Looker(),
        rules=(),
    )
    assert verdict.exit_status == (1 if verdict.findings else 0)
    return {(finding.subject, finding.check) for finding in verdict.findings}


def statement_of(manifest: Manifest, release: Path, *names: str) -> bytes:
    files = {name: digest((release / GATEWAY / name).read_bytes().decode("latin-1")) for name in names}
    return standards.statement(manifest, files)


def put(make: Callable[[Path], bytes], key: Key = KEY) -> Tamper:
    return lambda release: (release / STATEMENT).write_bytes(key.envelope(make(release)))


def the_manifest() -> Manifest:
    return a_manifest_of(GATEWAY, image_bytes(GATEWAY))


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], bytes]:
    """The real statement with one thing changed, well signed all the same."""

    def make(release: Path) -> bytes:
        payload = standards.open_envelope((release / STATEMENT).read_bytes(), KEY.public)
        value = json.loads(payload)
        change(value)
        return dumps(value)

    return make


def flip(name: str, *, at: int = -20) -> Tamper:
    def tamper(release: Path) -> None:
        content = bytearray((release / name).read_bytes())
        content[at] ^= 1
        (release / name).write_bytes(content)

    return tamper


def pipe(name: str) -> Tamper:
    def tamper(release: Path) -> None:
        (release / name).unlink()
        os.mkfifo(release / name)

    return tamper


def other_golden(manifest: Manifest) -> Manifest:
    return replace(manifest, sources=replace(manifest.sources, golden_sha256=digest("another")))


PROVENANCE = "provenance.json"
TAMPERINGS: dict[str, tuple[Tamper, tuple[str, str]]] = {
    "bill altered": (flip("gw-1/sbom.spdx.json"), ("sbom.spdx.json", PROVENANCE)),
    "other bill altered": (flip("gw-1/sbom.cdx.json"), ("sbom.cdx.json", PROVENANCE)),
    "bill of another gateway": (
        lambda release: shutil.copy(release / "gw-2/sbom.cdx.json", release / "gw-1"), ("sbom.cdx.json", PROVENANCE)
    ),
    "bill missing": (lambda release: (release / "gw-1/sbom.cdx.json").unlink(), ("sbom.cdx.json", "missing")),
    "bill a directory": (
        lambda release: [(release / "gw-1/sbom.cdx.json").unlink(), (release / "gw-1/sbom.cdx.json").mkdir()],
        ("sbom.cdx.json", "type"),
    ),
    "block map missing": (lambda release: (release / "gw-1/image.bmap").unlink(), ("image.bmap", "missing")),
    "statement missing": (lambda release: (release / STATEMENT).unlink(), (PROVENANCE, "missing")),
    "statement a pipe": (pipe(STATEMENT), (PROVENANCE, "type")),
    "statement a dangling link": (
        lambda release: [(release / STATEMENT).unlink(), (release / STATEMENT).symlink_to("nowhere")],
        (PROVENANCE, "type"),
    ),
    "statement empty": (lambda release: (release / STATEMENT).write_bytes(b""), (PROVENANCE, "signature")),
    "statement altered": (flip(STATEMENT, at=500), (PROVENANCE, "signature")),
    "statement of another gateway": (
        lambda release: shutil.copy(release / "gw-2" / PROVENANCE, release / "gw-1"),
        (PROVENANCE, "statement.subject[image.img].digest.sha256"),
    ),
    "statement signed by a foreigner": (put(edited(lambda value: None), FOREIGN), (PROVENANCE, "signature")),
    "statement of another type": (
        lambda release: (release / STATEMENT).write_bytes(
            (release / STATEMENT).read_bytes().replace(b"vnd.in-toto+json", b"vnd.in-toto+yaml")
        ),
        (PROVENANCE, "signature"),
    ),
    "signed nonsense": (put(lambda release: b"nonsense"), (PROVENANCE, "statement")),
    "signed, of a build from other inputs": (
        put(lambda release: statement_of(other_golden(the_manifest()), release, *COVERED)),
        (PROVENANCE, "statement.predicate.buildDefinition.resolvedDependencies[golden].digest.exportSha256"),
    ),
    "signed, with a field too many": (
        put(edited(lambda value: value["predicate"]["runDetails"].update(metadata={"invocationId": "7"}))),
        (PROVENANCE, "statement.predicate.runDetails.metadata"),
    ),
    "signed, with another epoch": (
        put(edited(lambda v: v["predicate"]["buildDefinition"]["externalParameters"]["release"].update(epoch=1))),
        (PROVENANCE, "statement.predicate.buildDefinition.externalParameters.release.epoch"),
    ),
    "signed, with true for one": (
        put(edited(lambda v: v["predicate"]["buildDefinition"]["externalParameters"]["release"].update(production=0))),
        (PROVENANCE, "statement.predicate.buildDefinition.externalParameters.release.production"),
    ),
    "signed, without the image": (
        put(edited(lambda value: value["subject"].pop(1))), (PROVENANCE, "statement.subject"),
    ),
    "signed, without a bill": (put(edited(lambda value: value["subject"].pop())), (PROVENANCE, "subject")),
    "signed, with a stray subject": (
        put(edited(lambda value: value["subject"].append({"name": "x", "digest": {"sha256": "0" * 64}}))),
        (PROVENANCE, "statement.subject"),
    ),
    "signed, the same subject twice": (
        put(edited(lambda value: value["subject"].append(value["subject"][0]))), (PROVENANCE, "statement"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("sums", [True, False], ids=["list made anew", "without list"])
@pytest.mark.parametrize(("tamper", "expected"), TAMPERINGS.values(), ids=TAMPERINGS.keys())
def test_each_tampering_is_caught_without_the_list_s_help(
    release: Path, tamper: Tamper, expected: tuple[str, str], sums: bool
) -> None:
    tamper(release)
    assert expected in named(release, sums=sums)


@pytest.mark.parametrize("sums", [True, False])
def test_an_untouched_gateway_passes(release: Path, sums: bool) -> None:
    assert named(release, sums=sums) == set()


def test_without_statement_and_bills_the_manifest_is_enough(release: Path) -> None:
    for name in (PROVENANCE, "sbom.cdx.json", "sbom.spdx.json"):
        (release / "gw-1" / name).unlink()
    assert named(release, sums=False) == set()


def test_beside_a_single_image_a_covered_file_may_have_been_left_out(release: Path) -> None:
    (release / "gw-1/sbom.cdx.json").unlink()
    (release / "SHA256SUMS").unlink()
    verdicts = verify_paths(
        [release / "gw-1/image.img"],
        allowed_signers=release / "allowed_signers",
        identity=None,
        deep=False,
        state_dir=release.parent / "state",
        say=lambda text: None,
        observe=Looker(),
        rules=(),
    )
    assert [verdict.findings for verdict in verdicts] == [()]
    assert "provenance and the files it covers" in verdicts[0].checks


@pytest.mark.parametrize("name", ["provenance.json", "sbom.spdx.json"])
def test_each_file_of_a_delivery_names_it(release: Path, name: str) -> None:
    verdicts = verify_paths(
        [release / "gw-1" / name],
        allowed_signers=release / "allowed_signers",
        identity=None,
        deep=False,
        state_dir=release.parent / "state",
        say=lambda text: None,
        observe=Looker(),
        rules=(),
    )
    assert [(verdict.gateway, verdict.findings) for verdict in verdicts] == [("gw-1", ())]
