"""A bill of materials beside an image is true, or each package it lies about is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import standards
from pipeline.image.read.facts import WANTED
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind, Node, Tree
from pipeline.model.verdict import Outcome
from pipeline.standards import package_databases
from pipeline.standards.installed import PLACES
from pipeline.verification.bills import compare_bills
from tests.support.manifest import a_file, a_manifest

STATUS = GuestPath("/var/lib/dpkg/status")
RELEASE = GuestPath("/usr/lib/os-release")
MANIFEST = a_manifest()


def status(**packages: str) -> dict[GuestPath, bytes]:
    """What is read of an image with these packages."""
    entries = (
        f"Package: {name}\nStatus: install ok installed\nVersion: {version}\nArchitecture: armhf\n"
        for name, version in packages.items()
    )
    return {STATUS: "\n".join(entries).encode(), RELEASE: b'ID=debian\nVERSION_ID="12"\n'}


def delivered(place: Path, files: dict[GuestPath, bytes]) -> Path:
    """Both bills of an image with these databases."""
    packages = standards.installed_packages(files)
    (place / "sbom.cdx.json").write_bytes(standards.cyclonedx(MANIFEST, packages))
    (place / "sbom.spdx.json").write_bytes(standards.spdx(MANIFEST, packages))
    return place


def test_bills_that_are_true_and_bills_that_are_not_there_pass(tmp_path: Path) -> None:
    files = status(dash="0.5", libc6="2.36")
    assert list(compare_bills(tmp_path, MANIFEST, files)) == []
    assert list(compare_bills(delivered(tmp_path, files), MANIFEST, files)) == []


@pytest.mark.parametrize(
    ("installed", "expected", "seen"),
    [
        ({"dash": "0.5"}, "libc6@2.36", "only listed"),
        ({"dash": "0.5", "libc6": "2.37"}, "libc6@2.37", "does not"),
        ({"dash": "0.5", "libc6": "2.36", "telnetd": "0.17"}, "telnetd@0.17", "does not"),
    ],
)
def test_a_package_more_or_less_is_named_in_both(
    tmp_path: Path, installed: dict[str, str], expected: str, seen: str
) -> None:
    delivered(tmp_path, status(dash="0.5", libc6="2.36"))
    found = list(compare_bills(tmp_path, MANIFEST, status(**installed)))
    assert {one.subject for one in found} == {"sbom.cdx.json", "sbom.spdx.json"}
    assert all(one.outcome is Outcome.DEVIATION for one in found)
    assert sum(expected in one.expected and one.seen == seen for one in found) == 2


def test_the_words_of_another_version_of_the_pipeline_are_no_lie(tmp_path: Path) -> None:
    files = status(dash="0.5")
    delivered(tmp_path, files)
    other = replace(MANIFEST, sources=replace(MANIFEST.sources, pipeline_version="9.9.9"))
    assert list(compare_bills(tmp_path, other, files)) == []


def test_a_database_nobody_can_read_is_no_pass(tmp_path: Path) -> None:
    delivered(tmp_path, status(dash="0.5"))
    (found,) = compare_bills(tmp_path, MANIFEST, {GuestPath("/var/lib/rpm/rpmdb.sqlite"): b"SQLite format 3\0junk"})
    assert found.outcome is Outcome.NOT_LOOKED


def test_every_database_inspection_reads_is_read_again() -> None:
    assert {place for place in WANTED if "/rpm/" in place or place.endswith(("/status", "os-release"))} == set(PLACES)
    nodes = {
        "/": Node(Kind.DIRECTORY, 0o755), "/etc": Node(Kind.DIRECTORY, 0o755), "/usr": Node(Kind.DIRECTORY, 0o755),
        "/usr/lib": Node(Kind.DIRECTORY, 0o755), "/usr/lib/os-release": a_file("ID=x\n"),
        "/etc/os-release": Node(Kind.LINK, 0o777, target="../usr/lib/os-release"),
        "/var": Node(Kind.LINK, 0o777, target="var"),
    }  # fmt: skip
    tree = Tree({GuestPath(path): node for path, node in nodes.items()})
    assert package_databases(tree) == (RELEASE,)
