"""Verdicts on a screen and for machines."""

from __future__ import annotations

import json

import pytest

from pipeline.model.verdict import Finding, Outcome, Verdict
from pipeline.report.machine.json_report import exit_status, verdicts_json
from pipeline.report.text.console import summary_lines, verdict_lines

GOOD = Verdict("gw-1", (), ("signature of a@b", "29 paths"))
BAD = Verdict(
    "gw-2",
    (
        Finding("image.img", "sha256", "0" * 64, "1" * 64),
        Finding("/etc/\udcff\x1b[2J", "mode", "0644", "0666"),
        Finding("/etc/b", "mode", "0644", "0666"),
        Finding("manifest.json", "schema", "", "$.x: not a known key"),
    ),
    ("signature",),
)
BLIND = Verdict("gw-3", (Finding("image.img", "readable", "", "no appliance", Outcome.NOT_LOOKED),), ())


def test_the_summary_says_first_what_did_not_pass() -> None:
    assert summary_lines([GOOD, BLIND, BAD]) == [
        "FAIL gw-2: DEVIATES, 4 findings",
        "       sha256: image.img",
        "       mode: /etc/\\udcff\\x1b[2J and 1 more",
        "       schema: manifest.json",
        "FAIL gw-3: COULD NOT LOOK, 1 finding",
        "       readable: image.img",
        "ok   gw-1: verified (signature of a@b; 29 paths)",
        "3 looked at: 1 DEVIATES, 1 COULD NOT LOOK, 1 verified",
    ]


REAL = (
    "signature of release@example", "manifest", "provenance and the files it covers", "block map",
    "image, partitions and what lies outside them", "124 rules: 110 pass, 7 not applicable, 7 for people",
    "5732 paths: names and metadata; content of every changed file that is not secret", "SHA256SUMS",
)  # fmt: skip
DEEP = Finding(f"/opt/{'very/' * 30}deep/file", "content", "aa", "bb")


def test_the_end_of_a_long_path_is_shown() -> None:
    line = summary_lines([Verdict("gw-2", (DEEP,), ())])[1]
    assert line.startswith("       content: …")
    assert line.endswith("/very/deep/file")


def test_what_was_covered_is_told_where_there_is_room() -> None:
    assert summary_lines([Verdict("gw-1", (), REAL)]) == [
        "ok   gw-1: verified (signature of release@example; manifest; provenance and the",
        "       files it covers; block map; image, partitions and what lies outside them;",
        "       124 rules: 110 pass, 7 not applicable, 7 for people; 5732 paths: names",
        "       and metadata; content of every changed file that is not secret;",
        "       SHA256SUMS)",
        "1 looked at: 1 verified",
    ]
    assert summary_lines([Verdict(f"gw-{number}", (), REAL) for number in range(9)])[0] == "ok   gw-0: verified"


@pytest.mark.parametrize("good", [GOOD, Verdict("gw-1", (), REAL)])
@pytest.mark.parametrize("bad", [BAD, Verdict("gw-2", (DEEP, DEEP, *BAD.findings), REAL)])
@pytest.mark.parametrize("count", [0, 1, 3, 7, 30, 1000])
def test_the_summary_fits_a_screen(count: int, good: Verdict, bad: Verdict) -> None:
    verdicts = [*[bad] * count, *[good] * count]
    lines = summary_lines(verdicts)
    assert len(lines) <= 22
    assert max(map(len, lines)) <= 80
    assert lines[-1].startswith(f"{2 * count} looked at" if count else "nothing")


def test_the_details_have_every_finding_on_one_harmless_line() -> None:
    assert verdict_lines(BAD) == [
        f"gw-2: image.img: sha256: expected {'0' * 64}, found {'1' * 64}",
        "gw-2: /etc/\\udcff\\x1b[2J: mode: expected 0644, found 0666",
        "gw-2: /etc/b: mode: expected 0644, found 0666",
        "gw-2: manifest.json: schema: $.x: not a known key",
    ]
    assert verdict_lines(BLIND) == ["gw-3: image.img: readable: could not look: no appliance"]
    assert verdict_lines(GOOD) == []


def test_the_json_says_the_same() -> None:
    value = json.loads(verdicts_json([GOOD, BAD, BLIND]))
    assert value["exit_status"] == 2
    assert [verdict["passed"] for verdict in value["verdicts"]] == [True, False, False]
    assert [verdict["exit_status"] for verdict in value["verdicts"]] == [0, 1, 2]
    assert value["verdicts"][1]["findings"][1]["subject"] == "/etc/\\377\x1b[2J"
    assert value["verdicts"][2]["findings"][0]["outcome"] == "not looked"


def test_the_exit_status_is_the_worst_and_nothing_is_no_pass() -> None:
    assert exit_status([GOOD]) == 0
    assert exit_status([GOOD, BAD]) == 1
    assert exit_status([GOOD, BAD, BLIND]) == 2
    assert exit_status([]) == 2
