"""Boot tests on a screen and for machines."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.boottest.observation import Knocked
from pipeline.boottest.run import Trial
from pipeline.formats.canonical_json import dumps
from pipeline.formats.tree_text import escape
from pipeline.model.verdict import Finding, Outcome
from pipeline.report.text.plain import plain

FORMAT = "gateway-image-boottests"
VERSION = 1

_WORDS = {0: "as promised", 1: "DEVIATES", 2: "COULD NOT LOOK"}
_SCREEN = 22  # lines, of all gateways together; the JSON has everything
_LONGEST = 200  # characters of a value


def status_of(tested: Sequence[Trial]) -> int:
    """0 as promised, 1 deviations, 2 could not look at something that was to be looked at."""
    return max((one.verdict.exit_status for one in tested), default=2)


def text(tested: Sequence[Trial]) -> str:
    """Every gateway with its findings; what was fine and what was not asked only while it fits a screen."""
    whole = [line for one in tested for line in _lines(one, everything=True)]
    if len(whole) > _SCREEN:
        whole = [line for one in tested for line in _lines(one, everything=False)]
    return "".join(f"{line}\n" for line in whole)


def _lines(tested: Trial, *, everything: bool) -> list[str]:
    verdict = tested.verdict
    mark = "ok  " if verdict.passed else "FAIL"
    ran = f" ({tested.ran})" if tested.ran else ""
    lines = [f"{mark} {plain(verdict.gateway)}: {_WORDS[verdict.exit_status]}{plain(ran)}"]
    lines += [f"       {_told(finding)}" for finding in verdict.findings]
    if everything:
        lines += [f"     + {plain(check)}" for check in verdict.checks]
        lines += [f"     - not looked at: {plain(left)}" for left in tested.left]
        lines += [f"     ! {plain(noticed)}" for noticed in tested.noticed]
    return lines


def _told(finding: Finding) -> str:
    if finding.outcome is Outcome.NOT_LOOKED:
        return f"{plain(finding.subject)}: {finding.check}: could not look: {_value(finding.seen)}"
    return (
        f"{plain(finding.subject)}: {finding.check}: "
        f"expected {_value(finding.expected)}, found {_value(finding.seen) or 'nothing'}"
    )


def _value(value: str) -> str:
    shown = plain(value)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"


def as_json(tested: Sequence[Trial]) -> bytes:
    """The same as canonical JSON, one object."""
    return dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "exit_status": status_of(tested),
            "gateways": [
                {
                    "gateway": escape(one.verdict.gateway),
                    "passed": one.verdict.passed,
                    "exit_status": one.verdict.exit_status,
                    "checks": [escape(check) for check in one.verdict.checks],
                    "findings": [_finding(finding) for finding in one.verdict.findings],
                    "not_looked_at": [escape(left) for left in one.left],
                    "noticed": [escape(noticed) for noticed in one.noticed],
                    "ran": one.ran,
                    "packets": [_packets(knocked) for knocked in one.knocked],
                }
                for one in tested
            ],
        }
    )


def _packets(knocked: Knocked) -> dict[str, object]:
    spot = knocked.vantage
    return {
        "interface": spot.interface,
        "source": str(spot.source),
        "from": spot.kind.value,
        "answers": {str(port): answer.value for port, answer in sorted(knocked.answers.items())},
    }


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "subject": escape(finding.subject),
        "check": finding.check,
        "expected": escape(finding.expected),
        "seen": escape(finding.seen),
        "outcome": finding.outcome.value,
    }
