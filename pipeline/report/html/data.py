"""What the page shows, as one compact JSON value; ``report.js`` is its only reader."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

from pipeline.formats.canonical_json import Json
from pipeline.formats.tree_text import escape
from pipeline.model.layer import Origin
from pipeline.model.manifest import Action, CertificateFacts, Change, Manifest, Package, RuleFact
from pipeline.model.tree import Kind
from pipeline.model.verdict import Verdict
from pipeline.report.html.pool import Pool, harmless, shared

NO_VERDICT = 3  # beside the verifier's own exit statuses

_DAY = 86400
_DIGEST = 16  # hex digits shown of a file's; the manifest has all
# Of a manifest's facts those the page shows.
_FACTS = (
    "bundles", "console", "firewall", "init", "interfaces", "open_ports", "os_release", "services_disabled", "ssh",
    "users",
)  # fmt: skip
_CODES = {"pass": "p", "fail": "f", "not applicable": "n", "cannot be verified offline": "u",
          "rule and reader disagree": "d"}  # fmt: skip


@dataclass
class Gathered:
    """Everything about a release, gateway by gateway; manifests are not kept."""

    pools: dict[str, Pool] = field(default_factory=dict)
    gateways: list[dict[str, Json]] = field(default_factory=list)
    about: dict[str, Json] = field(default_factory=dict)
    failing: int = 0

    def pool(self, name: str) -> Pool:
        """The pool of one kind of value."""
        return self.pools.setdefault(name, Pool())


def gather(manifests: Iterable[Manifest], verdicts: Iterable[Verdict]) -> Gathered:
    """All gateways by name, with the verdict on each; a gateway without one counts as not looked at."""
    found = Gathered()
    waiting = {verdict.gateway: verdict for verdict in verdicts}
    for manifest in manifests:
        if not found.about:
            found.about = {
                "name": manifest.release, "epoch": manifest.epoch, "production": manifest.production,
                "profile": manifest.profile,
            }  # fmt: skip
        found.gateways.append(_gateway(found, manifest, waiting.pop(manifest.gateway, None)))
    found.gateways.sort(key=lambda gateway: str(gateway["n"]))
    found.about["also"] = [_verdict(found, verdict) for verdict in waiting.values()]
    return found


def as_json(found: Gathered) -> dict[str, Json]:
    """The value that is embedded; what all gateways share is in it once."""
    common: dict[str, Json] = {}
    for name in ("r", "c", "t", "k"):
        common[name] = cast(Json, shared([cast(list[int], gateway[name]) for gateway in found.gateways]))
    pools: dict[str, Json] = {name: pool.values for name, pool in sorted(found.pools.items())}
    return {
        "release": harmless(cast(Json, found.about)),
        "shared": common,
        "pools": pools,
        "gateways": cast(Json, found.gateways),
    }


def _gateway(found: Gathered, manifest: Manifest, verdict: Verdict | None) -> dict[str, Json]:
    found.failing += any(rule.outcome == "fail" and rule.waiver is None for rule in manifest.rules)
    image, disk = manifest.image, manifest.disk
    facts = {name: manifest.facts[name] for name in _FACTS if name in manifest.facts}
    facts["host_keys"] = _fingerprints(manifest.facts.get("host_keys"))
    return {
        "n": harmless(manifest.gateway),
        "s": harmless(manifest.serial),
        "v": _verdict(found, verdict),
        "i": [image.sha256, image.size],
        "d": found.pool("disks").number(
            {
                "size": disk.size,
                "table": disk.table,
                "partitions": [
                    [part.number, part.start, part.size, part.filesystem, part.label, str(part.mountpoint or "")]
                    for part in disk.partitions
                ],
            }
        ),
        "f": {name: found.pool("facts").number(cast(Json, value)) for name, value in sorted(facts.items())},
        "p": found.pool("packages").number([_package(package) for package in manifest.packages]),
        "x": found.pool("inputs").number(_inputs(manifest)),
        "k": [
            found.pool("certificates").number([escape(store.path), store.type, *_certificate(entry, manifest.epoch)])
            for store in manifest.keystores
            for entry in store.entries
        ],
        "t": [found.pool("steps").number([step.text, step.document]) for step in manifest.steps],
        "r": [_rule(found, rule) for rule in manifest.rules],
        "c": [_change(found, change) for _, change in sorted(manifest.changes.items())],
    }


def _verdict(found: Gathered, verdict: Verdict | None) -> list[Json]:
    if verdict is None:
        return ["", NO_VERDICT, [], []]
    findings: list[Json] = [
        [escape(item.subject), item.check, escape(item.expected), escape(item.seen), item.outcome.value]
        for item in verdict.findings
    ]
    checks: list[Json] = [found.pool("checks").number(check) for check in verdict.checks]
    return [harmless(verdict.gateway), verdict.exit_status, checks, harmless(findings)]


def _rule(found: Gathered, rule: RuleFact) -> int:
    number = found.pool("rules").number([rule.id, rule.title, list(rule.documents)])
    waiver = rule.waiver
    # An outcome nobody knows yet must not look like a pass.
    code = "w" if waiver is not None else _CODES.get(rule.outcome, "f")
    judgement: list[Json] = [number, code, escape(rule.why), [escape(breach) for breach in rule.breaches]]
    if waiver is not None:
        judgement.append([waiver.reason, waiver.by, waiver.until])
    return found.pool("judgements").number(judgement)


def _change(found: Gathered, change: Change) -> int:
    node = change.node
    origins = found.pool("origins").number([_origin(origin) for origin in change.origins])
    path = found.pool("paths").number(escape(change.path))
    row: list[Json] = [path, change.action.value, node.kind.value, origins]
    if change.action is not Action.REMOVED:
        row += [found.pool("modes").number(f"{node.mode:04o} {node.uid}:{node.gid}"), node.size]
        if change.secret:
            row.append("secret")
        elif node.kind is Kind.LINK:
            row.append(f"→ {escape(node.target)}")
        else:
            row.append((node.sha256 or "")[:_DIGEST])
    return found.pool("changes").number(row)


def _origin(origin: Origin) -> Json:
    return [origin.rule, escape(origin.source), origin.document]


def _package(package: Package) -> Json:
    return [
        package.file_name,
        package.symbolic_name,
        package.version,
        [
            [bundle.symbolic_name, bundle.version, list(bundle.signer_chain), bundle.resigned]
            for bundle in package.bundles
        ],
    ]


def _certificate(entry: CertificateFacts, epoch: int) -> list[Json]:
    days = (entry.not_after - epoch) // _DAY
    return [entry.alias, entry.subject, entry.sha256, entry.not_after, days, entry.development, entry.key]


def _inputs(manifest: Manifest) -> Json:
    sources = manifest.sources
    return {
        "vanilla image": f"{sources.vanilla_file}, sha256 {sources.vanilla_sha256}",
        "golden sample": f"release {sources.golden_esf_version or 'unknown'}, sha256 {sources.golden_sha256}",
        "golden.lock": f"sha256 {sources.golden_lock_sha256}",
        "gateway.toml": f"sha256 {sources.configuration_sha256}",
        **{f"overlay {name}": f"sha256 {digest}" for name, digest in sorted(sources.overlays.items())},
        "pipeline": f"{sources.pipeline_version}, sha256 {sources.pipeline_sha256}",
        "tools": ", ".join(f"{name} {version}" for name, version in sorted(sources.tools.items())),
    }


def _fingerprints(keys: object) -> Json:
    """Public host keys as ``ssh-keygen -l`` names them: a twentieth of their length, and what people compare."""
    lines = keys if isinstance(keys, list | tuple) else ()
    found: list[Json] = []
    for line in lines:
        kind, _, blob = str(line).partition(" ")
        try:
            digest = hashlib.sha256(base64.b64decode(blob, validate=True)).digest()
        except binascii.Error:
            found.append(str(line))
        else:
            found.append(f"{kind} SHA256:{base64.b64encode(digest).decode('ascii').rstrip('=')}")
    return found
