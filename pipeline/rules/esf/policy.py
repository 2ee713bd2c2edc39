"""The security policy: production mode, and nobody but known signers (A:111, A:112, B:20 to B:340)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.errors import PipelineError
from pipeline.formats.crypto import distinguished_name, jks
from pipeline.formats.crypto.distinguished_name import DnError
from pipeline.formats.esf import esf_policy
from pipeline.formats.esf.esf_policy import SIGNER, Row, SecurityPolicy
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.esf.installation import Document, below, document, is_file, no_keystore, node_of, on_esf, refused
from pipeline.rules.looking import harmless

_NONE = "this product has no security policy"


def policy_of(view: ImageView, layout: Layout) -> tuple[Document, SecurityPolicy] | None:
    """The policy in effect; None when there is none.

    Raises:
        PipelineError: the framework would refuse the file.
    """
    found = document(view, layout.policy) if layout.policy else None
    return None if found is None else (found, esf_policy.read_policy(found.data, found.path))


def patterns(policy: SecurityPolicy) -> Iterator[str]:
    """The signers that may do something."""
    for row in policy.rows:
        condition = row.condition
        if row.access == "ALLOW" and condition and condition.type == SIGNER and not condition.negated:
            yield condition.argument


def _schema(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """A file the framework refuses shuts it down (B:247, B:322)."""
    del expected
    if layout.policy is None:
        return Judgement.not_applicable(_NONE)
    found = document(view, layout.policy)
    if found is None:
        return Judgement.failed(Breach(str(view.place(layout.policy)), 0, "missing", "a security policy"))
    try:
        esf_policy.read_policy(found.data, found.path)
    except PipelineError as error:
        return Judgement.failed(*refused(error, found.path))
    return Judgement.passed(f"{found.path} is valid by the documents' schema")


def _production(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """permit-debug is exactly ``false`` (B:86, B:340): ``ture`` would pass the schema."""
    del expected
    if layout.policy is None:
        return Judgement.not_applicable(_NONE)
    found = document(view, layout.policy)
    if found is None:
        return Judgement.failed(
            Breach(str(view.place(layout.policy)), 0, "missing: the factory default is development mode", "one")
        )
    line = found.line_of(r"permit-debug")
    try:
        policy = esf_policy.read_policy(found.data, found.path)
    except PipelineError:
        return Judgement.failed(Breach(found.path, line, "refused: it says nothing for certain", "permit-debug false"))
    if policy.permit_debug:
        return Judgement.failed(Breach(found.path, line, "permit-debug is true: development mode", "false"))
    return Judgement.passed(f"{found.path}: permit-debug is false")


def _strong(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Only signed bundles run, and only those of somebody named (B:134, B:149, B:223, B:229)."""
    del expected
    if layout.policy is None:
        return Judgement.not_applicable(_NONE)
    found = document(view, layout.policy)
    if found is None:
        return Judgement.failed(Breach(str(view.place(layout.policy)), 0, "missing", "a security policy"))
    policy = esf_policy.read_policy(found.data, found.path)
    lines = _lines(found)
    wanted = "a BundleSignerCondition that names somebody"
    breaches = [
        Breach(found.path, line, f"policy {harmless(row.name)!r}: {what}", wanted)
        for row, line in zip(policy.rows, (*lines, *[0] * len(policy.rows)), strict=False)
        for what in _weak(row)
    ]
    if not any(row.access == "ALLOW" for row in policy.rows):
        breaches.append(Breach(found.path, 0, "no policy allows anything: the framework could not start", wanted))
    return Judgement.of(breaches, f"{len(policy.rows)} policies, each for bundles of named signers")


def _weak(row: Row) -> Iterator[str]:
    condition = row.condition
    if condition is not None and condition.type == SIGNER:
        try:
            if distinguished_name.admits_anybody(condition.argument) and row.access == "ALLOW":
                yield "admits every signer"
        except DnError as error:
            yield f"no distinguished name: {error}"
    if row.access != "ALLOW":
        return
    if condition is None:
        yield "applies to every bundle, signed or not"
    elif condition.type != SIGNER:
        yield f"{condition.type}: any package can claim a location"
    elif condition.negated:
        yield "a reversed condition holds for unsigned bundles"


def _lines(found: Document) -> list[int]:
    """The line each policy begins on, comments left out."""
    text = re.sub(r"<!--.*?-->", lambda hit: re.sub(r"[^\n]", " ", hit[0]), found.text, flags=re.DOTALL)
    return [found.line_at(hit.start()) for hit in re.finditer(r"<(?:[\w.-]+:)?policy[\s>]", text)]


