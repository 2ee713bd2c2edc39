"""Judged images as JUnit XML, which every CI shows: a suite for each image, a case for each rule."""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from pipeline.model.rule import Audit, RuleOutcome, RuleResult
from pipeline.report.text.plain import plain
from pipeline.report.text.rules_text import place

# What was not done is said where a machine looks for it.
_ASKED = {True: (), False: (("readers", "not asked (--no-ask)"),)}


def junit(audits: Sequence[Audit]) -> bytes:
    """What did not fail, and does not pass either, is skipped with its reason; so is what is waived."""
    root = etree.Element("testsuites", name="gateway image audit")
    for audit in audits:
        skipped = sum(not _passes(result) and not result.blocks for result in audit.results)
        suite = etree.SubElement(
            root,
            "testsuite",
            name=plain(audit.subject),
            tests=str(len(audit.results)),
            failures=str(sum(result.blocks for result in audit.results)),
            errors="0",
            skipped=str(skipped),
        )
        properties = etree.SubElement(suite, "properties")
        for name, value in (("image", audit.about), ("profile", audit.profile), *_ASKED[audit.asked]):
            etree.SubElement(properties, "property", name=name, value=plain(value))
        for result in audit.results:
            _case(suite, audit, result)
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return written


def _passes(result: RuleResult) -> bool:
    return result.judgement.outcome is RuleOutcome.PASS


def _case(suite: etree._Element, audit: Audit, result: RuleResult) -> None:
    rule, judgement = result.rule, result.judgement
    case = etree.SubElement(
        suite, "testcase", classname=f"{plain(audit.subject)}.{rule.id.partition('.')[0]}", name=rule.id, time="0"
    )
    if result.blocks:
        failure = etree.SubElement(case, "failure", type=rule.id, message=plain(rule.title))
        failure.text = "\n".join([*_breaches(result), *([f"fix: {plain(rule.remedy)}"] if rule.remedy else [])])
    elif result.waiver is not None:
        waiver = result.waiver
        message = f"waived until {waiver.until} by {plain(waiver.by)}: {plain(waiver.reason)}"
        etree.SubElement(case, "skipped", message=message)
        etree.SubElement(case, "system-out").text = "\n".join(_breaches(result))
    elif not _passes(result):
        etree.SubElement(case, "skipped", message=f"{judgement.outcome.value}: {plain(judgement.why)}")
    else:
        etree.SubElement(case, "system-out").text = plain(judgement.why)


def _breaches(result: RuleResult) -> list[str]:
    lines = [
        f"{place(breach)}: {plain(breach.found)}; wanted: {plain(breach.wanted)}"
        for breach in result.judgement.breaches
    ]
    if result.lapsed is not None:
        lines.append(f"waiver lapsed on {result.lapsed.until}, by {plain(result.lapsed.by)}")
    return lines
