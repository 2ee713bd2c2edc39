"""A release as SARIF 2.1.0 (OASIS), for code scanning: one run with everything that did not simply pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote

from pipeline import __version__
from pipeline.formats.canonical_json import Json, dumps
from pipeline.model.manifest import Manifest, RuleFact
from pipeline.model.verdict import Finding, Outcome, Verdict
from pipeline.report.text.plain import plain

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_BASE = "RELEASE"


@dataclass
class _Log:
    """Rules once, by id, and results that refer to them."""

    rules: dict[str, Json] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    results: list[Json] = field(default_factory=list)

    def rule(self, name: str, title: str, tags: tuple[str, ...] = ()) -> None:
        """Make a rule known."""
        if name not in self.rules:
            self.numbers[name] = len(self.rules)
            described: dict[str, Json] = {"id": name, "shortDescription": {"text": plain(title)}}
            if tags:
                described["properties"] = {"tags": list(tags)}
            self.rules[name] = described

    def add(
        self, name: str, gateway: str, place: str, message: str, kind: str = "fail", more: dict[str, Json] | None = None
    ) -> None:
        """One result about a gateway; `place` says where in it."""
        file = f"{quote(plain(gateway))}/{'manifest.json' if kind == 'review' else 'image.img'}"
        self.results.append(
            {
                "ruleId": name,
                "ruleIndex": self.numbers[name],
                "kind": kind,
                # Section 3.27.10: anything but a failure has no level.
                "level": "error" if kind == "fail" else "none",
                "message": {"text": plain(f"{gateway}: {message}")},
                "locations": [
                    {
                        "physicalLocation": {"artifactLocation": {"uri": file, "uriBaseId": _BASE}},
                        "logicalLocations": [{"fullyQualifiedName": plain(f"{gateway}:{place}")}],
                    }
                ],
                **(more or {}),
            }
        )


def release_sarif(manifests: Iterable[Manifest], verdicts: Iterable[Verdict]) -> bytes:
    """One log. What passes or does not apply is left out, because a thousand gateways have little else."""
    log = _Log()
    waiting = {verdict.gateway: verdict for verdict in verdicts}
    name = ""
    for manifest in manifests:
        name = manifest.release
        for rule in manifest.rules:
            log.rule(rule.id, rule.title, rule.documents)
            _rule(log, manifest.gateway, rule)
        verdict = waiting.pop(manifest.gateway, None)
        if verdict is None:
            log.rule("verify.looked", "every image has been verified")
            log.add("verify.looked", manifest.gateway, "/", "nobody has looked at this image")
        else:
            _findings(log, verdict)
    for verdict in waiting.values():
        _findings(log, verdict)
    driver: dict[str, Json] = {
        "name": "gateway-image-pipeline",
        "version": __version__,
        "rules": list(log.rules.values()),
    }
    run: dict[str, Json] = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"{quote(plain(name))}/"},
        "originalUriBaseIds": {_BASE: {"description": {"text": "the release directory"}}},
        "results": log.results,
    }
    return dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(log: _Log, gateway: str, rule: RuleFact) -> None:
    if rule.outcome == "cannot be verified offline":
        log.add(rule.id, gateway, "/", rule.why, kind="review")
    elif rule.outcome not in ("pass", "not applicable"):
        waiver: dict[str, Json] = {}
        if rule.waiver is not None:
            why = f"{plain(rule.waiver.reason)} ({plain(rule.waiver.by)}, until {rule.waiver.until})"
            waiver["suppressions"] = [{"kind": "external", "status": "accepted", "justification": why}]
        for breach in rule.breaches or (rule.why,):
            place = breach.partition(": ")[0] if rule.breaches else "/"
            log.add(rule.id, gateway, place, breach, more=waiver)


def _findings(log: _Log, verdict: Verdict) -> None:
    for finding in verdict.findings:
        name = f"verify.{quote(finding.check.replace(' ', '_'))}"
        log.rule(name, f"{finding.check} is what the manifest says")
        log.add(name, verdict.gateway, finding.subject, _words(finding))


def _words(finding: Finding) -> str:
    if finding.outcome is Outcome.NOT_LOOKED:
        return f"{finding.subject}: {finding.check}: could not look: {finding.seen}"
    expected = f"expected {finding.expected}, found " if finding.expected else ""
    return f"{finding.subject}: {finding.check}: {expected}{finding.seen}"
