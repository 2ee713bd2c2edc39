"""Verdicts for machines."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.formats.canonical_json import dumps
from pipeline.formats.tree_text import escape
from pipeline.model.verdict import Verdict

FORMAT = "gateway-image-verdicts"
VERSION = 1


def verdicts_json(verdicts: Sequence[Verdict]) -> bytes:
    """All verdicts as canonical JSON, one object; names that are not UTF-8 are escaped as in the manifest."""
    return dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "exit_status": exit_status(verdicts),
            "verdicts": [
                {
                    "gateway": escape(verdict.gateway),
                    "passed": verdict.passed,
                    "exit_status": verdict.exit_status,
                    "checks": [*verdict.checks, *verdict.together],
                    "findings": [
                        {
                            "subject": escape(finding.subject),
                            "check": finding.check,
                            "expected": escape(finding.expected),
                            "seen": escape(finding.seen),
                            "outcome": finding.outcome.value,
                        }
                        for finding in verdict.findings
                    ],
                }
                for verdict in verdicts
            ],
        }
    )


def exit_status(verdicts: Sequence[Verdict]) -> int:
    """0 verified, 1 deviations, 2 could not look; no verdict at all is no pass."""
    return max((verdict.exit_status for verdict in verdicts), default=2)
