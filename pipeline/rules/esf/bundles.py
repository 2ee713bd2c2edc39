"""Every bundle is signed, by somebody the policy admits and the keystore knows (B:229, B:441 to B:592)."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.errors import PipelineError
from pipeline.formats.crypto import distinguished_name, jks
from pipeline.formats.crypto.distinguished_name import DnError
from pipeline.formats.esf.esf_policy import SIGNER, SecurityPolicy
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.esf.installation import document, no_keystore, on_esf
from pipeline.rules.esf.packages import Bundle, bundles
from pipeline.rules.esf.policy import policy_of
from pipeline.rules.esf.signature import Signature, signature_of
from pipeline.rules.looking import harmless

_NO_POLICY = "this product has no security policy: it does not ask for signatures"


def _each(
    view: ImageView, layout: Layout, wrong: Callable[[Bundle, Signature], str], wanted: str, good: str
) -> Judgement:
    """Ask a question of every bundle; the answer is what is wrong with it."""
    breaches, seen, missing = [], 0, list[GuestPath]()
    for bundle in bundles(view, layout):
        if isinstance(bundle, GuestPath):
            missing.append(bundle)
            continue
        seen += 1
        signature = signature_of(
            bundle.data, accept_ec=layout.framework_accepts_ec, by_jdk=layout.framework_accepts_sha384
        )
        if found := wrong(bundle, signature):
            breaches.append(Breach(bundle.path, 0, f"{bundle.label}: {found}", wanted))
    if breaches:
        return Judgement.failed(*breaches)
    if missing:
        return Judgement.unverifiable(f"{missing[0]}: its content was not read ({len(missing)} such bundles)")
    return Judgement.passed(f"{seen} bundles {good}") if seen else Judgement.not_applicable("there are no bundles")


def _signed(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Signed in the shape the gateway's framework takes, and unchanged since (B:441, formats 5)."""
    del expected
    if layout.policy is None:
        return Judgement.not_applicable(_NO_POLICY)
    return _each(view, layout, lambda _, signature: signature.problem, "a signature the gateway accepts", "are signed")


def _admitted(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """A row of the policy matches the signer's whole chain; else the bundle may do nothing (B:555)."""
    del expected
    if layout.policy is None:
        return Judgement.not_applicable(_NO_POLICY)
    found = policy_of(view, layout)
    if found is None:
        return Judgement.not_applicable("the policy is missing (see policy.schema)")

    def wrong(bundle: Bundle, signature: Signature) -> str:
        del bundle
        if signature.problem or _is_allowed(found[1], signature.subjects):
            return ""
        return f"signed by {harmless(signature.subjects[0])!r}, whom {found[0].path} does not admit"

    return _each(view, layout, wrong, "a row of the policy for its signer", "are admitted by the policy, where signed")


def _is_allowed(policy: SecurityPolicy, subjects: tuple[str, ...]) -> bool:
    """Whether the first row that is about a signer allows something; none means no (formats 5)."""
    for row in policy.rows:
        condition = row.condition
        if condition is None or (
            condition.type == SIGNER and _matches(condition.argument, subjects) is not condition.negated
        ):
            return row.access == "ALLOW"
    return False


def _matches(pattern: str, subjects: tuple[str, ...]) -> bool:
    try:
        return distinguished_name.matches(pattern, subjects)
    except DnError:
        return False


def _trusted(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """The framework believes a signer when the keystore has a certificate of its chain (B:498)."""
    del expected
    if layout.certificates is None:
        return no_keystore(layout)
    store = document(view, layout.certificates)
    if store is None:
        return Judgement.failed(
            Breach(
                str(view.place(layout.certificates)), 0, "missing: no signer is trusted", "a keystore of the signers"
            )
        )
    try:
        known = {item.sha256 for item in jks.certificates_in(store.data, store.path)}
    except PipelineError as error:
        return Judgement.failed(Breach(store.path, 0, error.problems[0].what.removeprefix(f"{store.path}: "), "JKS"))

    def wrong(bundle: Bundle, signature: Signature) -> str:
        del bundle
        if signature.problem or known.intersection(signature.fingerprints):
            return ""
        return f"signed by {harmless(signature.subjects[0])!r}, of whom {store.path} has no certificate"

    return _each(view, layout, wrong, "its signer's certificate in the keystore", "have signers the keystore knows")


RULES: tuple[Rule, ...] = (
    Rule(
        id="bundles.signed",
        title="every bundle is signed in a shape the gateway takes for a signature",
        why=(
            "A signature in the wrong shape counts as none: under a strong policy the bundle does not start; under a "
            "weak one anybody's would."
        ),
        severity=Severity.HIGH,
        documents=("B:223", "B:229", "B:441", "B:594"),
        references=("62443 CR 3.4", "CRA I.1(2)(f)", "ETSI 5.3-10"),
        profile="documents",
        check=on_esf(_signed),
        remedy="sign it with the pipeline's own signer; jarsigner of JDK 9 and later writes another shape",
        enforced_by="esf.packages",
    ),
    Rule(
        id="bundles.admitted",
        title="the policy admits the signer of every bundle",
        why="A bundle whose signer the policy does not admit stays out, and the application is missing in the field.",
        severity=Severity.HIGH,
        documents=("B:132", "B:151", "B:155", "B:557"),
        references=("62443 CR 3.4",),
        profile="documents",
        check=on_esf(_admitted),
        remedy="add the signer to gateway.toml [policy] vendor_signers, chain in full, leaf first",
        enforced_by="esf.policy",
    ),
    Rule(
        id="bundles.trusted",
        title="the keystore knows the signer of every bundle",
        why=(
            "Without the signer's certificate the framework can verify nothing, and refuses the bundle at the first "
            "start."
        ),
        severity=Severity.HIGH,
        documents=("B:498", "B:527"),
        references=("62443 CR 1.9",),
        profile="documents",
        check=on_esf(_trusted),
        remedy="import the signer's certificate before the first boot",
        enforced_by="esf.keystores",
    ),
)