def _known_signers(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """A signer is believed only when the keystore knows a certificate of its chain (B:498, B:555)."""
    del expected
    if layout.policy is None:
        return Judgement.not_applicable("this product checks no signatures of bundles")
    if layout.certificates is None:
        return no_keystore(layout)
    found, store = policy_of(view, layout), document(view, layout.certificates)
    if found is None or store is None:
        return Judgement.not_applicable("policy or keystore is missing (see policy.schema, keystores.jks)")
    subjects = [item.subject for item in jks.certificates_in(store.data, store.path)]
    breaches = [
        Breach(
            found[0].path, found[0].line_of(re.escape(pattern)) or found[0].line_of(r"BundleSignerCondition"),
            f"admits {harmless(pattern)!r}, of whom {store.path} has no certificate: it could never match",
            "signers whose certificates are in the keystore",
        )
        for pattern in patterns(found[1])
        if not _names_any(pattern, subjects)
    ]  # fmt: skip
    return Judgement.of(breaches, f"every signer of the policy has a certificate in {store.path}")


def _names_any(pattern: str, subjects: list[str]) -> bool:
    """Whether any name in a pattern is the subject of a certificate."""
    try:
        names = [part.strip() for part in _names(pattern)]
        return any(distinguished_name.matches(name, [subject]) for name in names for subject in subjects)
    except DnError:
        return False


def _names(pattern: str) -> Iterator[str]:
    """The names of a chain's pattern, without the wildcards that stand alone."""
    pieces = re.findall(r'(?:[^;"\\]|\\.|"(?:[^"\\]|\\.)*")+', pattern)
    return (piece for piece in pieces if piece.strip() not in ("*", "-"))


def _backup(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """A copy that is put back must be as strict as what it replaces (B:243)."""
    del expected
    if layout.policy is None or layout.policy_backup is None:
        return Judgement.not_applicable(_NONE)
    place = layout.policy_backup
    copies = (place,) if is_file(view, place) else below(view, place)
    if node_of(view, place) is None or not copies:
        return Judgement.not_applicable(f"{view.place(place)}: no copy of the policy is kept")
    live = document(view, layout.policy)
    breaches = []
    for path in copies:
        copy = document(view, path)
        if copy is None or live is None or copy.data == live.data:
            continue
        try:
            if esf_policy.read_policy(copy.data, copy.path) == esf_policy.read_policy(live.data, live.path):
                continue
        except PipelineError:
            pass
        line = copy.line_of(r"permit-debug")
        breaches.append(Breach(copy.path, line, f"not the policy of {live.path}", "the same policy"))
    return Judgement.of(breaches, f"{len(copies)} copies, all in step with the policy")


RULES: tuple[Rule, ...] = (
    Rule(
        id="policy.schema",
        title="the security policy is one the framework accepts",
        why="A policy the framework cannot read stops it, or leaves bundles running without any policy.",
        severity=Severity.HIGH,
        documents=("B:90", "B:112", "B:120", "B:247", "B:322", "B:326"),
        references=("62443 CR 7.6",),
        profile="documents",
        check=on_esf(_schema),
        remedy="xmllint --schema pipeline/formats/esf/security-policy.xsd FILE names the place",
        enforced_by="esf.policy",
    ),
    Rule(
        id="policy.production",
        title="ESF starts in production mode",
        why="Outside production mode the framework lets debuggers in and enforces the policy only in part.",
        severity=Severity.HIGH,
        documents=("A:111", "A:179", "B:20", "B:86", "B:340"),
        references=("ETSI 5.6-4", "62443 EDR 2.13"),
        profile="documents",
        check=on_esf(_production),
        remedy="permit-debug false, before the first boot",
        enforced_by="esf.policy",
    ),
    Rule(
        id="policy.strong",
        title="only bundles of named signers may run",
        why=(
            "Whoever can place a bundle on the gateway runs code in the framework, unless every bundle needs a "
            "signature of somebody named."
        ),
        severity=Severity.HIGH,
        documents=("A:112", "A:179", "B:134", "B:149", "B:162", "B:223", "B:229"),
        references=("CRA I.1(2)(k)", "62443 CR 3.4"),
        profile="documents",
        check=on_esf(_strong),
        remedy="give every ALLOW row a BundleSignerCondition with a distinguished name",
        enforced_by="esf.policy",
    ),
    Rule(
        id="policy.known_signers",
        title="the keystore knows every signer the policy admits",
        why=(
            "A signer the keystore does not know cannot be verified: its bundles are refused, and the application does "
            "not start."
        ),
        severity=Severity.HIGH,
        documents=("B:155", "B:498", "B:557"),
        references=("62443 CR 1.9",),
        profile="documents",
        check=on_esf(_known_signers),
        remedy="import the signer's certificate, or correct its name in the policy",
        enforced_by="esf.keystores",
    ),
    Rule(
        id="policy.backup",
        title="copies of the security policy are in step with it",
        why="The framework puts the backup in place of the policy. An older copy silently brings old permissions back.",
        severity=Severity.MEDIUM,
        documents=("B:243",),
        references=("CRA I.1(2)(b)",),
        profile="documents",
        check=on_esf(_backup),
        remedy="copy the policy over them",
        enforced_by="esf.policy",
    ),
)
