"""Signing apart from the build: what is to be signed goes out, signatures come back and become inputs of the build."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pipeline.build import reading
from pipeline.errors import PipelineError
from pipeline.host.workspace import Workspace
from pipeline.signing import prepare
from pipeline.signing.bundles.exchange import take_signatures, write_request
from pipeline.signing.bundles.packages import ToBeSigned, to_be_signed
from pipeline.signing.keys.private_keys import PublicKey
from pipeline.signing.manifests.detached import SignatureStore


def emit(workspace: Workspace, directory: Path) -> list[str]:
    """Write what is to be signed into a directory; returns lines for a person.

    With a key that is out of reach, what was signed and taken back already is left out.
    """
    release = reading.release_of(workspace)
    chain, _ = prepare.prepare_certificates(release, reading.keyring_of(workspace), base=workspace.root)
    public = _public(workspace)
    store = _store(workspace)
    wanted = _wanted(workspace, public)
    if store is not None:
        wanted = [bundle for bundle in wanted if store.find(bundle.signature_file, public) is None]
    if not wanted:
        return ["nothing to sign: there is a signature for every bundle"]
    items = write_request(directory, wanted, chain, release=release.name, key=release.bundle_key)
    lines = [f"{item.sha256}.SF: {bundle}" for item in items for bundle in item.bundles]
    return [*lines, f"{len(items)} files to be signed by {chain[0].subject} in {directory}"]


def take(workspace: Workspace, directory: Path) -> tuple[list[str], bool]:
    """Take signatures back; returns lines for a person, and whether every bundle has one now."""
    store = _store(workspace)
    if store is None:
        release = reading.release_of(workspace)
        raise PipelineError(
            f"{release.keys}: the build itself signs with {release.bundle_key}; it takes no signatures back",
            'make it key = "detached:DIRECTORY", with its certificates; DIRECTORY keeps the signatures',
        )
    public = _public(workspace)
    taken, missing = take_signatures(directory, _wanted(workspace, public), public, store)
    lines = [f"taken: {bundle}" for item in taken for bundle in item.bundles]
    lines += [f"missing: {item.sha256}.SF: {bundle}" for item in missing for bundle in item.bundles]
    return [*lines, f"{len(taken)} signatures kept in {store.directory}, {len(missing)} missing"], not missing


def _wanted(workspace: Workspace, public: PublicKey) -> list[ToBeSigned]:
    release = reading.release_of(workspace)
    elliptic = isinstance(public, ec.EllipticCurvePublicKey)
    keeps = release.signing.resign == "keep" and reading.layout_of(workspace).framework_accepts_sha384
    packages = reading.golden_of(workspace).packages
    return list(to_be_signed(packages, release.signing.resign, accept_ec=elliptic, by_jdk=keeps))


def _public(workspace: Workspace) -> PublicKey:
    release = reading.release_of(workspace)
    chain, _ = prepare.prepare_certificates(release, reading.keyring_of(workspace), base=workspace.root)
    public = x509.load_der_x509_certificate(chain[0].der).public_key()
    if not isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise AssertionError("prepare_certificates() let a key pass that is neither RSA nor EC")
    return public


def _store(workspace: Workspace) -> SignatureStore | None:
    """Where signatures made elsewhere are kept; None when the key is within reach."""
    keyring = reading.keyring_of(workspace)
    scheme, _, rest = keyring.entries[reading.release_of(workspace).bundle_key].uri.partition(":")
    return SignatureStore(keyring.directory / rest) if scheme == "detached" else None
