"""Answers as outcomes of rules: each reader is a rule of its own, and has the last word about the rules it decides.

A rule names the line and the remedy; the program itself knows whether it will start. Where the two differ, that is an
outcome of its own that people see, and neither is hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pipeline.model.image_view import ImageView
from pipeline.model.reader import Reader
from pipeline.model.reader_answer import ReaderAnswer, ReaderVerdict
from pipeline.model.rule import Breach, Expected, Judgement, Rule, RuleOutcome, RuleResult, Severity, Waiver
from pipeline.readers.all_readers import READERS
from pipeline.rules.registry import day_of

_WANTED = "a file its reader takes"


def rule_of(reader: Reader) -> Rule:
    """The rule whose check is the program's own answer."""
    return Rule(
        id=f"readers.{reader.id}",
        title=reader.title,
        why="The program on the gateway reads the file, not our idea of it: what it refuses fails in the field.",
        severity=Severity.HIGH,
        documents=(),
        references=("62443 CR 7.6",),
        profile="documents",
        check=_not_here,
        remedy=reader.remedy,
    )


def _not_here(view: ImageView, expected: Expected) -> Judgement:
    del view, expected
    return Judgement.unverifiable("only the program itself can tell, and it was not asked")


READER_RULES: tuple[Rule, ...] = tuple(rule_of(reader) for reader in READERS)
"""The rules that waivers may name beside those of `pipeline.rules.registry`."""


DECIDED = frozenset(name for reader in READERS for name in reader.decides)
"""Rules about which a program of the image has the last word, so that nobody stops for them before it was asked."""


def with_answers(
    results: Sequence[RuleResult], answers: Iterable[ReaderAnswer], *, waivers: Sequence[Waiver], epoch: int
) -> tuple[RuleResult, ...]:
    """The outcomes of the rules with the readers' last word, then the readers' own outcomes.

    Args:
        answers: about the same image; a reader without any has nothing to read there and is not listed.
        epoch: see `pipeline.rules.registry.judge`.
    """
    by_reader: dict[str, list[ReaderAnswer]] = {}
    for answer in answers:
        by_reader.setdefault(answer.reader, []).append(answer)
    known = [(reader, rule, by_reader[reader.id]) for reader, rule in zip(READERS, READER_RULES, strict=True)
             if reader.id in by_reader]  # fmt: skip
    decided = {name: (reader, told) for reader, _, told in known for name in reader.decides}
    heard = [_last_word(result, *decided[result.rule.id]) if result.rule.id in decided else result
             for result in results]  # fmt: skip
    return (*heard, *(_result(rule, told, waivers, day_of(epoch)) for _, rule, told in known))


def _result(rule: Rule, answers: Sequence[ReaderAnswer], waivers: Sequence[Waiver], today: str) -> RuleResult:
    judgement = judgement_of(answers)
    waiver, lapsed = None, None
    mine = sorted((waiver for waiver in waivers if waiver.rule == rule.id), key=lambda waiver: waiver.until)
    if judgement.outcome is RuleOutcome.FAIL and mine:
        waiver = mine[-1] if mine[-1].until >= today else None
        lapsed = mine[-1] if waiver is None else None
    return RuleResult(rule, judgement, waiver, lapsed)


def judgement_of(answers: Sequence[ReaderAnswer]) -> Judgement:
    """One reader's answers together: a single no is a no, and a single question without answer is no yes."""
    refused = [answer for answer in answers if answer.verdict is ReaderVerdict.NO]
    if refused:
        return Judgement.failed(*(Breach(answer.subject, answer.line, in_words(answer), _WANTED) for answer in refused))
    unasked = [answer for answer in answers if answer.verdict is ReaderVerdict.NOT_ASKED]
    if unasked:
        told = "; ".join(sorted({f"{answer.subject}: could not ask: {answer.message}" for answer in unasked}))
        return Judgement.unverifiable(told)
    files = sorted({answer.subject for answer in answers})
    return Judgement.passed(f"{who(answers[0])} takes {', '.join(files[:3])}{_more(len(files))}{_samples(answers)}")


def in_words(answer: ReaderAnswer) -> str:
    """What the program says, as reports tell it."""
    return f"{who(answer)} says: {answer.message}"


def who(answer: ReaderAnswer) -> str:
    """The program, its version, and whose it is where it is not the image's."""
    whose = " of this machine, for want of the image's own" if answer.source == "host" else ""
    version = f" ({answer.version})" if answer.version else ""
    return f"{answer.program or answer.reader}{version}{whose}"


def _more(count: int) -> str:
    return f" and {count - 3} more" if count > 3 else ""


def _samples(answers: Sequence[ReaderAnswer]) -> str:
    shared = any(answer.by_shape for answer in answers)
    return " (asked once for all gateways whose files differ in addresses and names only)" if shared else ""


def _last_word(result: RuleResult, reader: Reader, answers: Sequence[ReaderAnswer]) -> RuleResult:
    """The rule's outcome, or that rule and reader disagree. What the reader refuses stops a build by itself."""
    judgement = result.judgement
    verdicts = {answer.verdict for answer in answers}
    if judgement.outcome is RuleOutcome.PASS and ReaderVerdict.NO in verdicts:
        refused = next(answer for answer in answers if answer.verdict is ReaderVerdict.NO)
        why = f"the rule finds nothing wrong; {in_words(refused)} ({refused.subject})"
        return replace(result, judgement=Judgement(RuleOutcome.DISAGREEMENT, why))
    read = {path for answer in answers for path in answer.read}
    if (
        judgement.outcome is RuleOutcome.FAIL
        and verdicts == {ReaderVerdict.YES}
        and all(breach.path in read for breach in judgement.breaches)
    ):
        breach = judgement.breaches[0]
        place = f"{breach.path}:{breach.line}" if breach.line else breach.path
        why = f"the rule says {place}: {breach.found}; {who(answers[0])} takes it, and {reader.id} has the last word"
        return RuleResult(result.rule, Judgement(RuleOutcome.DISAGREEMENT, why))
    return result
