"""Keys and bundles: the signers are opened and checked, the bundles of every deployment package signed."""

from __future__ import annotations

from pathlib import Path

from pipeline.build import reading
from pipeline.build.keys import golden_content
from pipeline.build.toolchain import pipeline_digest
from pipeline.host.digests import key_of, sha256_of, write_atomically
from pipeline.host.progress import Say
from pipeline.host.records import is_current, write_record
from pipeline.host.workspace import Workspace
from pipeline.model.release import Release
from pipeline.signing import prepare
from pipeline.signing.keys import signers


def are_checked(workspace: Workspace) -> bool:
    """Whether the keys were checked since they, or the names in gateway.toml, changed."""
    return is_current(workspace.record("keys"), _keys_key(workspace))


def check_keys(workspace: Workspace, say: Say) -> None:
    """Open both signers; a production release refuses development keys."""
    workspace.make_state()
    release = reading.release_of(workspace)
    keyring = reading.keyring_of(workspace)
    # what is public first: a key that this release must not use need not be opened
    chain, _ = prepare.prepare_certificates(release, keyring, base=workspace.root)
    prepare.open_signer(release, keyring, base=workspace.root, accepts_ec=lambda: reading.accepts_ec(workspace))
    signers.open_manifest_signer(keyring, release.manifest_key)
    for certificate in chain:
        say(f"{release.bundle_key}: {certificate.subject}{' (development)' if certificate.development else ''}")
    say(_derived(release))
    write_record(workspace.record("keys"), _keys_key(workspace), [])


def _derived(release: Release) -> str:
    how = f"generation {release.secrets_generation}, format {release.secrets_derivation}"
    if release.secrets_derivation == 1:
        return f"secrets of gateways: {how}, without the product's name"
    return f"secrets of gateways: product {release.product_name}, {how}"


def are_signed(workspace: Workspace) -> bool:
    """Whether the signed packages on disk are those of the golden sample and keys as they are now."""
    return is_current(workspace.record("bundles"), _bundles_key(workspace))


def sign_bundles(workspace: Workspace, say: Say) -> None:
    """Write the signed deployment packages where a person can look at them; the plan signs the same bytes again."""
    workspace.make_state()
    trust = reading.trust_of(workspace)
    for stale in workspace.bundles.iterdir():
        stale.unlink()
    written: list[Path] = []
    for package in trust.packages:
        path = workspace.bundles / package.file_name
        write_atomically(path, package.content, 0o600)
        written.append(path)
        for bundle in package.bundles:
            did = "signed" if bundle.resigned else "already signed, left alone"
            say(f"{package.file_name}: {bundle.symbolic_name} {bundle.version} {did}, {bundle.signer_chain[0]}")
    authority = prepare.timestamp_authority(reading.release_of(workspace), workspace.root)
    for doubt in authority.doubts() if authority is not None else []:
        say(f"warning: timestamp {doubt}; gateways would take the bundle for unsigned")
    write_record(workspace.record("bundles"), _bundles_key(workspace), written)


def _keys_key(workspace: Workspace) -> str:
    release = reading.release_of(workspace)
    return key_of(
        keys=sha256_of(workspace.input(release.keys)),
        names=[release.bundle_key, release.manifest_key],
        production=release.production,
        epoch=release.epoch,
        signers=reading.allowed_signers_of(workspace).decode("ascii", "replace"),
        certificates=[certificate.sha256 for certificate in reading.certificates_of(workspace)],
    )


def _bundles_key(workspace: Workspace) -> str:
    return key_of(
        keys=_keys_key(workspace),
        golden=reading.fingerprint_of_secret(workspace, golden_content(reading.golden_of(workspace))),
        resign=reading.release_of(workspace).signing.resign,
        signatures=reading.signing_digest_of(workspace),
        pipeline=pipeline_digest(),
    )
