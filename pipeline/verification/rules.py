"""Judges the finished image by the hardening rules again, from what was read of it and not from the build's results."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.manifest import Manifest
from pipeline.model.reader_answer import ReaderAnswer, digest_of_read
from pipeline.model.rule import Expected, Rule, RuleOutcome, RuleResult, Waiver
from pipeline.model.tree import Node, Tree
from pipeline.model.verdict import Finding, Outcome
from pipeline.readers.judging import with_answers
from pipeline.rules.expectations import expected_from
from pipeline.rules.registry import PROFILES, judge


def decisions_in(manifest: Manifest) -> Expected:
    """What the manifest's signer has decided."""
    return expected_from(manifest.facts.get("decisions"))


def waivers_in(manifest: Manifest) -> tuple[Waiver, ...]:
    """Those the manifest's signer stands for."""
    return tuple(
        Waiver(fact.id, fact.waiver.reason, fact.waiver.by, fact.waiver.until)
        for fact in manifest.rules
        if fact.waiver is not None
    )


def judge_again(manifest: Manifest, view: ImageView, rules: Sequence[Rule]) -> tuple[RuleResult, ...]:
    """Every rule of the manifest's profile, by the decisions and with the waivers that its signer stands for.

    The image's own programs have the last word as they had it when the image was built, about the files they read
    then: where the image holds others now, nobody asked the program about them, and the rule's own word stands.
    """
    results = judge(
        view,
        decisions_in(manifest),
        profile=manifest.profile if manifest.profile in PROFILES else PROFILES[0],
        waivers=waivers_in(manifest),
        epoch=manifest.epoch,
        also=[fact.id for fact in manifest.rules],
        rules=rules,
    )
    return with_answers(results, standing_answers(manifest, view), waivers=waivers_in(manifest), epoch=manifest.epoch)


def standing_answers(manifest: Manifest, view: ImageView) -> tuple[ReaderAnswer, ...]:
    """The manifest's answers about files that the image still holds as they were when their readers were asked."""
    return tuple(fact.answer for fact in manifest.readers if _unchanged(manifest.tree, view, fact.answer))


def _unchanged(asked: Tree, view: ImageView, answer: ReaderAnswer) -> bool:
    """Of secret files, whose digest no manifest has, only whether they are there."""
    for path in map(GuestPath, answer.read):
        before, now = asked.get(path), view.tree.get(path)
        if before is None or now is None:
            if before is not now:
                return False
        elif before.sha256 is not None and _digest_in(view, path, now) not in (None, before.sha256):
            return False
    return True


def _digest_in(view: ImageView, path: GuestPath, node: Node) -> str | None:
    """SHA-256 of a file's content; None where nobody had to read it."""
    content = view.files.get(path)
    return node.sha256 if content is None else hashlib.sha256(content).hexdigest()


def _stale_answers(manifest: Manifest) -> Iterator[Finding]:
    """Answers about other files than the image holds."""
    for fact in manifest.readers:
        seen = digest_of_read(manifest.tree, fact.answer.read)
        if seen != fact.sha256:
            check = f"reader {fact.answer.reader}"
            yield Finding(fact.answer.subject, check, f"what was asked about: {fact.sha256}", seen)


def findings_of(manifest: Manifest, results: Sequence[RuleResult]) -> Iterator[Finding]:
    """Breaches that no waiver of the manifest covers, and rules that the build saw pass and nobody can see now."""
    yield from _stale_answers(manifest)
    passed = {fact.id for fact in manifest.rules if fact.outcome == RuleOutcome.PASS}
    for result in results:
        check, judgement = f"rule {result.rule.id}", result.judgement
        if result.blocks:
            for breach in judgement.breaches:
                place = f"{breach.path}:{breach.line}" if breach.line else breach.path
                yield Finding(place, check, breach.wanted, breach.found)
        elif judgement.outcome is RuleOutcome.UNVERIFIABLE and result.rule.id in passed:
            yield Finding(check, "verifiable", "", judgement.why, Outcome.NOT_LOOKED)


def covered(results: Sequence[RuleResult]) -> str:
    """What was judged, in words."""
    counts = [
        (sum(result.judgement.outcome is outcome for result in results), word)
        for outcome, word in (
            (RuleOutcome.PASS, "pass"),
            (RuleOutcome.NOT_APPLICABLE, "not applicable"),
            (RuleOutcome.UNVERIFIABLE, "for people"),
            (RuleOutcome.DISAGREEMENT, "disagreed about by rule and reader"),
        )
    ]
    waived = sum(result.waiver is not None for result in results)
    told = [f"{count} {word}" for count, word in (*counts, (waived, "waived")) if count]
    return f"{len(results)} rules: {', '.join(told)}"
