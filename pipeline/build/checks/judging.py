"""Judge: a gateway's planned image must pass every rule of the profile before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.build import reading
from pipeline.build.planned import view_of_gateway
from pipeline.errors import Problem, raise_if_any
from pipeline.host.workspace import Workspace
from pipeline.model.manifest import RuleFact, Step, WaiverFact
from pipeline.model.outside.sidecar import Sidecar
from pipeline.model.reader_answer import ReaderAnswer
from pipeline.model.release import Release
from pipeline.model.rule import RuleOutcome, RuleResult
from pipeline.plan.image_plan import Plan
from pipeline.readers.judging import with_answers
from pipeline.rules.expectations import expected_of
from pipeline.rules.registry import judge
from pipeline.transforms.boot.outside import flashing

_MOST = 20  # breaches in one message; the rest is the same mistake again


def judged(workspace: Workspace, plan: Plan, answers: Sequence[ReaderAnswer] = ()) -> tuple[RuleResult, ...]:
    """Every rule of the release's profile on a gateway's image as planned.

    Args:
        answers: of the image's own programs, which have the last word; none where nobody has asked them yet.
    """
    release = reading.release_of(workspace)
    results = judge(
        view_of_gateway(workspace, plan),
        expected_of(release),
        profile=release.rules.profile,
        waivers=release.rules.waivers,
        epoch=release.epoch,
        also=release.rules.also,
    )
    return with_answers(results, answers, waivers=release.rules.waivers, epoch=release.epoch)


def rule_facts(results: Iterable[RuleResult]) -> tuple[RuleFact, ...]:
    """The outcomes as the manifest tells them."""
    return tuple(
        RuleFact(
            id=result.rule.id,
            title=result.rule.title,
            documents=result.rule.documents,
            outcome=result.judgement.outcome.value,
            why=result.judgement.why,
            breaches=tuple(
                f"{breach.path}{f':{breach.line}' if breach.line else ''}: {breach.found}"
                for breach in result.judgement.breaches
            ),
            waiver=WaiverFact(result.waiver.reason, result.waiver.by, result.waiver.until) if result.waiver else None,
        )
        for result in results
    )


def steps_for_people(
    release: Release, results: Iterable[RuleResult], sidecars: Iterable[Sidecar] = (), *, development: bool
) -> tuple[Step, ...]:
    """What only people or a running gateway can do: rules that cannot be verified offline, and what no rule tells."""
    steps = [flashing(sidecar, release.bootloader.bootdelay) for sidecar in sidecars]
    steps += [
        Step(f"{result.rule.title}: {result.judgement.why}", ", ".join(result.rule.documents))
        for result in results
        if result.judgement.outcome is RuleOutcome.UNVERIFIABLE
    ]
    if release.bootloader.bootdelay >= 0:
        steps.append(
            Step(
                "A boot delay of 0 still takes a key press on the serial console; lock the case, or choose -2.", "A:90"
            )
        )
    steps.append(
        Step(
            "The gateway reads JKS keystores only, whose protection is SHA-1: whoever has one can try passwords fast. "
            "If an image got out of hand, give its gateway new secrets ([secrets] generation), revoke its client keys.",
            "B:543",
        )
    )
    if development:
        steps.append(Step("Do not ship: this image was signed with development keys."))
    return tuple(steps)


def require_rules(name: str, results: Iterable[RuleResult]) -> None:
    """Refuse an image that breaks a rule nobody has waived; a gateway nobody could reach is one of them."""
    problems: list[Problem] = []
    for result in results:
        if not result.blocks:
            continue
        remedy = result.rule.remedy or "correct the input, or waive the rule under [rules] with a reason and an end"
        for breach in result.judgement.breaches:
            line = f":{breach.line}" if breach.line else ""
            problems.append(
                Problem(
                    f"{name}: {result.rule.id} ({', '.join(result.rule.documents) or result.rule.profile}): "
                    f"{breach.path}{line}: {breach.found}; wanted: {breach.wanted}",
                    remedy,
                )
            )
    shown = problems[:_MOST]
    if len(problems) > _MOST:
        shown.append(Problem(f"{name}: {len(problems) - _MOST} more breaches", "mend these first"))
    raise_if_any(shown)
