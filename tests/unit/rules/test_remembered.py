"""A judge that remembers says of every breakage of the suite what a full judging says, in any order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.model.image_view import ImageView
from pipeline.rules import registry
from pipeline.rules.remembered import Remembered
from pipeline.rules.shared import Memory, shared
from tests.support.hardened import a_hardened_view, expected
from tests.support.linux_breakages import LINUX
from tests.support.strict_breakages import STRICT

EXPECTED = replace(expected(), approved_os=("debian 12",))
BASES = sorted({breakage.base for breakage in (*LINUX, *STRICT)})


def in_full(view: ImageView) -> list[tuple[str, str, str, object]]:
    """What every rule says of a view looked at alone."""
    results = registry.judge(view, EXPECTED, profile="strict", waivers=(), epoch=0)
    return [(one.rule.id, str(one.judgement.outcome), one.judgement.why, one.judgement.breaches) for one in results]


@pytest.mark.parametrize("base", BASES)
def test_every_breakage_is_judged_as_in_full(base: str) -> None:
    whole = a_hardened_view(base)
    judge = Remembered(whole, EXPECTED, profile="strict", waivers=(), epoch=0)
    broken = [whole, *(breakage.change(whole) for breakage in (*LINUX, *STRICT) if breakage.base == base), whole]
    for view in broken:
        results, _ = judge.judge(view)
        said = [(one.rule.id, str(one.judgement.outcome), one.judgement.why, one.judgement.breaches) for one in results]
        assert said == in_full(view)


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
