"""A release for machines: JUnit as CI servers read it, SARIF as its standard wants it, JSON in the canonical form."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from pipeline.formats import canonical_json
from pipeline.model.manifest import Manifest
from pipeline.model.verdict import Finding, Outcome, Verdict
from pipeline.report.machine.release_json import release_json
from pipeline.report.machine.release_junit import release_junit
from pipeline.report.machine.release_sarif import release_sarif
from tests.support.fleet import CHECKS, a_fleet, a_gateway, verified

NASTY = "]]></x>\x1b[31m\udcff & <b>"
FINDINGS = (
    Finding("/etc/shadow", "content", "aa", "bb"),
    Finding("image.img", "readable", "", "why", Outcome.NOT_LOOKED),
    Finding(NASTY, "mode", NASTY, NASTY),
)

# What the Jenkins and GitLab readers of JUnit XML have in common.
JUNIT = etree.RelaxNG(
    etree.XML(
        """<element name="testsuites" xmlns="http://relaxng.org/ns/structure/1.0"
            datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes">
        <attribute name="name"/>
        <zeroOrMore><element name="testsuite">
          <attribute name="name"/>
          <attribute name="tests"><data type="nonNegativeInteger"/></attribute>
          <attribute name="failures"><data type="nonNegativeInteger"/></attribute>
          <attribute name="errors"><data type="nonNegativeInteger"/></attribute>
          <attribute name="skipped"><data type="nonNegativeInteger"/></attribute>
          <optional><element name="properties"><oneOrMore><element name="property">
            <attribute name="name"/><attribute name="value"/></element></oneOrMore></element></optional>
          <zeroOrMore><element name="testcase">
            <attribute name="classname"/><attribute name="name"/><attribute name="time"/>
            <optional><choice>
              <element name="failure"><attribute name="message"/><text/></element>
              <element name="error"><attribute name="message"/><text/></element>
              <element name="skipped"><attribute name="message"/><text/></element>
            </choice></optional>
          </element></zeroOrMore>
        </element></zeroOrMore></element>"""
    )
)


def failing(manifest: Manifest) -> Manifest:
    """The first rule is broken, and nobody has waived it."""
    rules = (replace(manifest.rules[0], outcome="fail", breaches=(f"/etc/x:3: {NASTY}",)), *manifest.rules[1:])
    return replace(manifest, rules=rules)


def suites(data: bytes) -> dict[str, etree._Element]:
    root = etree.fromstring(data)
    JUNIT.assertValid(root.getroottree())
    for suite in root:
        for kind, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(kind)) == len(suite.findall(f"testcase/{element}"))
        assert int(suite.get("tests")) == len(suite.findall("testcase"))
    return {suite.get("name"): suite for suite in root}


def test_junit_has_a_case_for_each_rule_and_each_check() -> None:
    fleet = list(a_fleet(8))
    found = suites(release_junit(fleet, verified(8)))
    assert list(found) == [manifest.gateway for manifest in fleet]
    names = [case.get("name") for case in found["gw-0000"].findall("testcase")]
    assert names == [*(rule.id for rule in fleet[0].rules), *CHECKS]
    (waived,) = found["gw-0007"].xpath("testcase[@name='ssh.port']/skipped")
    assert waived.get("message") == "waived until 2027-06-30 by Jane Doe: laboratory unit"
    assert waived.text == "/etc/ssh/sshd_config:12: Port 22"


def test_junit_tells_failures_errors_and_the_release_apart() -> None:
    verdicts = [Verdict("gw-0000", FINDINGS, CHECKS), Verdict("demo-1", FINDINGS[:1], ())]
    found = suites(release_junit([failing(a_gateway(0)), a_gateway(1)], verdicts))
    assert list(found) == ["gw-0000", "gw-0001", "demo-1"]
    assert [suite.get("failures") for suite in found.values()] == ["3", "0", "1"]
    assert [suite.get("errors") for suite in found.values()] == ["1", "1", "0"]
    assert found["gw-0001"].xpath("testcase/error/@message") == ["nobody has looked at this image"]


def sarif(data: bytes) -> dict[str, Any]:
    """The run of a log, with the structure the standard asks for."""
    log = json.loads(data)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert (result["level"] == "none") == (result["kind"] != "fail")
        assert result["message"]["text"].isprintable()
        (location,) = result["locations"]
        place = location["physicalLocation"]["artifactLocation"]
        assert place["uriBaseId"] in run["originalUriBaseIds"]
        assert not place["uri"].startswith("/")
        assert location["logicalLocations"][0]["fullyQualifiedName"]
        for suppression in result.get("suppressions", ()):
            assert suppression["kind"] in ("inSource", "external")
            assert suppression["status"] == "accepted"
    return run


def test_sarif_has_what_is_not_simply_well() -> None:
    run = sarif(release_sarif(a_fleet(8), verified(8)))
    assert {result["kind"] for result in run["results"]} == {"fail", "review"}
    (waived,) = [result for result in run["results"] if result["kind"] == "fail"]
    assert waived["ruleId"] == "ssh.port"
    assert waived["suppressions"][0]["justification"] == "laboratory unit (Jane Doe, until 2027-06-30)"
    where = waived["locations"][0]
    assert where["physicalLocation"]["artifactLocation"]["uri"] == "gw-0007/image.img"
    assert where["logicalLocations"][0]["fullyQualifiedName"] == "gw-0007:/etc/ssh/sshd_config:12"


def test_sarif_has_the_verifiers_findings() -> None:
    run = sarif(release_sarif([failing(a_gateway(0)), a_gateway(1)], [Verdict("gw-0000", FINDINGS, ())]))
    failed = [result for result in run["results"] if result["kind"] == "fail"]
    assert [result["ruleId"] for result in failed] == [
        a_gateway(0).rules[0].id, "verify.content", "verify.readable", "verify.mode", "verify.looked",
    ]  # fmt: skip
    assert not any("suppressions" in result for result in failed)


@pytest.mark.parametrize(
    ("findings", "status"),
    [((), 0), (FINDINGS[:1], 1), (FINDINGS, 2)],
)
def test_json(findings: tuple[Finding, ...], status: int) -> None:
    data = release_json(a_fleet(2), [Verdict("gw-0000", findings, CHECKS), *verified(2)[1:]])
    value: Any = canonical_json.loads(data, canonical=True)
    assert value["exit_status"] == status
    assert list(value["gateways"]) == ["gw-0000", "gw-0001"]
    gateway = value["gateways"]["gw-0000"]
    assert gateway["verdict"]["passed"] == (not findings)
    assert set(gateway["outcomes"]) == set(value["rules"])
    assert gateway["changes"]["added"] >= 60
    assert gateway["certificates"][0]["days_after_release"] == 3472


def test_json_never_takes_silence_for_a_pass() -> None:
    def status(manifests: list[Manifest], verdicts: list[Verdict]) -> object:
        value: Any = canonical_json.loads(release_json(manifests, verdicts), canonical=True)
        return value["exit_status"]

    assert status([], []) == 2
    assert status([a_gateway(0)], []) == 2
    assert status([failing(a_gateway(0))], verified(1)) == 1
    assert status([a_gateway(0)], [*verified(1), Verdict("demo-1", FINDINGS[:1], ())]) == 1
    assert status([a_gateway(0)], verified(1)) == 0
