"""Which breakages can lie in one image beside each other, each still seen for itself; found by trying, in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pipeline.image.read.view import view_of
from pipeline.inputs.layout_files import load_layouts
from pipeline.model.image_view import ImageView, Unread
from pipeline.model.rule import Breach, Expected, Judgement
from pipeline.rules.registry import RULES, judge
from tests.support.spoilt_images.planting import NOT_HERE, Breakage, Read, fits, layer_between

_LINE = re.compile(r"\bline [0-9]+")
BY_ID = {rule.id: rule for rule in RULES}

# By breakage, the number of the group it was found to fit into; `python -m tests.support.spoilt_images.plan` makes it.
PLAN: Mapping[str, int] = json.loads(Path(__file__).with_name("planted_together.json").read_text("utf-8"))
_LAYOUTS = load_layouts()

# A finding without its line number, which other breakages of the file may move: rule, path, words, text of the line.
Finding = tuple[str, str, str, str]


@dataclass(frozen=True)
class Bench:
    """One finished image in memory, and how rules judge it after changes.

    Attributes:
        read: content of any file of it.
    """

    gateway: str
    view: ImageView = field(repr=False)
    expected: Expected
    read: Read = field(repr=False)

    @cached_property
    def before(self) -> frozenset[Finding]:
        """What the untouched image breaks, by the profile strict."""
        return frozenset(self.findings(self.view, BY_ID))

    def findings(self, view: ImageView, rules: Iterable[str]) -> dict[Finding, Breach]:
        """All breaches of rules in a view of the image."""
        chosen = [BY_ID[name] for name in sorted(set(rules))]
        results = judge(view, self.expected, profile="strict", waivers=(), epoch=0, rules=chosen)
        return {
            (result.rule.id, breach.path, _LINE.sub("line", breach.found), _text(view, breach)): breach
            for result in results
            for breach in result.judgement.breaches
        }

    def judgement(self, rule: str) -> Judgement:
        """What a rule says of the untouched image."""
        chosen = [BY_ID[rule]]
        (result,) = judge(self.view, self.expected, profile="strict", waivers=(), epoch=0, rules=chosen)
        return result.judgement

    def alone(self, one: Breakage) -> frozenset[Finding]:
        """The findings a breakage makes by itself where it says; none when the image cannot be broken by it."""
        try:
            view = self.after((one,))
            if not fits(self.view, layer_between(self.view, view, self.read)):
                return frozenset()
        except NOT_HERE:
            return frozenset()
        found = self.findings(view, [one.rule])
        return frozenset(finding for finding in found if finding[1] in one.paths) - self.before

    def after(self, members: Iterable[Breakage]) -> ImageView:
        """The image with breakages in it, as an audit would see it: what is known of the whole is read anew."""
        view = self.view
        for one in members:
            view = one.change(view)
        assert view.disk is not None
        return view_of(view.disk, view.tree, view.files, _LAYOUTS)


@dataclass(frozen=True)
class Group:
    """Breakages of one image, each with the breaches that only it makes there."""

    bench: Bench
    members: Mapping[Breakage, tuple[Breach, ...]]
    view: ImageView = field(repr=False)


def try_together(
    bench: Bench, members: Sequence[Breakage], alone: Mapping[Breakage, frozenset[Finding]]
) -> Group | None:
    """A group of all of them; None when one of them cannot be done after the others, or is not seen beside them."""
    try:
        view = bench.after(members)
        if not fits(bench.view, layer_between(bench.view, view, bench.read)):
            return None
    except NOT_HERE:
        return None
    found = bench.findings(view, {one.rule for one in members})
    own = {one: own_findings(one, members, alone, found) for one in members}
    return Group(bench, own, view) if all(own.values()) else None


def grouped(
    bench: Bench, members: Sequence[Breakage], alone: Mapping[Breakage, frozenset[Finding]], plan: Mapping[str, int]
) -> list[Group]:
    """Groups that hold all members, each seen.

    Args:
        plan: numbers of groups by the breakages' ids, as they were found once; what is missing there, or does not keep
            to it, is put where it fits, and into a group of its own when it fits nowhere.
    """
    planned: dict[int, list[Breakage]] = {}
    homeless = [one for one in members if one.id not in plan]
    for one in members:
        if one.id in plan:
            planned.setdefault(plan[one.id], []).append(one)
    groups: list[Group] = []
    for _, wanted in sorted(planned.items()):
        group, left = _as_many(bench, wanted, alone)
        groups += [group] if group is not None else []
        homeless += left
    for one in homeless:
        _place(bench, one, groups, alone)
    return groups


def _as_many(
    bench: Bench, members: Sequence[Breakage], alone: Mapping[Breakage, frozenset[Finding]]
) -> tuple[Group | None, list[Breakage]]:
    """A group of as many as get on with each other: halves are tried until all do."""
    whole = try_together(bench, members, alone)
    if whole is not None:
        return whole, []
    if len(members) == 1:
        return None, list(members)
    half = len(members) // 2
    group, left = _as_many(bench, members[:half], alone)
    if group is None:
        return None, list(members)
    for one in members[half:]:
        larger = try_together(bench, [*group.members, one], alone)
        if larger is None:
            left.append(one)
        else:
            group = larger
    return group, left


def _place(bench: Bench, one: Breakage, groups: list[Group], alone: Mapping[Breakage, frozenset[Finding]]) -> None:
    for number, group in enumerate(groups):
        larger = try_together(bench, [*group.members, one], alone)
        if larger is not None:
            groups[number] = larger
            return
    single = try_together(bench, [one], alone)
    assert single is not None, f"{one.id} was seen alone, and is not any more"
    groups.append(single)


def own_findings(
    one: Breakage,
    members: Collection[Breakage],
    alone: Mapping[Breakage, frozenset[Finding]],
    found: Mapping[Finding, Breach],
) -> tuple[Breach, ...]:
    """What is found because of it, and because of no other."""
    others = [alone[other] for other in members if other is not one and other.rule == one.rule]
    return tuple(found[finding] for finding in alone[one].difference(*others) if finding in found)


def _text(view: ImageView, breach: Breach) -> str:
    """The line a breach names."""
    try:
        lines = (view.find(breach.path) or b"").decode("utf-8", "replace").splitlines() if breach.line else []
    except Unread:
        lines = []
    return lines[breach.line - 1] if 0 < breach.line <= len(lines) else ""
