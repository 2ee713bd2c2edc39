"""One gateway of a release of deltas, looked at alone: its files are what was signed, not what the sums beside say."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.verification.delivery import BASE
from pipeline.verification.fleet import Trusted, verify_fleet
from pipeline.verification.sums import promised_by_signer
from tests.support.delivered import Key, put_statement, put_sums

KEY, FOREIGN = Key.new(), Key.new()


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """The directories and files, whose manifests nobody will read."""
    place = tmp_path / "demo-1"
    for directory, names in ((BASE, ("manifest.json", "sbom.cdx.json")), ("gw-1", ("manifest.json",))):
        (place / directory).mkdir(parents=True)
        for name in names:
            (place / directory / name).write_text(f"{directory} {name}")
    put_statement(place, KEY)
    put_sums(place)
    (tmp_path / "trusted").write_text(KEY.line())
    return place


def findings(release: Path) -> set[tuple[str, str]]:
    trusted = Trusted(release.parent / "trusted", None, None)
    verdicts = verify_fleet(
        release, ["gw-1"], trusted, deep=False, state_dir=release.parent / "state", say=lambda _: None, rules=()
    )
    return {(one.subject, one.check) for verdict in verdicts for one in verdict.findings}


def test_a_file_that_was_changed_with_the_sums_deviates(release: Path) -> None:
    before = findings(release)
    assert (f"{BASE}/sbom.cdx.json", "digest") not in before
    (release / BASE / "sbom.cdx.json").write_text("fewer packages")
    (release / "gw-1" / "notes.txt").write_text("listed by the sums")
    put_sums(release)
    assert findings(release) - before == {(f"{BASE}/sbom.cdx.json", "digest"), ("gw-1/notes.txt", "extra")}


def test_a_statement_nobody_trusts_is_named_and_counts_for_nothing(release: Path) -> None:
    (release / "release.json.sig").write_bytes(FOREIGN.sign((release / "release.json").read_bytes()))
    assert ("release.json", "signature") in findings(release)
    signed, wrong = promised_by_signer(release, release.parent / "trusted", None, None)
    assert signed is None
    assert wrong


def test_without_a_statement_the_sums_count(release: Path) -> None:
    for name in ("release.json", "release.json.sig"):
        (release / name).unlink()
    put_sums(release)
    assert promised_by_signer(release, release.parent / "trusted", None, None) == (None, ())
    before = findings(release)
    (release / BASE / "sbom.cdx.json").write_text("fewer packages")
    assert findings(release) - before == {(f"{BASE}/sbom.cdx.json", "digest")}
