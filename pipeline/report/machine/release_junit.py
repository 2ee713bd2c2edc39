"""A release as JUnit XML, which every CI shows: a suite for each gateway, a case for each rule and each check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lxml import etree

from pipeline.model.manifest import Manifest, RuleFact
from pipeline.model.verdict import Finding, Outcome, Verdict
from pipeline.report.text.plain import plain


@dataclass(frozen=True)
class _Case:
    """One test case; ``ending`` is empty, ``failure``, ``error`` or ``skipped``."""

    group: str
    name: str
    ending: str = ""
    message: str = ""
    text: str = ""


def release_junit(manifests: Iterable[Manifest], verdicts: Iterable[Verdict]) -> bytes:
    """What the verifier could not look at is an error, what is waived or left to people is skipped with its reason."""
    root = etree.Element("testsuites")
    waiting = {verdict.gateway: verdict for verdict in verdicts}
    for manifest in manifests:
        root.set("name", plain(manifest.release))
        cases = [*map(_rule, manifest.rules), *_looked(waiting.pop(manifest.gateway, None))]
        properties = {"serial": manifest.serial, "image": manifest.image.sha256, "profile": manifest.profile}
        _suite(root, manifest.gateway, cases, properties)
    for verdict in waiting.values():
        _suite(root, verdict.gateway, list(_looked(verdict)), {})
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return written


def _suite(root: etree._Element, name: str, cases: list[_Case], about: dict[str, str]) -> None:
    endings = [case.ending for case in cases]
    suite = etree.SubElement(
        root,
        "testsuite",
        name=plain(name),
        tests=str(len(cases)),
        failures=str(endings.count("failure")),
        errors=str(endings.count("error")),
        skipped=str(endings.count("skipped")),
    )
    if about:
        properties = etree.SubElement(suite, "properties")
        for key, value in about.items():
            etree.SubElement(properties, "property", name=key, value=plain(value))
    for case in cases:
        # Viewers put a tree together from the class name, cut at its dots.
        group = f"{plain(name).replace('.', '_')}.{case.group}"
        made = etree.SubElement(suite, "testcase", classname=group, name=plain(case.name), time="0")
        if case.ending:
            end = etree.SubElement(made, case.ending, message=plain(case.message))
            end.text = "\n".join(plain(line) for line in case.text.split("\n")) if case.text else None


def _rule(rule: RuleFact) -> _Case:
    group, text = rule.id.partition(".")[0], "\n".join(rule.breaches)
    if rule.waiver is not None:
        waiver = rule.waiver
        return _Case(group, rule.id, "skipped", f"waived until {waiver.until} by {waiver.by}: {waiver.reason}", text)
    if rule.outcome == "pass":
        return _Case(group, rule.id)
    if rule.outcome == "fail":
        return _Case(group, rule.id, "failure", rule.title, text or rule.why)
    return _Case(group, rule.id, "skipped", f"{rule.outcome}: {rule.why}")


def _looked(verdict: Verdict | None) -> Iterator[_Case]:
    """The verifier's part: what was covered, and every finding."""
    if verdict is None:
        yield _Case("verify", "verified", "error", "nobody has looked at this image")
        return
    yield from (_Case("verify", check) for check in verdict.checks)
    yield from map(_finding, verdict.findings)


def _finding(finding: Finding) -> _Case:
    ending = "error" if finding.outcome is Outcome.NOT_LOOKED else "failure"
    seen = f"expected {finding.expected}, found {finding.seen}" if finding.expected else finding.seen
    return _Case("verify", f"{finding.subject}: {finding.check}", ending, seen or finding.check)
