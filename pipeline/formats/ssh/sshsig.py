"""SSH signatures by Ed25519 keys (OpenSSH PROTOCOL.sshsig)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pipeline.errors import PipelineError

KEY_TYPE = "ssh-ed25519"

_MAGIC = b"SSHSIG"
_HASH = "sha512"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_WIDTH = 70  # ssh-keygen's own line length, so that ours are its bytes


class Signer(Protocol):
    """Whose signature counts: a line of an ``allowed_signers`` file."""

    @property
    def public(self) -> bytes:
        """Ed25519, 32 bytes."""

    def refusal(self, namespace: str, principal: str | None, at: int | None) -> str:
        """Why a signature by this key does not count; empty when it does."""


SignerT = TypeVar("SignerT", bound=Signer)


@dataclass(frozen=True)
class SshSignature:
    """What a signature file says, nothing of it checked.

    Attributes:
        public: Ed25519, 32 bytes.
        algorithm: the hash the message went through, ``sha256`` or ``sha512``.
        raw: what the key itself made.
    """

    public: bytes
    namespace: str
    algorithm: str
    raw: bytes


def string(data: bytes) -> bytes:
    """A string of the SSH wire format: length in four bytes, then the bytes (RFC 4251, 5)."""
    return struct.pack(">I", len(data)) + data


def public_blob(public: bytes) -> bytes:
    """An Ed25519 public key of 32 bytes in wire format (RFC 8709, 4)."""
    return string(KEY_TYPE.encode()) + string(public)


def fingerprint(public: bytes) -> str:
    """``SHA256:…`` as ssh-keygen -l prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(public_blob(public)).digest()).decode().rstrip("=")


def to_be_signed(message: bytes, namespace: str) -> bytes:
    """What the key really signs."""
    digest = hashlib.sha512(message).digest()
    return _MAGIC + string(namespace.encode()) + string(b"") + string(_HASH.encode()) + string(digest)


def armor(public: bytes, namespace: str, signature: bytes) -> bytes:
    """The signature file, byte for byte as ``ssh-keygen -Y sign`` writes it."""
    blob = (
        _MAGIC
        + struct.pack(">I", 1)
        + string(public_blob(public))
        + string(namespace.encode())
        + string(b"")
        + string(_HASH.encode())
        + string(string(KEY_TYPE.encode()) + string(signature))
    )
    text = base64.b64encode(blob).decode()
    lines = [text[start : start + _WIDTH] for start in range(0, len(text), _WIDTH)]
    return "\n".join([_BEGIN, *lines, _END, ""]).encode()


def verify(
    message: bytes,
    signature: bytes,
    signers: Sequence[SignerT],
    *,
    namespace: str,
    principal: str | None = None,
    at: int | None = None,
    where: str = "signature",
) -> SignerT:
    """Check a signature and say which line allows it.

    Args:
        signature: the armored file.
        principal: who must have signed; None accepts everybody in the file.
        at: the time at which lines of limited validity are judged, seconds since 1970; None leaves validity unchecked.

    Raises:
        PipelineError: not a signature, made for another purpose, made over other bytes, or nobody allowed made it.
    """
    found = dearmored(signature, where)
    public, purpose, algorithm = found.public, found.namespace, found.algorithm
    if purpose != namespace:
        _refuse(where, f"it was made for {purpose!r}, not for {namespace!r}", "take the signature that belongs here")
    refusals = {
        signer.refusal(namespace, principal, at): signer for signer in reversed(signers) if signer.public == public
    }
    allowed = refusals.get("")
    if allowed is None:
        reason = next(reversed(refusals), "is not in allowed_signers")
        _refuse(where, f"key {fingerprint(public)} {reason}", "get allowed_signers from the people who sign releases")
    digest = hashlib.new(algorithm, message).digest()
    signed = _MAGIC + string(purpose.encode()) + string(b"") + string(algorithm.encode()) + string(digest)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(found.raw, signed)
    except (InvalidSignature, ValueError):
        _refuse(where, "it does not belong to this content", "the content was altered; do not use it")
    return allowed


def allowed_signer_line(principal: str, public: bytes, namespace: str) -> str:
    """A line that allows one key for one identity and one purpose."""
    blob = base64.b64encode(public_blob(public)).decode()
    return f'{principal} namespaces="{namespace}" {KEY_TYPE} {blob}\n'


def dearmored(signature: bytes, where: str) -> SshSignature:
    """What is in a signature file.

    Raises:
        PipelineError: it is none, or one by another kind of key.
    """
    try:
        lines = signature.decode("ascii").strip().splitlines()
        if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:
            raise ValueError
        blob = base64.b64decode("".join(lines[1:-1]), validate=True)
        if not blob.startswith(_MAGIC + struct.pack(">I", 1)):
            raise ValueError
        key, namespace, reserved, algorithm, inner = _strings(blob[10:], 5)
        kind, public = _strings(key, 2)
        inner_kind, raw = _strings(inner, 2)
        texts = (namespace.decode("ascii"), algorithm.decode("ascii"))
    except (ValueError, binascii.Error, struct.error):
        _refuse(where, "it is not an SSH signature", "make it with ssh-keygen -Y sign or with this pipeline")
    if kind != KEY_TYPE.encode() or inner_kind != kind or reserved or texts[1] not in ("sha256", "sha512"):
        _refuse(where, "it was not made by an Ed25519 key", "sign with an Ed25519 key")
    return SshSignature(public, *texts, raw)


def _strings(data: bytes, count: int) -> list[bytes]:
    found = []
    for _ in range(count):
        size = struct.unpack_from(">I", data)[0]
        if len(data) < 4 + size:
            raise ValueError
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    if data:
        raise ValueError
    return found


def _refuse(where: str, problem: str, remedy: str) -> NoReturn:
    raise PipelineError(f"{where}: {problem}", remedy)
