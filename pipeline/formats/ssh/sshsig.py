"""SSH signatures by Ed25519 keys (OpenSSH PROTOCOL.sshsig), and ``allowed_signers`` files (ssh-keygen(1))."""

from __future__ import annotations

import base64
import binascii
import datetime
import fnmatch
import hashlib
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pipeline.errors import PipelineError

KEY_TYPE = "ssh-ed25519"

_MAGIC = b"SSHSIG"
_HASH = "sha512"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_WIDTH = 70  # ssh-keygen's own line length, so that ours are its bytes
_OPTION = re.compile(r'([A-Za-z-]+)(?:="([^"]*)")?(?:,|$)')


@dataclass(frozen=True)
class AllowedSigner:
    """One line of an ``allowed_signers`` file.

    Attributes:
        principals: patterns of identities; ``!`` before a pattern excludes.
        namespaces: patterns of purposes; empty for any.
        not_before / not_after: seconds since 1970, or None.
    """

    principals: tuple[str, ...]
    public: bytes
    namespaces: tuple[str, ...] = ()
    not_before: int | None = None
    not_after: int | None = None


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
    signers: Sequence[AllowedSigner],
    *,
    namespace: str,
    principal: str | None = None,
    at: int | None = None,
    where: str = "signature",
) -> AllowedSigner:
    """Check a signature and say which line allows it.

    Args:
        signature: the armored file.
        principal: who must have signed; None accepts everybody in the file.
        at: time of signing, seconds since 1970, for lines of limited validity; None leaves validity unchecked.

    Raises:
        PipelineError: not a signature, made for another purpose, made over other bytes, or nobody allowed made it.
    """
    found = dearmored(signature, where)
    public, purpose, algorithm = found.public, found.namespace, found.algorithm
    if purpose != namespace:
        _refuse(where, f"it was made for {purpose!r}, not for {namespace!r}", "take the signature that belongs here")
    key = next((signer for signer in signers if signer.public == public), None)
    allowed = next((signer for signer in signers if _allows(signer, public, namespace, principal, at)), None)
    if allowed is None:
        reason = "is not in allowed_signers" if key is None else "is not allowed for this purpose, identity or time"
        _refuse(where, f"key {fingerprint(public)} {reason}", "get allowed_signers from the people who sign releases")
    digest = hashlib.new(algorithm, message).digest()
    signed = _MAGIC + string(purpose.encode()) + string(b"") + string(algorithm.encode()) + string(digest)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(found.raw, signed)
    except (InvalidSignature, ValueError):
        _refuse(where, "it does not belong to this content", "the content was altered; do not use it")
    return allowed


def parse_allowed_signers(text: str, where: str) -> tuple[AllowedSigner, ...]:
    """Read an ``allowed_signers`` file; keys of other types and certificate authorities are passed over.

    Raises:
        PipelineError: a malformed line, an unknown option, a time without the ``Z`` that says it is UTC.
    """
    signers = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if line and not line.startswith("#"):
            signer = _allowed_signer(line, f"{where}: line {number}")
            if signer is not None:
                signers.append(signer)
    return tuple(signers)


def allowed_signer_line(principal: str, public: bytes, namespace: str) -> str:
    """A line that allows one key for one identity and one purpose."""
    blob = base64.b64encode(public_blob(public)).decode()
    return f'{principal} namespaces="{namespace}" {KEY_TYPE} {blob}\n'


def _allows(signer: AllowedSigner, public: bytes, namespace: str, principal: str | None, at: int | None) -> bool:
    if signer.public != public or (signer.namespaces and not _among(namespace, signer.namespaces)):
        return False
    if principal is not None and not _among(principal, signer.principals):
        return False
    early = at is not None and signer.not_before is not None and at < signer.not_before
    late = at is not None and signer.not_after is not None and at > signer.not_after
    return not early and not late


def _among(text: str, patterns: Sequence[str]) -> bool:
    """OpenSSH's pattern lists: ``*`` and ``?``, and a match of a negated pattern decides against."""
    if any(pattern.startswith("!") and _like(text, pattern[1:]) for pattern in patterns):
        return False
    return any(_like(text, pattern) for pattern in patterns if not pattern.startswith("!"))


def _like(text: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


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


def _allowed_signer(line: str, where: str) -> AllowedSigner | None:
    match = re.match(r'(?:"([^"]+)"|([^\s"]+))\s+(.*)', line)
    if match is None:
        _refuse(where, "it does not begin with an identity and a key", "write: name@example.com ssh-ed25519 AAAA…")
    rest, options = match[3], {}
    if not re.match(r"(ssh|ecdsa|sk)-\S+\s", rest):
        quoted = re.match(r'((?:[^\s"]|"[^"]*")+)\s+(.*)', rest)
        if quoted is None:
            _refuse(where, "it has no key", "write: name@example.com ssh-ed25519 AAAA…")
        options, rest = _options(quoted[1], where), quoted[2]
    words = rest.split()
    if len(words) < 2:
        _refuse(where, "it has no key", "write: name@example.com ssh-ed25519 AAAA…")
    if words[0] != KEY_TYPE or "cert-authority" in options:
        return None
    try:
        kind, public = _strings(base64.b64decode(words[1], validate=True), 2)
    except (ValueError, binascii.Error, struct.error):
        kind, public = b"", b""
    if kind != KEY_TYPE.encode() or len(public) != 32:
        _refuse(where, "its key is damaged", "copy the line of the .pub file again")
    return AllowedSigner(
        tuple((match[1] or match[2]).split(",")),
        public,
        tuple(options["namespaces"].split(",")) if "namespaces" in options else (),
        _time(options.get("valid-after"), where),
        _time(options.get("valid-before"), where),
    )


def _options(text: str, where: str) -> dict[str, str]:
    options: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _OPTION.match(text, position)
        if match is None or match[1].lower() not in ("namespaces", "valid-after", "valid-before", "cert-authority"):
            _refuse(where, f"unknown option {text[position:]!r}", "see ssh-keygen(1), ALLOWED SIGNERS")
        options[match[1].lower()] = match[2] or ""
        position = match.end()
    return options


def _time(text: str | None, where: str) -> int | None:
    """Seconds since 1970 of ``YYYYMMDD[HHMM[SS]]Z``; without ``Z`` it would depend on the reader's time zone."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{8}(?:\d{4}(?:\d{2})?)?)Z", text, re.ASCII)
    try:
        moment = datetime.datetime.strptime(match[1].ljust(14, "0") + "+0000", "%Y%m%d%H%M%S%z") if match else None
    except ValueError:
        moment = None
    if moment is None:
        _refuse(where, f"time {text!r} is not of the form YYYYMMDDHHMMSSZ", "write it in UTC with a Z at its end")
    return int(moment.timestamp())


def _refuse(where: str, problem: str, remedy: str) -> NoReturn:
    raise PipelineError(f"{where}: {problem}", remedy)
