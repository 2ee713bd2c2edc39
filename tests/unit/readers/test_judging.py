"""The reader has the last word; a disagreement is seen, and somebody who could not be asked never passes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.model.reader_answer import ReaderAnswer, ReaderVerdict
from pipeline.model.rule import Breach, Judgement, RuleOutcome, RuleResult, Waiver
from pipeline.readers.all_readers import READERS
from pipeline.readers.judging import READER_RULES, with_answers
from pipeline.rules.registry import RULES

CONFIG = "/etc/ssh/sshd_config"
RULE = next(rule for rule in RULES if rule.id == "ssh.starts")
YES = ReaderAnswer("sshd", CONFIG, ReaderVerdict.YES, "", 0, "/usr/sbin/sshd", "OpenSSH_9.2", read=(CONFIG,))
NO = replace(YES, verdict=ReaderVerdict.NO, message=f"{CONFIG} line 7: Bad configuration option: X", line=7)
UNASKED = replace(YES, verdict=ReaderVerdict.NOT_ASKED, message="it did not end in time")
PASSED = RuleResult(RULE, Judgement.passed("looked"))
FAILED = RuleResult(RULE, Judgement.failed(Breach(CONFIG, 3, "unknown word", "a known one")))


def outcomes(rule: RuleResult, *answers: ReaderAnswer, waivers: tuple[Waiver, ...] = ()) -> list[RuleResult]:
    return list(with_answers([rule], answers, waivers=waivers, epoch=0))


def test_both_agree() -> None:
    rule, reader = outcomes(PASSED, YES)
    assert rule is PASSED
    assert reader.judgement.outcome is RuleOutcome.PASS
    assert reader.rule.id == "readers.sshd"
    rule, reader = outcomes(FAILED, NO)
    assert rule.blocks
    assert reader.blocks


def test_the_program_refuses_what_the_rule_passed() -> None:
    rule, reader = outcomes(PASSED, NO)
    assert rule.judgement.outcome is RuleOutcome.DISAGREEMENT
    assert not rule.blocks
    assert reader.blocks
    (breach,) = reader.judgement.breaches
    assert (breach.path, breach.line) == (CONFIG, 7)
    assert "Bad configuration option: X" in breach.found
    assert "OpenSSH_9.2" in breach.found


def test_the_program_takes_what_the_rule_refused() -> None:
    rule, reader = outcomes(FAILED, YES)
    assert rule.judgement.outcome is RuleOutcome.DISAGREEMENT
    assert "unknown word" in rule.judgement.why
    assert not rule.blocks
    assert not reader.blocks


@pytest.mark.parametrize("answers", [(UNASKED,), (YES, UNASKED)])
def test_who_could_not_be_asked_is_no_yes(answers: tuple[ReaderAnswer, ...]) -> None:
    rule, reader = outcomes(FAILED, *answers)
    assert rule.blocks
    assert reader.judgement.outcome is RuleOutcome.UNVERIFIABLE
    assert "did not end in time" in reader.judgement.why


def test_a_breach_elsewhere_is_not_the_readers_affair() -> None:
    elsewhere = RuleResult(RULE, Judgement.failed(Breach("/etc/default/ssh", 1, "an option", "none")))
    rule, _ = outcomes(elsewhere, YES)
    assert rule.blocks


def test_a_no_can_be_waived_for_a_while() -> None:
    waiver = Waiver("readers.sshd", "known", "me", "1971-01-01")
    _, reader = outcomes(PASSED, NO, waivers=(waiver,))
    assert not reader.blocks
    assert reader.waiver == waiver
    _, lapsed = outcomes(PASSED, NO, waivers=(replace(waiver, until="1969-01-01"),))
    assert lapsed.blocks


def test_every_decided_rule_exists_and_no_reader_is_named_twice() -> None:
    assert {name for reader in READERS for name in reader.decides} <= {rule.id for rule in RULES}
    assert len({rule.id for rule in READER_RULES}) == len(READERS)
    assert not {rule.id for rule in READER_RULES} & {rule.id for rule in RULES}
