"""Whose manifest it is: nothing of it is read before its signature has been checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.formats import sshsig
from pipeline.manifest import NAMESPACE
from pipeline.model.verdict import Finding, Outcome
from pipeline.verification.delivery import MANIFEST, SIGNATURE, SIGNERS, Delivery

_LARGEST = 256 << 20  # bytes; a manifest of a hundred thousand paths has some twenty million


@dataclass(frozen=True)
class Signed:
    """A manifest's bytes, None unless the signature holds; what was found; who signed, by whose word, with what key."""

    content: bytes | None
    findings: tuple[Finding, ...]
    check: str = ""
    public: bytes = b""


def read_signed(delivery: Delivery, allowed_signers: Path | None, identity: str | None) -> Signed:
    """Read a manifest and check its signature.

    Args:
        allowed_signers: the file of public keys the user trusts; without it, the one delivered with the release,
            which shows that nothing was damaged but not who made it.
        identity: who must have signed, or None for anybody in the file.
    """
    place = allowed_signers if allowed_signers is not None else _delivered(delivery)
    if place is None:
        return Signed(None, (_unseen(SIGNERS, "no public key to check the signature with (--allowed-signers)"),))
    try:
        signers = sshsig.parse_allowed_signers(_read(place).decode("utf-8"), place.name)
    except (PipelineError, UnicodeDecodeError) as error:
        return Signed(None, (_unseen(place.name, _first_line(error)),))
    try:
        content = _read(delivery.directory / MANIFEST)
        signature = _read(delivery.directory / SIGNATURE)
    except PipelineError as error:
        return Signed(None, (_unseen(MANIFEST, _first_line(error)),))
    try:
        signer = sshsig.verify(content, signature, signers, namespace=NAMESPACE, principal=identity, where=SIGNATURE)
    except PipelineError as error:
        expected = f"signed by {identity}" if identity is not None else "signed by an allowed signer"
        return Signed(None, (Finding(MANIFEST, "signature", expected, _first_line(error)),))
    word = "" if allowed_signers is not None else ", by the release's own allowed_signers only"
    return Signed(content, (), f"signature of {','.join(signer.principals)}{word}", signer.public)


def _delivered(delivery: Delivery) -> Path | None:
    places = [delivery.directory, *([delivery.release] if delivery.release is not None else [])]
    return next((place / SIGNERS for place in places if (place / SIGNERS).is_file()), None)


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
