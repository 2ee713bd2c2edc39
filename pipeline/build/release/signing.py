"""The release as a whole is signed last: its gateways, all files and their digests, in one statement."""

from __future__ import annotations

from pathlib import Path

from pipeline.build import reading
from pipeline.build.placement import put_file
from pipeline.build.release.reports import REPORTS
from pipeline.errors import PipelineError
from pipeline.host.digests import sha256_of
from pipeline.host.records import read_record
from pipeline.host.workspace import Workspace
from pipeline.manifest import NAMESPACE, ReleaseStatement, release_to_bytes
from pipeline.signing.keys import signers
from pipeline.signing.manifests import sshsig
from pipeline.verification.delivery import RELEASE, RELEASE_SIGNATURE, SIGNERS, SUMS

OF_RELEASE = ("SHA256SUMS", SIGNERS, RELEASE, RELEASE_SIGNATURE, *REPORTS)
"""Files of a release directory that belong to no single gateway."""
COVERED = (SIGNERS, *REPORTS)
"""Those that the statement names; it cannot name itself, and the list of sums follows from it."""


def statement_of(workspace: Workspace) -> bytes:
    """What there is to sign of a release, once every gateway is published and the reports are written.

    Raises:
        PipelineError: something is missing yet.
    """
    release = reading.release_of(workspace)
    results = workspace.results(release.name)
    gateways = {name: _published(workspace, name) for name in sorted(reading.gateways_of(workspace))}
    missing = [name for name, files in gateways.items() if not files]
    missing += [name for name in COVERED if not (results / name).is_file()]
    if missing:
        raise PipelineError(f"release {release.name}: {missing[0]} is not there yet", "doit build")
    files = {name: sha256_of(results / name) for name in COVERED}
    return release_to_bytes(ReleaseStatement(release.name, release.epoch, gateways, files))


def is_waiting(workspace: Workspace) -> bool:
    """Whether the release lacks nothing but its signature."""
    results = workspace.results(reading.release_of(workspace).name)
    if (results / RELEASE_SIGNATURE).exists():
        return False
    try:
        statement_of(workspace)
    except PipelineError:
        return False
    return True


def sign_release(workspace: Workspace) -> None:
    """Write the statement and its signature.

    Raises:
        PipelineError: the key cannot be reached, or is elsewhere and has not signed this release yet.
    """
    sign_statement(workspace, statement_of(workspace))


def sign_statement(workspace: Workspace, statement: bytes) -> None:
    """Write a statement and its signature.

    Raises:
        PipelineError: the key cannot be reached, or is elsewhere and has not signed this release yet.
    """
    release = reading.release_of(workspace)
    signer = signers.open_manifest_signer(reading.keyring_of(workspace), release.manifest_key)
    signature = sshsig.sign(statement, signer, NAMESPACE, f"release {release.name} as a whole")
    results, stages = workspace.results(release.name), workspace.stages(release.name)
    # the signature first: a statement without one is what a release looks like whose signature was taken away
    put_file(results / RELEASE_SIGNATURE, signature, 0o644, stages)
    put_file(results / RELEASE, statement, 0o644, stages)


def forget_statement(workspace: Workspace) -> None:
    """What it says is no longer so."""
    results = workspace.results(reading.release_of(workspace).name)
    for name in (RELEASE, RELEASE_SIGNATURE):
        (results / name).unlink(missing_ok=True)


def forget_release(workspace: Workspace) -> None:
    """What statement, sums and reports say is about to be no longer so.

    Before a gateway changes: so at every moment each gateway verifies by itself, and the release as a whole is what was
    signed, or plainly is not there yet.
    """
    forget_statement(workspace)
    results = workspace.results(reading.release_of(workspace).name)
    for name in (SUMS, *REPORTS):
        (results / name).unlink(missing_ok=True)


def _published(workspace: Workspace, name: str) -> dict[str, str]:
    record = read_record(workspace.record(f"publish-{name}"))
    return {Path(path).name: output.sha256 for path, output in record.outputs.items()} if record is not None else {}
