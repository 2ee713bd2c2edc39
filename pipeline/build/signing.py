"""Sign: a stamped image gets its block map, its manifest, what standards ask for, and signatures over all of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline import __version__, standards
from pipeline.build import reading
from pipeline.build.asking import answers_of
from pipeline.build.base import base_tree_of
from pipeline.build.checks.judging import judged, rule_facts, steps_for_people
from pipeline.build.checks.withholding import withhold
from pipeline.build.keys import device_key
from pipeline.build.planned import device_plan_of, view_of_gateway
from pipeline.build.stamping import reason_for_kernel
from pipeline.build.toolchain import pipeline_digest, toolchain
from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.crypto import jks
from pipeline.formats.ssh.sshsig import fingerprint
from pipeline.host.digests import write_atomically
from pipeline.host.progress import Say
from pipeline.host.records import is_current, read_record, write_record
from pipeline.host.workspace import Workspace
from pipeline.image.write import bmap
from pipeline.manifest import NAMESPACE, build_manifest, to_bytes
from pipeline.model.gateway import Gateway
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.layer import FileEntry, Layer
from pipeline.model.line_origins import with_lines
from pipeline.model.manifest import CertificateFacts, ImageFacts, Keystore, ManifestInputs, Sources
from pipeline.model.reader_answer import ReaderAnswer
from pipeline.model.trust import Certificate
from pipeline.plan.access_facts import access_facts
from pipeline.plan.gateway_facts import facts_of, row_of
from pipeline.plan.image_plan import Inputs, Plan
from pipeline.rules.expectations import expected_of
from pipeline.signing.keys import signers
from pipeline.signing.manifests import sshsig
from pipeline.verification.own_values import own_values

STATEMENT = "provenance.unsigned"
"""The statement of a provenance while it waits for its signature; goes into ``provenance.json`` with it."""


def is_signed(workspace: Workspace, name: str) -> bool:
    """Whether this gateway's manifest is that of the inputs as they are now."""
    key = device_key(workspace, reading.gateway_of(workspace, name))
    return any(is_current(workspace.record(f"{step}-{name}"), key) for step in ("publish", "sign"))


def is_described(workspace: Workspace, name: str) -> bool:
    """Whether everything but the signatures lies there, of the inputs as they are now."""
    key = device_key(workspace, reading.gateway_of(workspace, name))
    return is_current(workspace.record(f"describe-{name}"), key)


def describe_gateway(workspace: Workspace, name: str, say: Say) -> None:
    """Hash the image once; write its block map, manifest, bills of materials and the statement of its provenance."""
    gateway = reading.gateway_of(workspace, name)
    key = device_key(workspace, gateway)
    candidate = workspace.candidate(name)
    image = candidate / "image.img"
    plan = device_plan_of(workspace, name)
    # Known since the gateway was stamped, and told then.
    answers = answers_of(workspace, name, plan, view_of_gateway(workspace, plan), lambda _: None)
    described = bmap.describe(image, reading.inputs_of(workspace).vanilla.disk)
    manifest = build_manifest(_manifest_inputs(workspace, gateway, plan, described.facts, answers))
    packages = standards.installed_packages(_files_after(workspace, plan))
    covered = {
        "image.bmap": described.bmap,
        "manifest.json": to_bytes(manifest),
        "sbom.cdx.json": standards.cyclonedx(manifest, packages),
        "sbom.spdx.json": standards.spdx(manifest, packages),
    }
    digests = {file: hashlib.sha256(data).hexdigest() for file, data in covered.items()}
    for file, content in {**covered, STATEMENT: standards.statement(manifest, digests)}.items():
        write_atomically(candidate / file, content, 0o644, staging=workspace.staging)
    for sidecar in plan.sidecars:
        # private like the image it belongs to
        write_atomically(candidate / sidecar.file, sidecar.content, 0o600, staging=workspace.staging)
    beside = [sidecar.file for sidecar in plan.sidecars]
    files = [image, *(candidate / file for file in (*covered, STATEMENT, *beside))]
    write_record(workspace.record(f"describe-{name}"), key, files, known={image: described.facts.sha256})
    say(f"{name}: {len(manifest.changes)} paths differ from the vanilla image, each with its reason")


def sign_gateway(workspace: Workspace, name: str, say: Say) -> None:
    """Sign manifest and provenance of a stamped image; what describes it is written first.

    Raises:
        PipelineError: the key cannot be reached, or is elsewhere and has not signed this gateway yet.
    """
    key = device_key(workspace, reading.gateway_of(workspace, name))
    # before the image is hashed: a key that cannot be opened is told at once
    signer = signers.open_manifest_signer(reading.keyring_of(workspace), reading.release_of(workspace).manifest_key)
    if not is_described(workspace, name):
        describe_gateway(workspace, name, say)
    candidate = workspace.candidate(name)
    record = read_record(workspace.record(f"describe-{name}"))
    if record is None or record.key != key:
        raise PipelineError(f"{name}: its inputs changed while it was described", "start the build again")
    signed = {
        "manifest.json.sig": lambda: sshsig.sign(
            (candidate / "manifest.json").read_bytes(), signer, NAMESPACE, f"{name}: manifest"
        ),
        "provenance.json": lambda: standards.envelope(
            (candidate / STATEMENT).read_bytes(),
            lambda data: signer.sign(data, f"{name}: provenance"),
            fingerprint(signer.public),
        ),
    }
    for file, content in _all_or_none(signed).items():
        write_atomically(candidate / file, content, 0o644, staging=workspace.staging)
    (candidate / STATEMENT).unlink()
    known = {candidate / Path(path).name: output.sha256 for path, output in record.outputs.items()}
    files = [*(path for path in known if path.name != STATEMENT), *(candidate / file for file in signed)]
    write_record(workspace.record(f"sign-{name}"), key, files, known=known)
    workspace.record(f"describe-{name}").unlink(missing_ok=True)


