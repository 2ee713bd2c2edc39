"""Verdicts on a screen: first what counts, then every finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from pipeline.model.verdict import Finding, Outcome, Verdict
from pipeline.report.plain import plain

_SCREEN = 22  # lines of a summary: a terminal of 24 with the command and the next prompt
_MOST_COLUMNS = 70  # of an expected or seen value
_WORDS = {0: "verified", 1: "DEVIATES", 2: "COULD NOT LOOK"}


def summary_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """A summary that fits a screen, however many gateways there are: those that did not pass come first."""
    counted = Counter(verdict.exit_status for verdict in verdicts)
    total = ", ".join(f"{counted[status]} {_WORDS[status]}" for status in (1, 2, 0) if counted[status])
    last = [f"{len(verdicts)} looked at: {total}" if verdicts else "nothing looked at"]
    # A deviation is worse news than a look that failed, whatever the exit status.
    order = sorted(verdicts, key=lambda verdict: ((1, 2, 0).index(verdict.exit_status), verdict.gateway))
    lines = [line for verdict in order for line in _short(verdict)]
    room = _SCREEN - len(last)
    if len(lines) > room:
        whole = [line for verdict in order for line in _short(verdict)[:1]]
        lines = whole if len(whole) <= room else [*whole[: room - 1], f"  … and {len(whole) - room + 1} more"]
    return lines + last


def _short(verdict: Verdict) -> list[str]:
    """The verdict in one line, and below it how many findings of which kind."""
    mark = "ok  " if verdict.passed else "FAIL"
    lines = [f"{mark} {plain(verdict.gateway)}: {_WORDS[verdict.exit_status]}{_covered(verdict)}"]
    kinds: dict[str, list[Finding]] = {}
    for finding in verdict.findings:
        kinds.setdefault(finding.check, []).append(finding)
    for check, found in kinds.items():
        first = plain(found[0].subject)
        lines.append(f"       {check}: {first}" + (f" and {len(found) - 1} more" if len(found) > 1 else ""))
    return lines


def _covered(verdict: Verdict) -> str:
    if verdict.passed:
        return f" ({'; '.join(plain(check) for check in (*verdict.checks, *verdict.together))})"
    return f", {len(verdict.findings)} finding{'s' if len(verdict.findings) != 1 else ''}"


def verdict_lines(verdict: Verdict) -> list[str]:
    """Every finding of a verdict, one line each, in the verdict's order."""
    return list(_details(verdict))


def _details(verdict: Verdict) -> Iterator[str]:
    for finding in verdict.findings:
        place = f"{plain(verdict.gateway)}: {plain(finding.subject)}"
        if finding.outcome is Outcome.NOT_LOOKED:
            yield f"{place}: {finding.check}: could not look: {_value(finding.seen)}"
        elif not finding.expected:
            yield f"{place}: {finding.check}: {_value(finding.seen)}"
        else:
            yield f"{place}: {finding.check}: expected {_value(finding.expected)}, found {_value(finding.seen)}"


def _value(text: str) -> str:
    """Long enough for a digest with its name; a reason in words is never cut."""
    shown = plain(text)
    return shown if " " in shown or len(shown) <= 2 * _MOST_COLUMNS else f"{shown[:_MOST_COLUMNS]}…"
