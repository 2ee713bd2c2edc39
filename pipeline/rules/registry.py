"""All rules, and judging an image by them.

Rules collect themselves: whatever module below `pipeline.rules` has ``RULES`` and ``READS`` is found by its address.
"""

from __future__ import annotations

import datetime
import difflib
import pkgutil
from collections.abc import Container, Iterable, Iterator, Sequence
from types import ModuleType

from pipeline import rules as rules_package
from pipeline.errors import PipelineError, Problem
from pipeline.model.image_view import ImageView, Unread
from pipeline.model.rule import Expected, Judgement, Rule, RuleOutcome, RuleResult, Waiver

PROFILES = ("documents", "strict")

# Subjects whose rules are about the framework of the gateway; all others hold for any Linux.
_OF_THE_FRAMEWORK = ("esf", "firewall", "network")


def _modules(*, framework: bool) -> Iterator[ModuleType]:
    """Every module of every subject, imported; the package's own modules are as constant as its code."""
    for subject in pkgutil.iter_modules(rules_package.__path__):
        if subject.ispkg and (subject.name in _OF_THE_FRAMEWORK) == framework:
            package = pkgutil.resolve_name(f"{rules_package.__name__}.{subject.name}")
            for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
                yield pkgutil.resolve_name(found.name)


def _collected(modules: Iterable[ModuleType]) -> tuple[Rule, ...]:
    """What the modules call ``RULES``, in the order of the documents' lines; what only `strict` asks for comes last."""
    return tuple(sorted((rule for module in modules for rule in getattr(module, "RULES", ())), key=_place))


def _place(rule: Rule) -> tuple[bool, list[tuple[str, int]], str]:
    lines = (line.partition(":") for line in rule.documents)
    return not rule.documents, sorted((name, int(number.partition("-")[0])) for name, _, number in lines), rule.id


LINUX: tuple[Rule, ...] = _collected(_modules(framework=False))
FRAMEWORK: tuple[Rule, ...] = _collected(_modules(framework=True))
RULES: tuple[Rule, ...] = tuple(sorted((*LINUX, *FRAMEWORK), key=_place))

# Files the rules look into, those they share included; links are followed, ``**`` is everything below a directory.
READS: tuple[str, ...] = tuple(
    sorted(
        {
            pattern
            for framework in (False, True)
            for module in _modules(framework=framework)
            for pattern in getattr(module, "READS", ())
        }
    )
)


def rules_of(profile: str, also: Iterable[str] = (), rules: Sequence[Rule] = RULES) -> tuple[Rule, ...]:
    """The rules of a profile, in their order; ``strict`` has those of ``documents`` too.

    Args:
        also: ids of single rules on top of the profile.
    """
    wanted = frozenset(also)
    return tuple(rule for rule in rules if profile == "strict" or rule.profile == "documents" or rule.id in wanted)


def judge(
    view: ImageView,
    expected: Expected,
    *,
    profile: str,
    waivers: Sequence[Waiver],
    epoch: int,
    also: Iterable[str] = (),
    rules: Sequence[Rule] = RULES,
) -> tuple[RuleResult, ...]:
    """Every rule of the profile, and how its check ended on this image.

    A waiver never hides what was found: it stands beside it, and so does one that has lapsed.

    Args:
        epoch: seconds since 1970, the day waivers are compared with; never the clock.
    """
    return tuple(
        outcome_of(rule, look(rule, view, expected), waivers, epoch) for rule in rules_of(profile, also, rules)
    )


def outcome_of(rule: Rule, judgement: Judgement, waivers: Sequence[Waiver], epoch: int) -> RuleResult:
    """A judgement with the waiver that covers it, or covered it once."""
    if judgement.outcome is not RuleOutcome.FAIL:
        return RuleResult(rule, judgement)
    mine = sorted((waiver for waiver in waivers if waiver.rule == rule.id), key=lambda waiver: waiver.until)
    if not mine:
        return RuleResult(rule, judgement)
    holds = mine[-1].until >= day_of(epoch)
    return RuleResult(rule, judgement, mine[-1] if holds else None, None if holds else mine[-1])


def waiver_problems(
    waivers: Sequence[Waiver], results: Iterable[RuleResult], rules: Sequence[Rule] = RULES
) -> tuple[Problem, ...]:
    """Waivers that say nothing: of a rule there is not, or of one that failed nowhere.

    Args:
        results: of all images of a release; a waiver may be for one gateway only.
    """
    failed = {result.rule.id for result in results if result.judgement.outcome is RuleOutcome.FAIL}
    return idle_waivers(waivers, failed, rules)


def idle_waivers(
    waivers: Sequence[Waiver], failed: Container[str], rules: Sequence[Rule] = RULES
) -> tuple[Problem, ...]:
    """The same from the ids of the rules that failed on some image of the release."""
    known = {rule.id for rule in rules}
    problems = []
    for waiver in waivers:
        place = f"gateway.toml [rules] waiver of {waiver.rule}"
        if waiver.rule not in known:
            problems.append(Problem(f"{place}: there is no such rule", "docs/reference/rules.md names all rules"))
        elif waiver.rule not in failed:
            problems.append(Problem(f"{place}: nothing there fails this rule", "take the waiver away"))
    return tuple(problems)


def choice_problems(
    also: Iterable[str], waivers: Sequence[Waiver], epoch: int, rules: Sequence[Rule] = RULES
) -> tuple[Problem, ...]:
    """What of a release's choice of rules can be judged without any image: names of no rule, waivers that have lapsed.

    Args:
        epoch: of the release, the day waivers are compared with.
    """
    known = [rule.id for rule in rules]
    problems = [
        Problem(f"gateway.toml [rules] also: there is no rule {name}", _nearest(name, known))
        for name in also
        if name not in known
    ]
    for waiver in waivers:
        place = f"gateway.toml [rules] waiver of {waiver.rule}"
        if waiver.rule not in known:
            problems.append(Problem(f"{place}: there is no such rule", _nearest(waiver.rule, known)))
        elif waiver.until < day_of(epoch):
            problems.append(
                Problem(
                    f"{place}: lapsed on {waiver.until}, before the release's own day {day_of(epoch)}",
                    "take it away, or let somebody decide anew with a later day",
                )
            )
    return tuple(problems)


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    near += [one for one in known if one.rsplit(".", 1)[-1] == name.rsplit(".", 1)[-1] and one not in near][:2]
    told = f"did you mean {' or '.join(near)}? " if near else ""
    return f"{told}docs/reference/rules.md names all rules"


def day_of(epoch: int) -> str:
    """The day of a time, ``YYYY-MM-DD``, in UTC."""
    return datetime.datetime.fromtimestamp(epoch, datetime.UTC).date().isoformat()


def look(rule: Rule, view: ImageView, expected: Expected) -> Judgement:
    """How one check ends; what it cannot read, nobody can verify."""
    try:
        return rule.check(view, expected)
    except Unread as unread:
        return Judgement.unverifiable(f"{unread.path}: its content was not read")
    except PipelineError as error:
        # Such as a circle of links: a gateway could not open the file either, so nobody can say what is in effect.
        return Judgement.unverifiable(error.problems[0].what)