def _all_or_none(wanted: Mapping[str, Callable[[], bytes]]) -> dict[str, bytes]:
    """What each makes; `PipelineError` has the problems of all that cannot."""
    made: dict[str, bytes] = {}
    problems: list[Problem] = []
    for name, make in wanted.items():
        try:
            made[name] = make()
        except PipelineError as error:
            problems.extend(error.problems)
    raise_if_any(problems)
    return made


def _files_after(workspace: Workspace, plan: Plan) -> dict[GuestPath, bytes]:
    """What inspection read, as it is in the finished image: an overlay may bring a package database along."""
    product = reading.product_plan_of(workspace).layer
    files = reading.inputs_of(workspace).vanilla.files
    kept = {path: content for path, content in files.items() if plan.after.get(path) is not None}
    return kept | {entry.path: entry.content for entry in united(product, plan.layer).files()}


def _manifest_inputs(
    workspace: Workspace, gateway: Gateway, plan: Plan, image: ImageFacts, answers: tuple[ReaderAnswer, ...]
) -> ManifestInputs:
    inputs = reading.inputs_of(workspace)
    vanilla, release, trust = inputs.vanilla, inputs.release, inputs.trust
    product = reading.product_plan_of(workspace)
    secrets = reading.secrets_of(workspace, gateway)
    certificates = (*trust.signer_chain, *trust.tls, *trust.signers)
    development = any(certificate.development for certificate in certificates)
    results = judged(workspace, plan, answers)
    finished = ImageView.of(vanilla).after(product.layer).after(plan.layer)
    return ManifestInputs(
        release=release.name,
        epoch=release.epoch,
        production=release.production,
        gateway=gateway.name,
        serial=gateway.serial,
        sources=Sources(
            vanilla_file=workspace.input(release.vanilla).name,
            vanilla_sha256=vanilla.sha256,
            golden_sha256=inputs.golden.sha256,
            golden_lock_sha256=reading.golden_lock_digest_of(workspace),
            golden_esf_version=inputs.golden.esf_version,
            configuration_sha256=reading.configuration_digest_of(workspace),
            inventory=row_of(gateway),
            overlays=reading.public_overlay_digests_of(workspace),
            certificates=tuple(certificate_facts(certificate) for certificate in certificates),
            pipeline_version=__version__,
            pipeline_sha256=pipeline_digest(),
            tools={**toolchain(), "image-writer": _image_writer(workspace, inputs, plan)},
        ),
        disk=vanilla.disk,
        image=image,
        vanilla=vanilla.tree,
        layer=with_lines(
            withhold(united(product.layer, plan.layer), own_values(finished), vanilla.files.values()), vanilla.files
        ),
        tree=base_tree_of(workspace).apply(plan.layer),
        packages=trust.packages,
        keystores=keystores_of(inputs, plan),
        facts={
            **facts_of(vanilla, release, gateway, secrets),
            **access_facts(finished, trust.packages, expected_of(release)),
        },
        steps=steps_for_people(release, results, plan.sidecars, development=development),
        profile=release.rules.profile,
        rules=rule_facts(results),
        raw=product.raw,
        sidecars=plan.sidecars,
        readers=answers,
    )


def united(product: Layer, device: Layer) -> Layer:
    """Both layers as one; where the base removed what the gateway brings back, the gateway's entry stands."""
    return Layer(tuple(entry for _, entry in sorted({**product.by_path, **device.by_path}.items())))


def _image_writer(workspace: Workspace, inputs: Inputs, plan: Plan) -> str:
    """Who decided where things lie in the image, and whether its bytes repeat."""
    base = workspace.base_writer.read_text()
    reason = reason_for_kernel(inputs, base_tree_of(workspace), plan.layer)
    return f"{base}; the gateway's own layer by the appliance's kernel: {reason}" if reason else base


def keystores_of(inputs: Inputs, plan: Plan) -> tuple[Keystore, ...]:
    """The keystores a gateway gets, with their certificates."""
    layout = inputs.vanilla.layout
    trust = inputs.trust
    known = {certificate.sha256: certificate for certificate in (*trust.signer_chain, *trust.tls, *trust.signers)}
    keystores: list[Keystore] = []
    for path in (layout.certificates, layout.cacerts):
        entry = plan.layer.by_path.get(plan.after.resolve(path)) if path is not None else None
        if path is not None and isinstance(entry, FileEntry):
            keystores.append(Keystore(path, "JKS", _entries(entry.content, known)))
    return tuple(keystores)


def _entries(store: bytes, known: dict[str, Certificate]) -> tuple[CertificateFacts, ...]:
    return tuple(
        CertificateFacts(
            alias=entry.alias,
            subject=entry.subject,
            sha256=entry.sha256,
            not_after=entry.not_after,
            development=entry.sha256 in known and known[entry.sha256].development,
        )
        for entry in jks.certificates_in(store)
    )


def certificate_facts(certificate: Certificate) -> CertificateFacts:
    """A certificate as the manifest names it."""
    return CertificateFacts(
        certificate.alias, certificate.subject, certificate.sha256, certificate.not_after, certificate.development
    )
