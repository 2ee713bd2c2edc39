"""Verdicts as text: first the overall result, then every finding."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from pipeline.model.verdict import Finding, Outcome, Verdict
from pipeline.report.text.plain import plain

_SCREEN = 22  # lines of a summary: a terminal of 24 with the command and the next prompt
_COLUMNS = 80
_INDENT = " " * 7
_MOST_COLUMNS = 70  # of an expected or seen value
_WORDS = {0: "verified", 1: "DEVIATES", 2: "COULD NOT LOOK"}


def summary_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """A summary that fits a screen, however many gateways there are: those that did not pass come first."""
    counted = Counter(verdict.exit_status for verdict in verdicts)
    total = ", ".join(f"{counted[status]} {_WORDS[status]}" for status in (1, 2, 0) if counted[status])
    last = [f"{len(verdicts)} looked at: {total}" if verdicts else "nothing looked at"]
    # A deviation is worse news than a look that failed, whatever the exit status.
    order = sorted(verdicts, key=lambda verdict: ((1, 2, 0).index(verdict.exit_status), verdict.gateway))
    room = _SCREEN - len(last)
    # As much as there is room for: what was covered, else what deviates, else who.
    for detail in (_whole, _kinds):
        lines = [line for verdict in order for line in detail(verdict)]
        if len(lines) <= room:
            return lines + last
    lines = [_head(verdict) for verdict in order]
    return [*(lines if len(lines) <= room else [*lines[: room - 1], f"  … and {len(lines) - room + 1} more"]), *last]


def _whole(verdict: Verdict) -> list[str]:
    """Also what was covered, where nothing deviates."""
    if not verdict.passed:
        return _kinds(verdict)
    covered = "; ".join(plain(check) for check in (*verdict.checks, *verdict.together))
    return textwrap.wrap(f"{_head(verdict)} ({covered})", _COLUMNS, subsequent_indent=_INDENT)


def _kinds(verdict: Verdict) -> list[str]:
    """The verdict in one line, and below it how many findings of which kind."""
    lines = [_head(verdict)]
    kinds: dict[str, list[Finding]] = {}
    for finding in verdict.findings:
        kinds.setdefault(finding.check, []).append(finding)
    for check, found in kinds.items():
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        first = plain(found[0].subject)
        room = max(20, _COLUMNS - len(f"{_INDENT}{check}: {more}"))
        # The end of a path tells more than its beginning.
        lines.append(f"{_INDENT}{check}: {first if len(first) <= room else '…' + first[1 - room :]}{more}")
    return lines


def _head(verdict: Verdict) -> str:
    mark = "ok  " if verdict.passed else "FAIL"
    count = len(verdict.findings)
    found = f", {count} finding{'s' if count != 1 else ''}" if count else ""
    return f"{mark} {plain(verdict.gateway)}: {_WORDS[verdict.exit_status]}{found}"


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
