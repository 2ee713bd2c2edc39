"""Judged images for machines, as canonical JSON."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.formats.canonical_json import Json, dumps
from pipeline.formats.tree_text import escape
from pipeline.model.rule import Audit, RuleResult, Waiver

FORMAT = "gateway-image-audit"
VERSION = 1


def rules_json(audits: Sequence[Audit]) -> bytes:
    """All audits as one object; text of the image that is not UTF-8 is escaped."""
    return dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "exit_status": audit_status(audits),
            "audits": [
                {
                    "subject": escape(audit.subject),
                    "about": escape(audit.about),
                    "profile": audit.profile,
                    "asked": audit.asked,
                    "passed": audit.passed,
                    "rules": [_result(result) for result in audit.results],
                }
                for audit in audits
            ],
        }
    )


def audit_status(audits: Sequence[Audit]) -> int:
    """0 nothing failed that nobody has waived, 1 something did, 2 nothing was looked at."""
    return 2 if not audits else 0 if all(audit.passed for audit in audits) else 1


def _result(result: RuleResult) -> Json:
    return {
        "rule": result.rule.id,
        "title": result.rule.title,
        "severity": result.rule.severity.value,
        "rationale": result.rule.why,
        "documents": list(result.rule.documents),
        "references": list(result.rule.references),
        "outcome": result.judgement.outcome.value,
        "why": escape(result.judgement.why),
        "blocks": result.blocks,
        "breaches": [
            {
                "path": escape(breach.path),
                "line": breach.line,
                "found": escape(breach.found),
                "wanted": escape(breach.wanted),
            }
            for breach in result.judgement.breaches
        ],
        "waiver": _waiver(result.waiver),
        "lapsed_waiver": _waiver(result.lapsed),
    }


def _waiver(waiver: Waiver | None) -> Json:
    if waiver is None:
        return None
    return {"reason": waiver.reason, "by": waiver.by, "until": waiver.until}
