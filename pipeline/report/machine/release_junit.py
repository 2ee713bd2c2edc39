"""A release as JUnit XML: a suite for each gateway, a case for each rule and each check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.model.manifest import Manifest, RuleFact
from pipeline.model.verdict import Finding, Outcome, Verdict
from pipeline.report.machine.junit_xml import Case, Suite, junit_xml


def release_junit(manifests: Iterable[Manifest], verdicts: Iterable[Verdict]) -> bytes:
    """What the verifier could not look at is an error, what is waived or left to people is skipped with its reason."""
    waiting = {verdict.gateway: verdict for verdict in verdicts}
    suites, name = [], ""
    for manifest in manifests:
        name = manifest.release
        cases = [*map(_rule, manifest.rules), *_looked(waiting.pop(manifest.gateway, None))]
        properties = {"serial": manifest.serial, "image": manifest.image.sha256, "profile": manifest.profile}
        suites.append(Suite(manifest.gateway, cases, properties))
    suites += [Suite(verdict.gateway, list(_looked(verdict)), {}) for verdict in waiting.values()]
    return junit_xml(name, suites)


def _rule(rule: RuleFact) -> Case:
    group, text = rule.id.partition(".")[0], "\n".join(rule.breaches)
    if rule.waiver is not None:
        waiver = rule.waiver
        return Case(group, rule.id, "skipped", f"waived until {waiver.until} by {waiver.by}: {waiver.reason}", text)
    if rule.outcome == "pass":
        return Case(group, rule.id)
    if rule.outcome == "fail":
        return Case(group, rule.id, "failure", rule.title, text or rule.why)
    return Case(group, rule.id, "skipped", f"{rule.outcome}: {rule.why}")


def _looked(verdict: Verdict | None) -> Iterator[Case]:
    """The verifier's part: what was covered, and every finding."""
    if verdict is None:
        yield Case("verify", "verified", "error", "nobody has looked at this image")
        return
    yield from (Case("verify", check) for check in verdict.checks)
    yield from map(_finding, verdict.findings)


def _finding(finding: Finding) -> Case:
    ending = "error" if finding.outcome is Outcome.NOT_LOOKED else "failure"
    seen = f"expected {finding.expected}, found {finding.seen}" if finding.expected else finding.seen
    return Case("verify", f"{finding.subject}: {finding.check}", ending, seen or finding.check)
