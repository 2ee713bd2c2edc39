"""Checks the manifest's signature, and whose it is, before any of the manifest is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.formats.ssh import sshsig
from pipeline.formats.ssh.allowed_signers import read_allowed_signers
from pipeline.host import clock
from pipeline.manifest import NAMESPACE
from pipeline.model.verdict import Finding, Outcome
from pipeline.verification.delivery import MANIFEST, RELEASE, RELEASE_SIGNATURE, SIGNATURE, Delivery

LARGEST_MANIFEST = 64 << 20  # bytes; a manifest of a hundred thousand paths has some twenty million
_LARGEST_SIGNATURE = 64 << 10
_LARGEST_KEYS = 4 << 20


@dataclass(frozen=True)
class Signed:
    """A manifest's bytes, None unless the signature holds; what was found; who signed, by whose word, with what key."""

    content: bytes | None
    findings: tuple[Finding, ...]
    check: str = ""
    public: bytes = b""


def read_signed(delivery: Delivery, allowed_signers: Path, identity: str | None, at: int | None = None) -> Signed:
    """Read a manifest and check its signature.

    Args:
        allowed_signers: the file of public keys the user trusts. Never the one delivered beside the images: whoever
            forges a release delivers that too.
        identity: who must have signed, or None for anybody in the file.
        at: the time at which limited validity of a key is judged, seconds since 1970; None for this machine's clock.
    """
    return _read_signed(delivery.directory, (MANIFEST, SIGNATURE), allowed_signers, identity, at)


def read_signed_release(release: Path, allowed_signers: Path, identity: str | None, at: int | None = None) -> Signed:
    """Read the statement of a release and check its signature; a release without one deviates."""
    if not (release / RELEASE).exists() and not (release / RELEASE_SIGNATURE).exists():
        wanted = "a signed list of all gateways and files"
        seen = "not there: taken away, or made before there was one (then verify its gateways one by one)"
        return Signed(None, (Finding(RELEASE, "missing", wanted, seen),))
    return _read_signed(release, (RELEASE, RELEASE_SIGNATURE), allowed_signers, identity, at)


def _read_signed(
    directory: Path, names: tuple[str, str], allowed_signers: Path, identity: str | None, at: int | None
) -> Signed:
    try:
        # as OpenSSH, by bytes: a comment in another encoding keeps no key from counting
        text = _read(allowed_signers, _LARGEST_KEYS).decode("utf-8", "surrogateescape")
    except PipelineError as error:
        return Signed(None, (_unseen(allowed_signers.name, _first_line(error)),))
    signers, problems = read_allowed_signers(text, allowed_signers.name, clock.local_seconds)
    if not signers:
        why = problems[0].what if problems else f"{allowed_signers.name}: there is no Ed25519 key in it"
        return Signed(None, (_unseen(allowed_signers.name, why),))
    try:
        content, signature = (
            _read(directory / names[0], LARGEST_MANIFEST),
            _read(directory / names[1], _LARGEST_SIGNATURE),
        )
    except PipelineError as error:
        return Signed(None, (_unseen(names[0], _first_line(error)),))
    moment = clock.now() if at is None else at
    try:
        signer = sshsig.verify(
            content, signature, signers, namespace=NAMESPACE, principal=identity, at=moment, where=names[1]
        )
    except PipelineError as error:
        expected = f"signed by {identity}" if identity is not None else "signed by an allowed signer"
        seen = "; ".join([_first_line(error), *(f"passed over: {problem.what}" for problem in problems[:2])])
        return Signed(None, (Finding(names[0], "signature", expected, seen),))
    return Signed(content, (), f"signature of {signer.principals}", signer.public)


def _read(path: Path, most: int) -> bytes:
    if not path.is_file():  # opening a pipe would wait for ever
        raise PipelineError(f"{path.name}: not there", "name a directory with all files of the gateway")
    try:
        with path.open("rb") as stream:
            content = stream.read(most + 1)
    except OSError as error:
        raise PipelineError(f"{path.name}: cannot be read: {error.strerror}", "check the path") from None
    if len(content) > most:
        raise PipelineError(
            f"{path.name}: larger than {most} bytes, which is too large for such a file", "get it again"
        )
    return content


def _unseen(subject: str, why: str) -> Finding:
    return Finding(subject, "signature", "", why, Outcome.NOT_LOOKED)


def _first_line(error: PipelineError) -> str:
    return error.problems[0].what
