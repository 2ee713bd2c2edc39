"""Releases signed apart from the build: what is to be signed goes out, signatures come back as inputs of the build.

Twice: manifests and provenances once the images are made, the statement of the release once all are verified.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pipeline.build import reading
from pipeline.build.release.signing import is_waiting, statement_of
from pipeline.build.signing import STATEMENT, describe_gateway, is_described, is_signed
from pipeline.errors import PipelineError
from pipeline.formats.ssh import sshsig
from pipeline.host.progress import Say
from pipeline.host.workspace import Workspace
from pipeline.manifest import NAMESPACE
from pipeline.signing.keys import signers
from pipeline.signing.manifests.detached import SignatureStore
from pipeline.signing.manifests.release_exchange import ToSign, take_signatures, write_request


def emit(workspace: Workspace, directory: Path, say: Say) -> list[str]:
    """Write what is to be signed for every gateway whose image is stamped; returns lines for a person.

    What was signed and taken back already is left out.
    """
    release = reading.release_of(workspace)
    public, store = _detached(workspace)
    for name in reading.gateways_of(workspace):
        if not is_signed(workspace, name) and not is_described(workspace, name):
            describe_gateway(workspace, name, say)
    wanted = [
        one for one in _described(workspace) if any(store.find(data, public) is None for data in one.signed.values())
    ]
    whole = _whole(workspace)
    if whole is not None and store.find(sshsig.to_be_signed(whole, NAMESPACE), public) is not None:
        whole = None
    if not wanted and whole is None:
        return ["nothing to sign: there is a signature for every gateway; doit build goes on"]
    commands = write_request(
        directory, wanted, public.public_bytes_raw(), release=release.name, key=release.manifest_key, whole=whole
    )
    what = f"{len(wanted)} gateways of release {release.name}" if wanted else f"release {release.name} as a whole"
    return [*commands, f"{what} to be signed in {directory}"]


def take(workspace: Workspace, directory: Path) -> tuple[list[str], bool]:
    """Take signatures back; returns lines for a person, and whether every gateway has its own now."""
    public, store = _detached(workspace)
    wanted = _described(workspace)
    taken, missing = take_signatures(directory, wanted, public, store, whole=_whole(workspace))
    later = [
        name for name in reading.gateways_of(workspace) if not is_signed(workspace, name) and name not in _names(wanted)
    ]
    lines = [f"taken: {name}" for name in taken]
    lines += [f"missing: {name}.sig" for name in missing]
    lines += [f"missing: {name} is not built, or changed since: doit manifest --emit DIRECTORY" for name in later]
    lines.append(f"{len(taken)} signatures kept in {store.directory}, {len(missing) + 2 * len(later)} missing")
    return lines, not missing and not later


def _whole(workspace: Workspace) -> bytes | None:
    """The statement of the release, where every gateway is published and nothing else is missing."""
    return statement_of(workspace) if is_waiting(workspace) else None


def require_apart(workspace: Workspace) -> None:
    """Refuse a release whose manifest key is within reach, before anything is built for it."""
    _detached(workspace)


def _names(items: tuple[ToSign, ...]) -> set[str]:
    return {item.gateway for item in items}


def _described(workspace: Workspace) -> tuple[ToSign, ...]:
    """The gateways whose image is described and not signed."""
    found = []
    for name in reading.gateways_of(workspace):
        if is_described(workspace, name) and not is_signed(workspace, name):
            candidate = workspace.candidate(name)
            manifest, statement = ((candidate / file).read_bytes() for file in ("manifest.json", STATEMENT))
            found.append(ToSign(name, manifest, statement))
    return tuple(found)


def _detached(workspace: Workspace) -> tuple[Ed25519PublicKey, SignatureStore]:
    """The key's public half, and where signatures made elsewhere are kept."""
    release, keyring = reading.release_of(workspace), reading.keyring_of(workspace)
    signer = signers.open_manifest_signer(keyring, release.manifest_key) if _is_apart(workspace) else None
    if signer is None:
        raise PipelineError(
            f"{release.keys}: the build itself signs manifests with {release.manifest_key}",
            'make it key = "detached:DIRECTORY", with its public key; DIRECTORY keeps the signatures',
        )
    rest = keyring.entries[release.manifest_key].uri.partition(":")[2]
    return Ed25519PublicKey.from_public_bytes(signer.public), SignatureStore(keyring.directory / rest)


def _is_apart(workspace: Workspace) -> bool:
    entry = reading.keyring_of(workspace).entries.get(reading.release_of(workspace).manifest_key)
    return entry is not None and entry.uri.startswith("detached:")
