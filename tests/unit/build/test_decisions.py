"""What is chosen is judged before anything is made: names of rules, days of waivers, and what the choices come to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.build import decisions
from pipeline.errors import PipelineError
from pipeline.host.workspace import Workspace
from pipeline.model.release import Release, Rules
from pipeline.model.rule import Breach, Judgement, RuleResult, Waiver
from pipeline.rules.registry import RULES
from tests.support.release import a_release

WORKSPACE = Workspace(Path("/nowhere"))
WIFI = next(rule for rule in RULES if rule.id == "network.wifi_client")
CONSOLE = next(rule for rule in RULES if rule.id == "console.own_username")
LATER = "2090-01-01"


def fails(rule: object, waiver: Waiver | None = None) -> RuleResult:
    return RuleResult(rule, Judgement.failed(Breach("/x", 0, "found", "wanted")), waiver, None)  # type: ignore[arg-type]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A workspace of three gateways; what each fails is put in by the test."""
    state = SimpleNamespace(release=a_release(), results={"a": (), "b": (), "c": ()}, planned=[])

    def results(workspace: Workspace) -> Iterator[tuple[str, tuple[RuleResult, ...]]]:
        assert workspace is WORKSPACE
        for name, found in state.results.items():
            state.planned.append(name)
            yield name, found

    monkeypatch.setattr(decisions.reading, "release_of", lambda _: state.release)
    monkeypatch.setattr(decisions, "_results", results)
    return state


def with_rules(*waivers: Waiver, also: tuple[str, ...] = ()) -> Release:
    return replace(a_release(), rules=Rules(waivers=waivers, also=also))


def refused() -> str:
    with pytest.raises(PipelineError) as caught:
        decisions.require_sound_choices(WORKSPACE)
    return str(caught.value)


def test_one_gateway_is_enough_where_nothing_is_waived(asked: SimpleNamespace) -> None:
    decisions.require_sound_choices(WORKSPACE)
    assert asked.planned == ["a"]


def test_names_are_judged_before_any_gateway_is_planned(asked: SimpleNamespace) -> None:
    asked.release = with_rules(Waiver("no.such", "so", "J", LATER), also=("kernel.kptr_restict",))
    said = refused()
    assert "there is no rule kernel.kptr_restict" in said
    assert "kernel.kptr_restrict" in said
    assert "waiver of no.such: there is no such rule" in said
    assert asked.planned == []


def test_a_waiver_that_has_lapsed_is_told(asked: SimpleNamespace) -> None:
    asked.release = with_rules(Waiver(WIFI.id, "so", "J", "2001-01-01"))
    assert "lapsed on 2001-01-01" in refused()


def test_a_waiver_that_nothing_needs_is_told_after_all_gateways(asked: SimpleNamespace) -> None:
    asked.release = with_rules(Waiver(WIFI.id, "so", "J", LATER))
    assert "nothing there fails this rule" in refused()
    assert asked.planned == ["a", "b", "c"]


def test_one_gateway_that_needs_it_ends_the_search(asked: SimpleNamespace) -> None:
    waiver = Waiver(WIFI.id, "so", "J", LATER)
    asked.release = with_rules(waiver)
    asked.results["b"] = (fails(WIFI, waiver),)
    decisions.require_sound_choices(WORKSPACE)
    assert asked.planned == ["a", "b"]


def test_what_the_choices_come_to_is_told_with_the_first_gateway(asked: SimpleNamespace) -> None:
    """Such as username = "admin" under the profile strict."""
    asked.results["a"] = (fails(CONSOLE),)
    assert "a: console.own_username" in refused()
