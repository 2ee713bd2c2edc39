"""Will a bundle run on a gateway, because of which row of its security policy, or why not: in words."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from pipeline.formats.esf.esf_policy import Row, SecurityPolicy
from pipeline.model.trust import PlatformBundle
from pipeline.report.text.plain import plain
from pipeline.transforms.esf.policy import Admission, Decision, admission


@dataclass(frozen=True)
class Ground:
    """What decides about bundles on a gateway.

    Attributes:
        name: of the policy, for people.
        known: SHA-256 of the certificates in ``certificates.ks``; None when nobody knows them.
    """

    name: str
    policy: SecurityPolicy
    known: frozenset[str] | None = None


def will_run(bundle: PlatformBundle, ground: Ground) -> bool:
    """Whether the framework lets it do anything at all."""
    return _admission(bundle, ground).decision is not Decision.NOTHING


def bundle_explanation(bundle: PlatformBundle, ground: Ground) -> str:
    """Several lines: who signed it, whether the gateway believes that, and what each row has to do with it."""
    found = _admission(bundle, ground)
    lines = [bundle.path, *_signature(bundle, ground.known), *_verdict(found, ground)]
    lines += [f"    row {number} {row.name!r}: no, {why}" for number, row, why in found.passed_over]
    return "".join(f"{plain(line)}\n" for line in lines)


def _admission(bundle: PlatformBundle, ground: Ground) -> Admission:
    return admission(ground.policy, bundle.signer_chain if _believed(bundle, ground.known) else ())


def _believed(bundle: PlatformBundle, known: Collection[str] | None) -> bool:
    """The framework believes a signer when its keystore has any certificate of the chain."""
    if bundle.problem or not bundle.signer_chain:
        return False
    return known is None or any(fingerprint in known for fingerprint in bundle.signer_fingerprints)


def _signature(bundle: PlatformBundle, known: Collection[str] | None) -> Iterator[str]:
    if bundle.problem:
        yield f"  the framework takes it for unsigned: {bundle.problem}"
        return
    yield f"  signed by {bundle.signer_chain[0]}"
    yield from (f"    issued by {name}" for name in bundle.signer_chain[1:])
    if known is None:
        yield "  its certificates are taken to be in certificates.ks (no keystore to look into)"
    elif _believed(bundle, known):
        yield "  certificates.ks has a certificate of this chain"
    else:
        yield "  certificates.ks has no certificate of this chain: the framework takes it for unsigned"


def _verdict(found: Admission, ground: Ground) -> Iterator[str]:
    if found.decision is Decision.NOTHING:
        yield f"  WILL NOT RUN under {ground.name}"
    else:
        yield f"  will run under {ground.name} and may do {found.decision.value}"
    for number, row in found.rows:
        yield f"    row {number} {row.name!r} {_does(row)}"


def _does(row: Row) -> str:
    verb = "allows" if row.access == "ALLOW" else "denies"
    if row.allows_everything:
        return "allows everything"
    return f"{verb} {'; '.join(' '.join((item.type, *item.values)) for item in row.permissions)}"
