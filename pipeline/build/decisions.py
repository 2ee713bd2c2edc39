"""Checks the release's decisions before anything is built: names of rules, dates of waivers, and what is waived.

A misspelt rule is a hardening that is left out; a waiver that has lapsed, or that nothing needs, would stop the release
after all of its images are made.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.build import reading
from pipeline.build.checks.judging import judged, require_rules
from pipeline.errors import raise_if_any
from pipeline.host.workspace import Workspace
from pipeline.model.rule import RuleOutcome, RuleResult
from pipeline.plan.image_plan import plan_device
from pipeline.readers.judging import DECIDED, READER_RULES
from pipeline.rules.registry import RULES, choice_problems, idle_waivers

_OF_READERS = frozenset(rule.id for rule in READER_RULES)


def require_sound_choices(workspace: Workspace) -> None:
    """Refuse names of no rule, lapsed waivers, waivers nothing needs, and what the first gateway already breaks.

    Every gateway is planned only where a waiver has not been needed yet; without waivers one gateway tells what is
    wrong with the choices all of them share.

    Raises:
        PipelineError: everything found.
    """
    release = reading.release_of(workspace)
    raise_if_any(choice_problems(release.rules.also, release.rules.waivers, release.epoch, (*RULES, *READER_RULES)))
    # What a program of the image says is known once there is an image; the release as a whole looks at those waivers.
    waivers = [waiver for waiver in release.rules.waivers if waiver.rule not in _OF_READERS]
    waived = {waiver.rule for waiver in waivers}
    failed: set[str] = set()
    for number, (name, results) in enumerate(_results(workspace)):
        failed |= {result.rule.id for result in results if result.judgement.outcome is RuleOutcome.FAIL}
        if number == 0:
            require_rules(name, (result for result in results if result.rule.id not in DECIDED))
        if waived <= failed:
            break
    raise_if_any(idle_waivers(waivers, failed))


def require_named_rules(workspace: Workspace) -> None:
    """The part that needs no gateway: names and days. `PipelineError` with everything found."""
    release = reading.release_of(workspace)
    raise_if_any(choice_problems(release.rules.also, release.rules.waivers, release.epoch, (*RULES, *READER_RULES)))


def _results(workspace: Workspace) -> Iterator[tuple[str, tuple[RuleResult, ...]]]:
    for name, gateway in reading.gateways_of(workspace).items():
        plan = plan_device(
            reading.inputs_of(workspace),
            reading.product_plan_of(workspace),
            gateway,
            reading.secrets_of(workspace, gateway),
            reading.outside_of(workspace, gateway),
        )
        yield name, judged(workspace, plan)
