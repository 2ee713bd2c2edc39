"""Judging: profiles, what was not read, and waivers that show, lapse and never hide."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.errors import PipelineError
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach, Check, Expected, Judgement, Rule, RuleOutcome, Severity, Waiver
from pipeline.model.tree import Kind, Node, Tree
from pipeline.rules import registry
from pipeline.rules.files_read import wanted_paths
from tests.support.hardened import a_hardened_view
from tests.support.vanilla import LAYOUT, a_vanilla

DAY = 86400
VIEW = ImageView.of(a_vanilla())


def a_rule(check: Check, name: str = "test.rule", profile: str = "documents") -> Rule:
    return Rule(name, "a rule", ("A:1",), ("none",), profile, check, why="It is so.", severity=Severity.LOW)


def always(judgement: Judgement) -> Check:
    return lambda view, expected: judgement


FAILS = always(Judgement.failed(Breach("/etc/x", 3, "bad", "good")))
PASSES = always(Judgement.passed("fine"))


def a_waiver(until: str, rule: str = "test.rule") -> Waiver:
    return Waiver(rule, "because", "Jane Doe", until)


def judged(rule: Rule, *waivers: Waiver, epoch: int = 0, profile: str = "documents", also: tuple[str, ...] = ()):  # noqa: ANN201
    return registry.judge(VIEW, Expected(), profile=profile, waivers=waivers, epoch=epoch, also=also, rules=(rule,))


def test_a_failure_blocks() -> None:
    (result,) = judged(a_rule(FAILS))
    assert result.blocks
    assert result.judgement.breaches == (Breach("/etc/x", 3, "bad", "good"),)


@pytest.mark.parametrize(
    "judgement", [Judgement.passed("x"), Judgement.not_applicable("x"), Judgement.unverifiable("x")]
)
def test_nothing_else_blocks(judgement: Judgement) -> None:
    (result,) = judged(a_rule(always(judgement)))
    assert not result.blocks


def test_a_waiver_covers_and_does_not_hide() -> None:
    (result,) = judged(a_rule(FAILS), a_waiver("1970-01-02"), epoch=DAY)
    assert not result.blocks
    assert result.judgement.outcome is RuleOutcome.FAIL
    assert result.judgement.breaches
    assert result.waiver == a_waiver("1970-01-02")


def test_a_waiver_lapses_after_its_last_day() -> None:
    (result,) = judged(a_rule(FAILS), a_waiver("1970-01-02"), epoch=2 * DAY)
    assert result.blocks
    assert (result.waiver, result.lapsed) == (None, a_waiver("1970-01-02"))


def test_the_longest_waiver_counts() -> None:
    (result,) = judged(a_rule(FAILS), a_waiver("1999-01-01"), a_waiver("1970-01-02"), epoch=9 * DAY)
    assert result.waiver == a_waiver("1999-01-01")


def test_a_waiver_says_nothing_of_what_does_not_fail() -> None:
    (result,) = judged(a_rule(PASSES), a_waiver("1999-01-01"))
    assert (result.waiver, result.lapsed) == (None, None)


def test_waivers_of_nothing_are_problems() -> None:
    rule = a_rule(PASSES)
    waivers = (a_waiver("1999-01-01"), a_waiver("1999-01-01", "no.such"))
    found = registry.waiver_problems(waivers, judged(rule, *waivers), rules=(rule,))
    assert [problem.what for problem in found] == [
        "gateway.toml [rules] waiver of test.rule: nothing there fails this rule",
        "gateway.toml [rules] waiver of no.such: there is no such rule",
    ]


def test_a_waiver_used_by_one_image_of_many_is_none() -> None:
    failing, passing = a_rule(FAILS), a_rule(PASSES)
    results = (*judged(passing), *judged(failing, a_waiver("1999-01-01")))
    assert registry.waiver_problems((a_waiver("1999-01-01"),), results, rules=(failing,)) == ()


def test_profiles() -> None:
    rule = a_rule(FAILS, profile="strict")
    assert judged(rule) == ()
    assert len(judged(rule, profile="strict")) == 1
    assert len(judged(rule, also=("test.rule",))) == 1


def test_what_nobody_read_cannot_be_verified() -> None:
    files = {path: data for path, data in VIEW.files.items() if path != "/etc/shadow"}

    def look(view: ImageView, expected: Expected) -> Judgement:
        assert view.find("/etc/shadow") is not None
        return Judgement.passed("never comes here")

    (result,) = registry.judge(
        replace(VIEW, files=files), Expected(), profile="documents", waivers=(), epoch=0, rules=(a_rule(look),)
    )
    assert result.judgement.outcome is RuleOutcome.UNVERIFIABLE
    assert result.judgement.why == "/etc/shadow: its content was not read"


def test_a_circle_of_links_cannot_be_verified() -> None:
    def look(view: ImageView, expected: Expected) -> Judgement:
        raise PipelineError("/etc/x: too many levels of symbolic links in the image", "look")

    (result,) = judged(a_rule(look))
    assert result.judgement.outcome is RuleOutcome.UNVERIFIABLE


def test_without_any_file_read_no_rule_passes_that_needs_one() -> None:
    """A rule that did not look must not say pass: those that do look at names, modes and facts only."""
    blind = replace(a_hardened_view(), files={})
    by_content = {"accounts.", "ssh.", "access.", "services.sysrq", "services.disabled", "bootloader.delay", "kernel."}
    for result in registry.judge(blind, Expected(), profile="strict", waivers=(), epoch=0, rules=registry.LINUX):
        if result.judgement.outcome is RuleOutcome.PASS:
            assert not result.rule.id.startswith(tuple(by_content)) or result.rule.id == "accounts.backups", (
                result.rule.id
            )


def test_an_empty_image_passes_nothing_it_has_not() -> None:
    """No accounts, no servers, no init: those rules say so."""
    bare = ImageView({}, None, "", "", None, Tree({GuestPath("/"): Node(Kind.DIRECTORY, 0o755)}), {})
    outcomes = {
        result.rule.id: result.judgement.outcome
        for result in registry.judge(bare, Expected(), profile="documents", waivers=(), epoch=0)
    }
    passed = {name for name, outcome in outcomes.items() if outcome is RuleOutcome.PASS}
    assert {name for name in passed if not name.startswith("identity.")} <= {"accounts.backups"}, passed


def test_wanted_paths_are_real_and_hold_what_rules_ask_for() -> None:
    vanilla = a_vanilla({"/home/a/.ssh/authorized_keys": "x\n", "/etc/ssh/sshd_config.d/a.conf": "\n"})
    wanted = wanted_paths(vanilla.tree, LAYOUT)
    assert {"/etc/shadow", "/etc/ssh/sshd_config.d/a.conf", "/home/a/.ssh/authorized_keys"} <= set(wanted)
    assert "/opt/eurotech/esf_5.0.0/kura/kura.properties" in wanted
    assert all(vanilla.tree.resolve(path) == path for path in wanted)
    assert list(wanted) == sorted(set(wanted))


def test_names_of_no_rule_and_lapsed_waivers_are_told_with_the_nearest_names() -> None:
    waivers = (
        Waiver("network.wifi_clients", "so", "J", "2030-01-01"),
        Waiver("network.wifi_client", "so", "J", "2020-01-01"),
        Waiver("network.wifi", "so", "J", "2030-01-01"),
    )
    problems = registry.choice_problems(("kernel.kptr_restict", "ssh.use_pam"), waivers, 1_700_000_000)
    assert [problem.what.partition(": ")[2] for problem in problems] == [
        "there is no rule kernel.kptr_restict",
        "there is no such rule",
        "lapsed on 2020-01-01, before the release's own day 2023-11-14",
    ]
    assert "kernel.kptr_restrict" in problems[0].remedy
    assert "network.wifi_client" in problems[1].remedy
