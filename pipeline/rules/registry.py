"""All rules in one explicit order, and judging an image by them."""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Container, Iterable, Sequence

from pipeline.errors import PipelineError, Problem
from pipeline.model.image_view import ImageView, Unread
from pipeline.model.rule import Expected, Judgement, Rule, RuleOutcome, RuleResult, Waiver
from pipeline.rules.accounts import access, accounts, libc, passwords
from pipeline.rules.boot import bootloader
from pipeline.rules.esf import all_rules
from pipeline.rules.files import secrets
from pipeline.rules.files import strict as linux_strict_files
from pipeline.rules.identity import first_boot, identity, residue
from pipeline.rules.kernel import strict as linux_strict_kernel
from pipeline.rules.services import disabled
from pipeline.rules.ssh import authentication, key_sizes, port, port_guards, strict

PROFILES = ("documents", "strict")

_LINUX = (
    passwords,
    libc,
    accounts,
    key_sizes,
    authentication,
    port,
    port_guards,
    disabled,
    bootloader,
    identity,
    first_boot,
    residue,
    secrets,
    access,
    linux_strict_kernel,
    strict,
    linux_strict_files,
)

LINUX: tuple[Rule, ...] = tuple(rule for module in _LINUX for rule in module.RULES)
RULES: tuple[Rule, ...] = (*LINUX, *all_rules.RULES)

# Files the rules look into; links are followed, ``**`` is everything below a directory.
READS: tuple[str, ...] = tuple(sorted({*all_rules.READS, *(pattern for module in _LINUX for pattern in module.READS)}))


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
