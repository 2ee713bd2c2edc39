"""The release as a whole is signed: whatever is taken away, changed or added deviates, whoever writes the sums anew."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.formats import canonical_json
from pipeline.manifest import NAMESPACE, ReleaseStatement, release_from_bytes, release_to_bytes
from pipeline.model.verdict import Verdict
from pipeline.verification import verify_paths
from tests.support.delivered import SIGNER, Key, Looker, deliver, put_statement, put_sums

KEY, FOREIGN = Key.new(), Key.new()


@pytest.fixture
def release(tmp_path: Path) -> Path:
    place = tmp_path / "out" / "demo-1"
    deliver(place, KEY, "gw-1", "gw-2", "gw-3")
    (place / "report.html").write_text("all verified")
    put_statement(place, KEY)
    put_sums(place)
    (tmp_path / "trusted").write_text(KEY.line())
    return place


def verify(*paths: Path) -> tuple[Verdict, ...]:
    top = next(parent for parent in paths[0].parents if (parent / "trusted").exists())
    return verify_paths(
        paths, allowed_signers=top / "trusted", identity=None, deep=False, state_dir=top / "state",
        say=lambda _: None, rules=(), observe=Looker(),
    )  # fmt: skip


def found(*paths: Path) -> set[tuple[str, str]]:
    return {(finding.subject, finding.check) for verdict in verify(*paths) for finding in verdict.findings}


def test_an_untouched_release_is_verified_as_a_whole(release: Path) -> None:
    assert found(release) == set()
    assert any("release.json: signature of" in check for check in verify(release)[-1].checks)


def _drop(release: Path) -> None:
    for name in ("gw-2", "gw-3"):
        shutil.rmtree(release / name)


def _strip(release: Path) -> None:
    for name in ("release.json", "release.json.sig"):
        (release / name).unlink()


def _drop_all(release: Path) -> None:
    for name in ("gw-1", "gw-2", "gw-3"):
        shutil.rmtree(release / name)


def _statement_without(release: Path) -> None:
    value = json.loads((release / "release.json").read_bytes())
    del value["gateways"]["gw-2"]
    (release / "release.json").write_bytes(canonical_json.dumps(value))
    shutil.rmtree(release / "gw-2")


def _other_release(release: Path) -> None:
    """A statement that was rightly signed, of another release."""
    value = json.loads((release / "release.json").read_bytes())
    content = canonical_json.dumps(value | {"release": "demo-2"})
    (release / "release.json").write_bytes(content)
    (release / "release.json.sig").write_bytes(KEY.sign(content))


def _manifest_as_statement(release: Path) -> None:
    for suffix in ("", ".sig"):
        shutil.copy(release / "gw-1" / f"manifest.json{suffix}", release / f"release.json{suffix}")


CHANGES: dict[str, tuple[Callable[[Path], object], tuple[str, str]]] = {
    "gateways dropped": (_drop, ("gw-2/image.img", "missing")),
    "all gateways dropped": (_drop_all, ("gw-1/image.img", "missing")),
    "report edited": (lambda r: (r / "report.html").write_text("all fine"), ("report.html", "release.json")),
    "report taken away": (lambda r: (r / "report.html").unlink(), ("report.html", "missing")),
    "extra file": (lambda r: (r / "release-notes.txt").write_text("flash it"), ("release-notes.txt", "extra")),
    "extra file in a gateway": (lambda r: (r / "gw-1" / "README").write_text("x"), ("gw-1/README", "extra")),
    "hidden file in a gateway": (lambda r: (r / "gw-1" / ".x").write_text("x"), ("gw-1/.x", "extra")),
    "image twice": (lambda r: (r / "gw-1" / "image.img.gz").write_text("x"), ("gw-1/image.img.gz", "extra")),
    "signers replaced": (
        lambda r: (r / "allowed_signers").write_text(FOREIGN.line()), ("allowed_signers", "release.json"),
    ),
    "statement taken away": (_strip, ("release.json", "missing")),
    "signature taken away": (lambda r: (r / "release.json.sig").unlink(), ("release.json", "signature")),
    "statement edited": (_statement_without, ("release.json", "signature")),
    "statement by a foreigner": (
        lambda r: (r / "release.json.sig").write_bytes(FOREIGN.sign((r / "release.json").read_bytes())),
        ("release.json", "signature"),
    ),
    "statement of another release": (_other_release, ("gw-1", "release")),
    "a manifest in its place": (_manifest_as_statement, ("release.json", "format")),
    "a pipe in its place": (
        lambda r: ((r / "release.json").unlink(), os.mkfifo(r / "release.json")), ("release.json", "signature"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "finding"), CHANGES.values(), ids=CHANGES)
def test_what_is_changed_deviates_although_the_sums_fit(
    release: Path, change: Callable[[Path], object], finding: tuple[str, str]
) -> None:
    change(release)
    (release / "SHA256SUMS").unlink()
    put_sums(release)
    verdicts = verify(release)
    assert not all(verdict.passed for verdict in verdicts)
    assert finding in {(one.subject, one.check) for verdict in verdicts for one in verdict.findings}


def test_a_file_in_a_gateways_directory_deviates_when_it_alone_is_verified(release: Path) -> None:
    assert found(release / "gw-1") == set()
    (release / "gw-1" / "README").write_text("listed, and signed by nobody")
    put_sums(release)
    assert found(release / "gw-1") == {("gw-1/README", "extra")}


def test_a_report_that_is_a_pipe_is_no_regular_file(release: Path) -> None:
    (release / "report.html").unlink()
    os.mkfifo(release / "report.html")
    assert ("report.html", "type") in found(release)


def test_gateways_of_an_old_release_are_verified_one_by_one(release: Path) -> None:
    _strip(release)
    put_sums(release)
    (whole,) = [verdict for verdict in verify(release) if not verdict.passed]
    assert whole.exit_status == 1
    assert "verify its gateways one by one" in whole.findings[0].seen
    assert found(*(release / name for name in ("gw-1", "gw-2", "gw-3"))) == set()


@pytest.mark.tools
def test_stock_openssh_checks_the_release(release: Path) -> None:
    command = [
        "ssh-keygen", "-Y", "verify", "-f", release.parents[1] / "trusted", "-I", SIGNER, "-n", NAMESPACE,
        "-s", release / "release.json.sig",
    ]  # fmt: skip
    content = (release / "release.json").read_bytes()
    subprocess.run(command, input=content, check=True, capture_output=True)
    done = subprocess.run(command, input=content.replace(b"gw-1", b"gw-9"), check=False, capture_output=True)
    assert done.returncode != 0


_GOOD = ReleaseStatement("demo", 1, {"gw-1": {"image.img": "0" * 64}}, {"allowed_signers": "1" * 64})


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2}, {"version": True}, {"version": "1"}, {"format": "x"}, {"more": 1}, {"release": "../x"},
        {"release": 5}, {"epoch": "1"}, {"epoch": True}, {"gateways": {}}, {"gateways": []}, {"gateways": {"..": {}}},
        {"gateways": {"gw/1": {}}}, {"gateways": {"gw-1": []}}, {"gateways": {"gw-1": {"a/b": "0" * 64}}},
        {"gateways": {"gw-1": {"a": "0" * 63}}}, {"files": {"x": 1}}, {"files": None}, {"files": {".x": "0" * 64}},
    ],
)  # fmt: skip
def test_what_is_no_statement_is_refused(change: dict[str, object]) -> None:
    value = json.loads(release_to_bytes(_GOOD))
    assert release_from_bytes(release_to_bytes(_GOOD)) == _GOOD
    with pytest.raises(PipelineError, match=r"release\.json"):
        release_from_bytes(canonical_json.dumps(value | change))


@pytest.mark.parametrize("content", [b"", b"{", b"[]\n", b"\xff", b'{"format": "gateway-image-release"}\n', b"[" * 99])
def test_bytes_that_are_no_statement_are_refused(content: bytes) -> None:
    with pytest.raises(PipelineError, match=r"release\.json"):
        release_from_bytes(content)
