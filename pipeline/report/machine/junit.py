"""Judged images as JUnit XML: a suite for each image, a case for each rule."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.model.rule import Audit, RuleOutcome, RuleResult
from pipeline.report.machine.junit_xml import Case, Suite, junit_xml
from pipeline.report.text.rules_text import place

# What was not done is said where a machine looks for it.
_ASKED: dict[bool, dict[str, str]] = {True: {}, False: {"readers": "not asked (--no-ask)"}}


def junit(audits: Sequence[Audit]) -> bytes:
    """What did not fail, and does not pass either, is skipped with its reason; so is what is waived."""
    return junit_xml("gateway image audit", map(_suite, audits))


def _suite(audit: Audit) -> Suite:
    properties = {"image": audit.about, "profile": audit.profile, **_ASKED[audit.asked]}
    return Suite(audit.subject, [_case(result) for result in audit.results], properties)


def _case(result: RuleResult) -> Case:
    rule, judgement, waiver = result.rule, result.judgement, result.waiver
    group, text = rule.id.partition(".")[0], "\n".join(_breaches(result))
    if result.blocks:
        text = "\n".join([*_breaches(result), *([f"fix: {rule.remedy}"] if rule.remedy else [])])
        return Case(group, rule.id, "failure", rule.title, text, kind=rule.id)
    if waiver is not None:
        message = f"waived until {waiver.until} by {waiver.by}: {waiver.reason}"
        return Case(group, rule.id, "skipped", message, output=text)
    if judgement.outcome is not RuleOutcome.PASS:
        return Case(group, rule.id, "skipped", f"{judgement.outcome.value}: {judgement.why}")
    return Case(group, rule.id, output=judgement.why)


def _breaches(result: RuleResult) -> list[str]:
    lines = [f"{place(breach)}: {breach.found}; wanted: {breach.wanted}" for breach in result.judgement.breaches]
    if result.lapsed is not None:
        lines.append(f"waiver lapsed on {result.lapsed.until}, by {result.lapsed.by}")
    return lines
