"""A gateway as planned, with the outcomes of all rules: worked out once, then handed on."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.model.image_view import ImageView
from pipeline.model.reader_answer import ReaderAnswer
from pipeline.model.rule import RuleResult
from pipeline.plan.image_plan import Plan
from pipeline.verification.own_values import OwnValue


@dataclass(frozen=True)
class Judged:
    """A gateway as planned, and what all rules say of it.

    Attributes:
        view: the finished image, as rules look at it.
        answers: of the image's own programs.
    """

    name: str
    plan: Plan
    view: ImageView = field(repr=False)
    results: tuple[RuleResult, ...]
    values: tuple[OwnValue, ...] = field(repr=False)
    answers: tuple[ReaderAnswer, ...] = ()
