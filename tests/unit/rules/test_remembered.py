"""A judge that remembers says of every breakage of the suite what a full judging says, in any order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.model.image_view import ImageView
from pipeline.rules import registry
from pipeline.rules.remembered import Remembered
from pipeline.rules.shared import Memory, shared
from tests.support.hardened import a_hardened_view, expected
from tests.support.rule_breakages import LINUX

EXPECTED = replace(expected(), approved_os=("debian 12",))
RULES = {rule.id: rule for rule in registry.RULES}
BASES = sorted({breakage.base for breakage in LINUX})


@pytest.mark.parametrize("base", BASES)
def test_every_breakage_is_judged_as_in_full(base: str) -> None:
    """Of each the rule that is for it, of every eighth all rules: judging in full is what costs."""
    whole = a_hardened_view(base)
    judge = Remembered(whole, EXPECTED, profile="strict", waivers=(), epoch=0)
    judge.judge(whole)
    for number, breakage in enumerate(one for one in LINUX if one.base == base):
        view = breakage.change(whole)
        results, _ = judge.judge(view)
        said = {one.rule.id: one.judgement for one in results}
        rules = said if number % 8 == 0 else [breakage.rule]
        assert {name: said[name] for name in rules} == {name: RULES[name].check(view, EXPECTED) for name in rules}


def test_an_image_like_the_last_one_costs_nothing() -> None:
    whole = a_hardened_view("sysv")
    judge = Remembered(whole, EXPECTED, profile="strict", waivers=(), epoch=0)
    judge.judge(whole)
    worked = judge.memory.worked
    judge.judge(whole)
    assert judge.memory.worked == worked


def test_a_function_that_fails_has_read_what_it_read() -> None:
    whole = a_hardened_view("sysv")
    memory = Memory(whole)

    @shared
    def inner(view: ImageView) -> bytes:
        raise ValueError((view.find("/etc/sysctl.conf") or b"").decode())

    @shared
    def outer(view: ImageView) -> str:
        try:
            inner(view)
        except ValueError as error:
            return str(error)
        return ""

    first = outer(memory.open(whole))
    place = whole.place("/etc/sysctl.conf")
    other = replace(whole, files={**whole.files, place: b"other\n"})
    assert outer(memory.open(other)) == "other\n" != first
    assert outer(memory.open(whole)) == first
