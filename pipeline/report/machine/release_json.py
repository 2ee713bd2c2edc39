"""A release for machines, as canonical JSON: verdicts, outcomes of rules, waivers, certificates and steps left."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.formats.canonical_json import Json, dumps
from pipeline.formats.tree_text import escape
from pipeline.model.manifest import Action, Manifest
from pipeline.model.verdict import Outcome, Verdict

FORMAT = "gateway-image-release"
VERSION = 1

_DAY = 86400


def release_json(manifests: Iterable[Manifest], verdicts: Iterable[Verdict]) -> bytes:
    """The release as one object; a gateway without a verdict counts as one that could not be looked at."""
    waiting = {verdict.gateway: verdict for verdict in verdicts}
    release: dict[str, Json] = {}
    titles: dict[str, Json] = {}
    gateways: dict[str, Json] = {}
    status = 0
    for manifest in manifests:
        release = {"name": manifest.release, "epoch": manifest.epoch, "production": manifest.production}
        verdict = waiting.pop(manifest.gateway, None)
        status = max(status, _status(manifest, verdict))
        titles |= {rule.id: {"title": rule.title, "documents": list(rule.documents)} for rule in manifest.rules}
        gateways[escape(manifest.gateway)] = _gateway(manifest, verdict)
    also = {escape(verdict.gateway): _verdict(verdict) for verdict in waiting.values()}
    status = max([status, *(verdict.exit_status for verdict in waiting.values())])
    return dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "exit_status": status if gateways else 2,
            "release": release,
            "rules": titles,
            "gateways": gateways,
            "also": also,
        }
    )


def _status(manifest: Manifest, verdict: Verdict | None) -> int:
    if verdict is None:
        return 2
    failed = any(rule.outcome == "fail" and rule.waiver is None for rule in manifest.rules)
    return max(verdict.exit_status, 1 if failed else 0)


def _gateway(manifest: Manifest, verdict: Verdict | None) -> Json:
    actions = [change.action for change in manifest.changes.values()]
    return {
        "serial": escape(manifest.serial),
        "image": {"sha256": manifest.image.sha256, "size": manifest.image.size},
        "verdict": _verdict(verdict) if verdict is not None else None,
        "profile": manifest.profile,
        "outcomes": {rule.id: rule.outcome for rule in manifest.rules},
        # What passes needs no reason; the manifest has one all the same.
        "reasons": {
            rule.id: [escape(rule.why), *(escape(breach) for breach in rule.breaches)]
            for rule in manifest.rules
            if rule.outcome != "pass"
        },
        "waivers": {
            rule.id: {"reason": rule.waiver.reason, "by": rule.waiver.by, "until": rule.waiver.until}
            for rule in manifest.rules
            if rule.waiver is not None
        },
        "changes": {action.value: actions.count(action) for action in Action},
        "certificates": [
            {
                "keystore": escape(keystore.path),
                "alias": entry.alias,
                "sha256": entry.sha256,
                "days_after_release": (entry.not_after - manifest.epoch) // _DAY,
            }
            for keystore in manifest.keystores
            for entry in keystore.entries
        ],
        "steps": [step.text for step in manifest.steps],
    }


def _verdict(verdict: Verdict) -> Json:
    return {
        "passed": verdict.passed,
        "exit_status": verdict.exit_status,
        "checks": list(verdict.checks),
        "findings": [
            {
                "subject": escape(finding.subject),
                "check": finding.check,
                "expected": escape(finding.expected),
                "seen": escape(finding.seen),
                "could_not_look": finding.outcome is Outcome.NOT_LOOKED,
            }
            for finding in verdict.findings
        ],
    }
