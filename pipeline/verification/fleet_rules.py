"""The rules on many gateways of one release: judged by what each manifest decides, and remembered."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.model.image_view import ImageView
from pipeline.model.manifest import Manifest
from pipeline.model.rule import Rule, RuleResult
from pipeline.readers.judging import with_answers
from pipeline.rules.registry import PROFILES
from pipeline.rules.remembered import Remembered
from pipeline.verification.rules import decisions_in, standing_answers, waivers_in

_MOST_KINDS = 4


class Judges:
    """A judge for each kind of decisions; all gateways of a release nearly always share one."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """All rules there are."""
        self._rules = rules
        self._known: dict[object, Remembered] = {}

    def judge(self, manifest: Manifest, view: ImageView) -> tuple[tuple[RuleResult, ...], ImageView]:
        """Every rule of a manifest's profile, and the view for others to ask; the first view is what others are
        compared with."""
        expected, waivers = decisions_in(manifest), waivers_in(manifest)
        profile = manifest.profile if manifest.profile in PROFILES else PROFILES[0]
        also = tuple(fact.id for fact in manifest.rules)
        kind = (expected, waivers, profile, manifest.epoch, also)
        if kind not in self._known:
            if len(self._known) >= _MOST_KINDS:
                self._known.clear()
            self._known[kind] = Remembered(
                view, expected, profile=profile, waivers=waivers, epoch=manifest.epoch, also=also, rules=self._rules
            )
        results, opened = self._known[kind].judge(view)
        answers = standing_answers(manifest, opened)
        return with_answers(results, answers, waivers=waivers, epoch=manifest.epoch), opened
