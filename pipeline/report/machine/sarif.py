"""Judged images as SARIF 2.1.0 (OASIS), for code scanning and other viewers: a run for each image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from pipeline import __version__
from pipeline.formats.canonical_json import Json, dumps
from pipeline.model.rule import Audit, Breach, Rule, RuleOutcome, RuleResult, Severity
from pipeline.report.text.plain import plain

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_BASE = "IMAGE"
# Section 3.27.9: "review" is for what needs a person to decide.
_KINDS = {
    RuleOutcome.PASS: "pass",
    RuleOutcome.FAIL: "fail",
    RuleOutcome.NOT_APPLICABLE: "notApplicable",
    RuleOutcome.UNVERIFIABLE: "review",
    RuleOutcome.DISAGREEMENT: "review",
}

_LEVELS = {Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}


def sarif(audits: Sequence[Audit]) -> bytes:
    """All audits as one log."""
    return dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(audit) for audit in audits]})


def _run(audit: Audit) -> Json:
    rules = [result.rule for result in audit.results]
    return {
        "tool": {
            "driver": {
                "name": "gateway-image-pipeline",
                "version": __version__,
                "rules": [_descriptor(rule) for rule in rules],
            }
        },
        "automationDetails": {"id": f"{quote(plain(audit.subject))}/{audit.profile}/"},
        # Paths of results are relative to the root of the image, wherever somebody may have it.
        "originalUriBaseIds": {_BASE: {"description": {"text": f"the root of {plain(audit.subject)}"}}},
        "properties": {"image": plain(audit.about), "profile": audit.profile},
        "results": [found for index, result in enumerate(audit.results) for found in _results(index, result)],
    }


def _descriptor(rule: Rule) -> Json:
    described: dict[str, Json] = {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": " ".join(filter(None, (f"{rule.title}.", rule.why, rule.conflict)))},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "tags": [*rule.documents, *rule.references],
            "profile": rule.profile,
            "severity": rule.severity.value,
        },
    }
    if rule.remedy:
        described["help"] = {"text": rule.remedy}
    return described


def _results(index: int, result: RuleResult) -> Iterator[Json]:
    """A result for each breach; for a rule without any, one that says how it ended."""
    for breach in result.judgement.breaches:
        yield _one(index, result, f"{plain(breach.found)}; wanted: {plain(breach.wanted)}", breach)
    if not result.judgement.breaches:
        yield _one(index, result, plain(result.judgement.why) or result.judgement.outcome.value, None)


def _one(index: int, result: RuleResult, message: str, breach: Breach | None) -> Json:
    outcome = result.judgement.outcome
    found: dict[str, Json] = {
        "ruleId": result.rule.id,
        "ruleIndex": index,
        "kind": _KINDS[outcome],
        # Section 3.27.10: anything but a failure has no level.
        "level": _LEVELS[result.rule.severity] if outcome is RuleOutcome.FAIL else "none",
        "message": {"text": message},
    }
    if breach is not None:
        found["locations"] = [_location(breach)]
    if result.waiver is not None:
        waiver = result.waiver
        found["suppressions"] = [
            {
                "kind": "external",
                "status": "accepted",
                "justification": f"{plain(waiver.reason)} ({plain(waiver.by)}, until {waiver.until})",
            }
        ]
    if result.lapsed is not None:
        found["properties"] = {"lapsedWaiver": f"{plain(result.lapsed.reason)} (until {result.lapsed.until})"}
    return found


def _location(breach: Breach) -> Json:
    path = quote(breach.path.lstrip("/").encode("utf-8", "surrogateescape")) or "."
    physical: dict[str, Json] = {"artifactLocation": {"uri": path, "uriBaseId": _BASE}}
    if breach.line:
        physical["region"] = {"startLine": breach.line}
    return {"physicalLocation": physical}
