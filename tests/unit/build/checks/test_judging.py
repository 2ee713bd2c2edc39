"""A gateway that nobody could reach, log in to or administer fails the build; what only people can do is handed on."""

from __future__ import annotations

import pytest

from pipeline.build.checks.judging import require_rules, steps_for_people
from pipeline.errors import PipelineError
from pipeline.model.image_view import ImageView
from pipeline.model.outside.sidecar import Sidecar
from pipeline.model.release import Bootloader
from pipeline.model.rule import Expected, RuleResult, Waiver
from pipeline.rules.registry import RULES, judge
from tests.support import esf_view, rule_breakages
from tests.support.hardened import a_hardened_view
from tests.support.hardened import expected as expected_of_linux
from tests.support.release import a_release

# What follows from several rules together: one way to break each is enough here, all others are with the rules.
DERIVED = sorted(rule.id for rule in RULES if rule.id.startswith(("reachability.", "access.")))
LINUX = {one.rule: one for one in rule_breakages.LINUX}
ESF = {one.rule: one for one in rule_breakages.FRAMEWORK}


def broken(rule: str) -> tuple[ImageView, Expected]:
    if rule in ESF:
        esf = ESF[rule]
        return esf.change(esf_view.hardened(esf.gateway, esf.base)), esf.expected or esf_view.expected()
    return LINUX[rule].change(a_hardened_view(LINUX[rule].base)), expected_of_linux()


def results_of(view: ImageView, expected: Expected, *waivers: Waiver) -> tuple[RuleResult, ...]:
    return judge(view, expected, profile="documents", waivers=waivers, epoch=1_700_000_000)


def test_there_are_such_rules() -> None:
    assert {"access.login", "access.administer", "reachability.ssh", "reachability.provisioning"} <= {*DERIVED}
    assert {"reachability.after_reset", "access.users"} <= {*DERIVED}


@pytest.mark.parametrize("rule", DERIVED)
def test_a_gateway_that_would_be_lost_fails_the_build(rule: str) -> None:
    view, expected = broken(rule)
    results = [result for result in results_of(view, expected) if result.rule.id == rule]
    with pytest.raises(PipelineError) as raised:
        require_rules("gw-1", results)
    first = raised.value.problems[0]
    assert first.what.startswith(f"gw-1: {rule} (")
    assert "; wanted: " in first.what
    assert first.remedy
    require_rules("gw-1", [result for result in results_of(*whole(rule)) if result.rule.id == rule])


def whole(rule: str) -> tuple[ImageView, Expected]:
    if rule in ESF:
        return esf_view.hardened(ESF[rule].gateway, ESF[rule].base), ESF[rule].expected or esf_view.expected()
    return a_hardened_view(LINUX[rule].base), expected_of_linux()


def test_a_waiver_lets_it_pass_as_long_as_it_lasts() -> None:
    view, expected = broken("reachability.ssh")
    for until, passes in (("2030-01-01", True), ("2023-01-01", False)):
        waiver = Waiver("reachability.ssh", "reached over the serial line", "release engineer", until)
        results = [one for one in results_of(view, expected, waiver) if one.rule.id == "reachability.ssh"]
        if passes:
            require_rules("gw-1", results)
        else:
            with pytest.raises(PipelineError):
                require_rules("gw-1", results)


def test_what_cannot_be_done_offline_is_a_step_for_people() -> None:
    release = a_release(bootloader=Bootloader(bootdelay=-2))
    results = results_of(esf_view.hardened(), esf_view.expected())
    sidecar = Sidecar("uboot-env.bin", "/dev/mtd1", 0, b"x" * 1024, ())
    steps = steps_for_people(release, results, [sidecar], development=False)
    texts = [step.text for step in steps]
    assert any("uboot-env.bin to /dev/mtd1" in text and "mtd_debug write /dev/mtd1" in text for text in texts)
    asked_for = {step.document for step in steps}
    # First boot before shipping, production mode, fingerprints, secrets in the image at rest.
    for line in ("A:227", "A:248", "B:350", "A:141"):
        assert any(line in document for document in asked_for), line
    assert not any("development keys" in text for text in texts)
    assert any("development keys" in step.text for step in steps_for_people(release, results, development=True))
