"""Every planted breakage is caught by its rule, which names the file and the line; the hardened image breaks none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.image.read import facts
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach, Judgement, RuleOutcome
from pipeline.rules.files_read import paths_needed
from pipeline.rules.registry import FRAMEWORK, judge
from tests.support import esf_view
from tests.support.breakages import Breakage
from tests.support.rule_breakages import FRAMEWORK as BREAKAGES

BY_ID = {rule.id: rule for rule in FRAMEWORK}
# Nothing in an image can break what only people can do.
STEPS = {rule.id for rule in FRAMEWORK if rule.id.startswith("steps.")}
# These the profile documents does not enforce.
STRICT = {"console.own_username", "framework.no_osgi_console"}


def look(view: ImageView, rule: str, breakage: Breakage | None = None) -> Judgement:
    expected = breakage.expected if breakage and breakage.expected else esf_view.expected()
    (result,) = judge(view, expected, profile="strict", waivers=(), epoch=0, rules=(BY_ID[rule],))
    return result.judgement


def as_read(view: ImageView) -> ImageView:
    """The view with the content of the files the rules ask for, and of no other."""
    if view.layout is None:
        return view
    chosen = set(facts.select(view.tree, paths_needed(view.layout)))
    return replace(view, files={path: data for path, data in view.files.items() if path in chosen})


def line_of(view: ImageView, breach: Breach) -> str:
    return view.files[GuestPath(breach.path)].decode("utf-8", "replace").splitlines()[breach.line - 1]


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: f"{breakage.rule}: {breakage.name}")
def test_it_is_caught(breakage: Breakage) -> None:
    before = esf_view.hardened(breakage.gateway, breakage.base)
    assert look(before, breakage.rule, breakage).outcome is not RuleOutcome.FAIL
    # As an audit sees it: the files it was asked to read, and the names and modes of all others.
    view = as_read(breakage.change(before))
    found = look(view, breakage.rule, breakage)
    assert found.outcome is RuleOutcome.FAIL, found
    here = [breach for breach in found.breaches if breach.path == breakage.path]
    assert here, found.breaches
    if breakage.text:
        named = [line_of(view, breach) for breach in here if breach.line]
        assert any(breakage.text in line for line in named), (here, named)


def test_there_are_enough_and_each_is_another() -> None:
    assert len({(breakage.rule, breakage.name) for breakage in BREAKAGES}) == len(BREAKAGES) >= 250


def test_every_rule_is_broken_by_something() -> None:
    assert BY_ID.keys() - STEPS == {breakage.rule for breakage in BREAKAGES}
