"""Judged images for people: what fails first, then what nobody can tell offline, then what does not apply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.model.rule import Audit, Breach, RuleOutcome, RuleResult, Severity
from pipeline.report.text.plain import plain


def rules_text(audits: Sequence[Audit], *, everything: bool = False) -> str:
    """A section for each image.

    Args:
        everything: also what passes, with what was looked at.
    """
    return "\n".join("\n".join([*_section(audit, everything=everything), ""]) for audit in audits)


def summary(audit: Audit) -> str:
    """One line."""
    failed = audit.with_outcome(RuleOutcome.FAIL)
    waived = sum(result.waiver is not None for result in failed)
    parts = [f"{len(failed) - waived} failed"]
    if waived:
        parts.append(f"{waived} waived")
    for outcome, word in (
        (RuleOutcome.PASS, "passed"),
        (RuleOutcome.NOT_APPLICABLE, "not applicable"),
        (RuleOutcome.UNVERIFIABLE, "for people to verify"),
        (RuleOutcome.DISAGREEMENT, "disagreed about by rule and reader"),
    ):
        if outcome is RuleOutcome.DISAGREEMENT and not audit.with_outcome(outcome):
            continue
        parts.append(f"{len(audit.with_outcome(outcome))} {word}")
    if not audit.asked:
        parts.append("the image's own programs were not asked (--no-ask)")
    return f"{plain(audit.subject)} ({plain(audit.about)}), profile {audit.profile}: {', '.join(parts)}"


def _section(audit: Audit, *, everything: bool) -> Iterator[str]:
    yield summary(audit)
    failed = audit.with_outcome(RuleOutcome.FAIL)
    worst_first = sorted(
        failed, key=lambda result: (result.waiver is not None, [*Severity].index(result.rule.severity))
    )
    for result in worst_first:
        yield from _failure(result)
    for result in audit.with_outcome(RuleOutcome.DISAGREEMENT):
        yield f"DIFFER {result.rule.id}: {plain(result.judgement.why)}"
    for outcome, word in ((RuleOutcome.UNVERIFIABLE, "VERIFY"), (RuleOutcome.NOT_APPLICABLE, "n/a   ")):
        for result in audit.with_outcome(outcome):
            yield f"{word} {result.rule.id}: {plain(result.judgement.why)}"
    if everything:
        for result in audit.with_outcome(RuleOutcome.PASS):
            yield f"ok     {result.rule.id}: {plain(result.judgement.why)}"


def _failure(result: RuleResult) -> Iterator[str]:
    rule = result.rule
    about = ", ".join((rule.severity.value, *rule.documents))
    yield f"{'WAIVED' if result.waiver else 'FAIL  '} {rule.id} ({about}): {plain(rule.title)}"
    for breach in result.judgement.breaches:
        yield f"       {place(breach)}: {plain(breach.found)}; wanted: {plain(breach.wanted)}"
    for waiver, state in ((result.waiver, "waived until"), (result.lapsed, "waiver lapsed on")):
        if waiver is not None:
            yield f"       {state} {waiver.until} by {plain(waiver.by)}: {plain(waiver.reason)}"
    if rule.remedy and result.waiver is None:
        yield f"       fix: {plain(rule.remedy)}"


def place(breach: Breach) -> str:
    """File and line as editors and compilers write them; the file alone where the whole is meant."""
    return plain(f"{breach.path}:{breach.line}" if breach.line else breach.path)
