"""Judge: a gateway's planned image must pass every rule of the profile before anything is written."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.errors import Problem, raise_if_any
from pipeline.model.image_view import ImageView
from pipeline.model.rule import RuleResult
from pipeline.plan import Plan
from pipeline.rules.expectations import expected_of
from pipeline.rules.registry import judge
from pipeline.stages import reading
from pipeline.workspace import Workspace

_MOST = 20  # breaches in one message; the rest is the same mistake again


def judged(workspace: Workspace, plan: Plan) -> tuple[RuleResult, ...]:
    """Every rule of the release's profile on a gateway's image as planned."""
    inputs = reading.inputs_of(workspace)
    release = inputs.release
    product = reading.product_plan_of(workspace)
    view = ImageView.of(inputs.vanilla).after(product.layer).after(plan.layer)
    return judge(
        view,
        expected_of(release),
        profile=release.rules.profile,
        waivers=release.rules.waivers,
        epoch=release.epoch,
        also=release.rules.also,
    )


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
