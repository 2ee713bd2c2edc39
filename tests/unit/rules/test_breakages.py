"""Every way to break a hardened image is caught, by the rule that is for it, naming file and line."""

from __future__ import annotations

import pkgutil
from collections import Counter
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from pipeline.model.image_view import ImageView
from pipeline.model.rule import RuleOutcome
from pipeline.rules import registry
from tests.support.breakages import Breakage
from tests.support.hardened import a_hardened_view, expected
from tests.support.rule_breakages import FILES, LINUX, breakages_in

RULES = {rule.id: rule for rule in registry.RULES}
EXPECTED = replace(expected(), approved_os=("debian 12",))


def the_line(view: ImageView, path: str, start: str) -> set[int]:
    text = (view.find(path) or b"").decode().splitlines()
    return {number for number, line in enumerate(text, 1) if line.startswith(start)}


@pytest.mark.parametrize("breakage", LINUX, ids=lambda breakage: f"{breakage.rule}: {breakage.name}")
def test_it_is_caught_where_it_is(breakage: Breakage) -> None:
    whole = a_hardened_view(breakage.base)
    rule = RULES[breakage.rule]
    assert rule.check(whole, EXPECTED).outcome in (RuleOutcome.PASS, RuleOutcome.NOT_APPLICABLE)
    broken = breakage.change(whole)
    judgement = rule.check(broken, EXPECTED)
    assert judgement.outcome is RuleOutcome.FAIL, judgement.why
    lines = the_line(broken, breakage.path, breakage.text) if breakage.text else {0}
    assert lines, f"{breakage.text!r} begins no line of {breakage.path}"
    found = [(breach.path, breach.line) for breach in judgement.breaches]
    assert any(path == breakage.path and (line in lines or not breakage.text) for path, line in found), found


def test_the_list_is_long_and_every_name_is_there_once() -> None:
    assert len(LINUX) >= 150
    twice = [name for name, count in Counter((one.rule, one.name) for one in LINUX).items() if count > 1]
    assert not twice


def test_every_rule_of_linux_is_broken_somehow() -> None:
    assert {rule.id for rule in registry.LINUX} == {breakage.rule for breakage in LINUX}


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_what_breaks_a_rule_lies_beside_its_tests(file: Path) -> None:
    """``tests/unit/rules/<subject>`` for the rules of ``pipeline/rules/<subject>``."""
    subject = import_module(f"pipeline.rules.{file.parent.name}")
    names = {
        rule.id
        for found in pkgutil.walk_packages(subject.__path__, f"{subject.__name__}.")
        for rule in getattr(import_module(found.name), "RULES", ())
    }
    assert not {one.rule for one in breakages_in(file)} - names


@pytest.mark.parametrize("base", ["sysv", "systemd", "busybox"])
def test_what_the_transforms_make_is_whole(base: str) -> None:
    results = registry.judge(a_hardened_view(base), EXPECTED, profile="documents", waivers=(), epoch=0)
    assert [result.rule.id for result in results if result.blocks] == []


def test_what_the_transforms_make_by_the_strict_profile_is_whole() -> None:
    results = registry.judge(a_hardened_view("strict"), EXPECTED, profile="strict", waivers=(), epoch=0)
    assert [result.rule.id for result in results if result.blocks] == []
