"""A waiver must be of something: one that no gateway of the release needs stops the release."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.build.release.reports import require_waivers_used
from pipeline.errors import PipelineError
from pipeline.model.manifest import Manifest, RuleFact, WaiverFact
from pipeline.model.release import Release, Rules
from pipeline.model.rule import Waiver
from tests.support.manifest import a_manifest
from tests.support.release import a_release

RULE = "ssh.use_pam"


def waived(*rules: str) -> Release:
    return a_release(rules=Rules(waivers=tuple(Waiver(rule, "so", "me", "2030-01-01") for rule in rules)))


def judged(outcome: str) -> Manifest:
    waiver = WaiverFact("so", "me", "2030-01-01") if outcome == "fail" else None
    return replace(a_manifest(), rules=(RuleFact(RULE, "", (), outcome, "", waiver=waiver),))


def test_one_gateway_that_needs_it_is_enough() -> None:
    require_waivers_used(waived(RULE), [judged("pass"), judged("fail")])


def test_no_waivers_are_no_problem() -> None:
    require_waivers_used(waived(), [judged("pass")])


@pytest.mark.parametrize("outcome", ["pass", "not applicable", "cannot be verified offline"])
def test_one_that_nothing_needs_is_named(outcome: str) -> None:
    with pytest.raises(PipelineError) as caught:
        require_waivers_used(waived(RULE, "no.such"), [judged(outcome)])
    assert [problem.what for problem in caught.value.problems] == [
        "gateway.toml [rules] waiver of ssh.use_pam: nothing there fails this rule",
        "gateway.toml [rules] waiver of no.such: there is no such rule",
    ]
