"""Judged images in four forms: each says the same, and foreign text steers neither terminal nor parser."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lxml import etree

from pipeline.model.rule import Audit, Breach, Judgement, Rule, RuleResult, Severity, Waiver
from pipeline.report.machine.junit import junit
from pipeline.report.machine.rules_json import audit_status, rules_json
from pipeline.report.machine.sarif import sarif
from pipeline.report.text.rules_text import rules_text
from tests.support.sarif_structure import LOG, problems_of

WAIVER = Waiver("test.waived", "tools need it", "Jane Doe", "2027-06-30")
LAPSED = Waiver("test.lapsed", "was needed once", "John Doe", "2020-01-01")
NASTY = "/etc/\x1b[31m\udcffx"


def a_rule(name: str, **more: Any) -> Rule:
    check: Any = None
    title = f"{name} is well"
    why, severity = "It is so.", Severity.MEDIUM
    return Rule(name, title, ("A:84",), ("CIS 5.1.20",), "documents", check, why=why, severity=severity, **more)


def a_result(name: str, judgement: Judgement, *waivers: Waiver | None) -> RuleResult:
    return RuleResult(a_rule(name, remedy="mend it", conflict="others disagree"), judgement, *waivers)


FAILED = Judgement.failed(
    Breach("/etc/ssh/sshd_config", 3, "Port 22", "49153"), Breach(NASTY, 0, "a & <b>\x07", "none")
)
AUDIT = Audit(
    "out/r1/gw-1/image.img",
    "Debian 12, sysv init, ESF 5.0.0",
    "documents",
    (
        a_result("test.fails", FAILED),
        a_result("test.waived", Judgement.failed(Breach("/etc/x", 1, "UsePAM yes", "no")), WAIVER),
        a_result("test.lapsed", Judgement.failed(Breach("/etc/y", 2, "bad", "good")), None, LAPSED),
        a_result("test.passes", Judgement.passed("looked at 3 files")),
        a_result("test.absent", Judgement.not_applicable("no such file")),
        a_result("test.people", Judgement.unverifiable("start it once")),
    ),
)  # fmt: skip
GOOD = Audit("good.img", "Debian 12", "strict", (a_result("test.passes", Judgement.passed("fine")),))


def test_status() -> None:
    assert [audit_status(audits) for audits in ((), (GOOD,), (GOOD, AUDIT))] == [2, 0, 1]


def test_text_names_rule_file_line_waiver_and_remedy() -> None:
    lines = rules_text([AUDIT]).splitlines()
    assert lines[0] == (
        "out/r1/gw-1/image.img (Debian 12, sysv init, ESF 5.0.0), profile documents: "
        "2 failed, 1 waived, 1 passed, 1 not applicable, 1 for people to verify"
    )
    assert "FAIL   test.fails (medium, A:84): test.fails is well" in lines
    assert "       /etc/ssh/sshd_config:3: Port 22; wanted: 49153" in lines
    assert "WAIVED test.waived (medium, A:84): test.waived is well" in lines
    assert "       waived until 2027-06-30 by Jane Doe: tools need it" in lines
    assert "       waiver lapsed on 2020-01-01 by John Doe: was needed once" in lines
    assert "VERIFY test.people: start it once" in lines
    assert "n/a    test.absent: no such file" in lines
    assert "ok     test.passes: looked at 3 files" not in lines
    assert "ok     test.passes: looked at 3 files" in rules_text([AUDIT], everything=True).splitlines()
    assert rules_text([AUDIT]).replace("\n", "").isprintable()


def test_json_says_all() -> None:
    read = json.loads(rules_json([AUDIT, GOOD]))
    assert (read["format"], read["version"], read["exit_status"]) == ("gateway-image-audit", 1, 1)
    by_rule = {entry["rule"]: entry for entry in read["audits"][0]["rules"]}
    assert by_rule["test.fails"]["breaches"][0] == {
        "path": "/etc/\x1b[31m\\377x",
        "line": 0,
        "found": "a & <b>\x07",
        "wanted": "none",
    }
    assert by_rule["test.waived"]["waiver"] == {"reason": "tools need it", "by": "Jane Doe", "until": "2027-06-30"}
    assert not by_rule["test.waived"]["blocks"]
    assert by_rule["test.lapsed"]["lapsed_waiver"]["until"] == "2020-01-01"
    assert [audit["passed"] for audit in read["audits"]] == [False, True]


def test_junit_has_a_case_for_each_rule() -> None:
    root = etree.fromstring(junit([AUDIT, GOOD]))
    first, second = root.findall("testsuite")
    assert {name: first.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6",
        "failures": "2",
        "errors": "0",
        "skipped": "3",
    }
    cases = {case.get("name"): case for case in first.findall("testcase")}
    assert "/etc/ssh/sshd_config:3: Port 22; wanted: 49153" in cases["test.fails"].findtext("failure")
    assert cases["test.waived"].find("skipped").get("message") == "waived until 2027-06-30 by Jane Doe: tools need it"
    assert "UsePAM yes" in cases["test.waived"].findtext("system-out")
    assert cases["test.people"].find("skipped").get("message").startswith("cannot be verified offline")
    assert cases["test.passes"].find("failure") is None
    assert second.get("name") == "good.img"


def test_sarif_is_of_the_shape_of_2_1_0() -> None:
    log = json.loads(sarif([AUDIT, GOOD]))
    assert problems_of(log) == []
    assert log["version"] == "2.1.0"
    assert len(log["runs"]) == 2
    run = log["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        assert result["kind"] in {"pass", "fail", "notApplicable", "review"}
        assert (result["level"] != "none") == (result["kind"] == "fail")
        for location in result.get("locations", ()):
            uri = location["physicalLocation"]["artifactLocation"]["uri"]
            assert uri.isascii()
            assert not set(uri) & set(' "<>\\^`{|}\x1b[]')
            assert not uri.startswith("/")
            assert location["physicalLocation"].get("region", {"startLine": 1})["startLine"] >= 1
    waived = next(result for result in run["results"] if result["ruleId"] == "test.waived")
    assert waived["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": "tools need it (Jane Doe, until 2027-06-30)"}
    ]
    assert {result["ruleId"]: result["kind"] for result in run["results"]}["test.people"] == "review"


@pytest.mark.parametrize(
    ("at", "value", "said"),
    [
        (("version",), "2.0.0", "log.version: '2.0.0' is none of 2.1.0"),
        (("runs", 0, "tool"), {}, "driver is missing"),
        (("runs", 0, "results", 0, "locations", 0, "physicalLocation", "region"), {"startLine": 0}, "from 1 on"),
        (("runs", 0, "results", 0, "kind"), "failed", "'failed' is none of"),
        (("runs", 0, "results", 0, "other"), 1, "other is not of the schema"),
        (("runs", 0, "tool", "driver", "rules", 0, "properties"), {"tags": ["a", "a"]}, "has an item twice"),
    ],
)
def test_a_log_that_is_none_is_seen(at: tuple[Any, ...], value: object, said: str) -> None:
    log = json.loads(sarif([AUDIT, GOOD]))
    place = log
    for step in at[:-1]:
        place = place[step]
    place[at[-1]] = value
    assert any(said in problem for problem in LOG("log", log))


@pytest.mark.parametrize("form", [rules_json, junit, sarif])
def test_the_same_audit_gives_the_same_bytes(form: Any) -> None:
    assert form([AUDIT]) == form([AUDIT])
