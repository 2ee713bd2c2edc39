"""Judges many images of one release: a rule whose inputs are unchanged keeps its outcome."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.model.image_view import ImageView
from pipeline.model.rule import Expected, Judgement, Rule, RuleResult, Waiver
from pipeline.rules.registry import RULES, look, outcome_of, rules_of
from pipeline.rules.shared import Memory, shared


class Remembered:
    """Judges images of one release; the first one in full."""

    def __init__(
        self,
        base: ImageView,
        expected: Expected,
        *,
        profile: str,
        waivers: Sequence[Waiver],
        epoch: int,
        also: Iterable[str] = (),
        rules: Sequence[Rule] = RULES,
    ) -> None:
        """Everything that is the same for all images; `base` is what they are compared with."""
        self.memory = Memory(base)
        self._expected, self._waivers, self._epoch = expected, waivers, epoch
        self._rules = rules_of(profile, also, rules)

    def judge(self, view: ImageView) -> tuple[tuple[RuleResult, ...], ImageView]:
        """As `pipeline.rules.registry.judge`, and the view for others to ask who can share what rules found out."""
        opened = self.memory.open(view)
        results = tuple(
            outcome_of(rule, _judgement(opened, rule, self._expected), self._waivers, self._epoch)
            for rule in self._rules
        )
        return results, opened


@shared
def _judgement(view: ImageView, rule: Rule, expected: Expected) -> Judgement:
    return look(rule, view, expected)
