"""Whose manifest it is: nothing of it is read before its signature has been checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.formats.ssh import sshsig
from pipeline.manifest import NAMESPACE
from pipeline.model.verdict import Finding, Outcome
from pipeline.verification.delivery import MANIFEST, RELEASE, RELEASE_SIGNATURE, SIGNATURE, Delivery

_LARGEST = 256 << 20  # bytes; a manifest of a hundred thousand paths has some twenty million


@dataclass(frozen=True)
class Signed:
    """A manifest's bytes, None unless the signature holds; what was found; who signed, by whose word, with what key."""

    content: bytes | None
    findings: tuple[Finding, ...]
    check: str = ""
    public: bytes = b""


def read_signed(delivery: Delivery, allowed_signers: Path, identity: str | None) -> Signed:
    """Read a manifest and check its signature.

    Args:
        allowed_signers: the file of public keys the user trusts. Never the one delivered beside the images: whoever
            forges a release delivers that too.
        identity: who must have signed, or None for anybody in the file.
    """
    return _read_signed(delivery.directory, (MANIFEST, SIGNATURE), allowed_signers, identity)


def read_signed_release(release: Path, allowed_signers: Path, identity: str | None) -> Signed:
    """Read the statement of a release and check its signature; a release without one deviates."""
    if not (release / RELEASE).exists() and not (release / RELEASE_SIGNATURE).exists():
        wanted = "a signed list of all gateways and files"
        seen = "not there: taken away, or made before there was one (then verify its gateways one by one)"
        return Signed(None, (Finding(RELEASE, "missing", wanted, seen),))
    return _read_signed(release, (RELEASE, RELEASE_SIGNATURE), allowed_signers, identity)


def _read_signed(directory: Path, names: tuple[str, str], allowed_signers: Path, identity: str | None) -> Signed:
    try:
        signers = sshsig.parse_allowed_signers(_read(allowed_signers).decode("utf-8"), allowed_signers.name)
    except (PipelineError, UnicodeDecodeError) as error:
        return Signed(None, (_unseen(allowed_signers.name, _first_line(error)),))
    try:
        content, signature = (_read(directory / name) for name in names)
    except PipelineError as error:
        return Signed(None, (_unseen(names[0], _first_line(error)),))
    try:
        signer = sshsig.verify(content, signature, signers, namespace=NAMESPACE, principal=identity, where=names[1])
    except PipelineError as error:
        expected = f"signed by {identity}" if identity is not None else "signed by an allowed signer"
        return Signed(None, (Finding(names[0], "signature", expected, _first_line(error)),))
    return Signed(content, (), f"signature of {','.join(signer.principals)}", signer.public)


def _read(path: Path) -> bytes:
    if not path.is_file():  # opening a pipe would wait for ever
        raise PipelineError(f"{path.name}: not there", "name a directory with all files of the gateway")
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except OSError as error:
        raise PipelineError(f"{path.name}: cannot be read: {error.strerror}", "check the path") from None
    if len(content) > _LARGEST:
        raise PipelineError(f"{path.name}: larger than any manifest", "get it again")
    return content


def _unseen(subject: str, why: str) -> Finding:
    return Finding(subject, "signature", "", why, Outcome.NOT_LOOKED)


def _first_line(error: PipelineError | UnicodeDecodeError) -> str:
    return error.problems[0].what if isinstance(error, PipelineError) else "not text"
