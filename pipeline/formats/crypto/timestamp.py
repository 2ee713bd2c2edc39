"""RFC 3161 timestamps: the query, the reply, and whether a token says what it should about a signature."""

from __future__ import annotations

import datetime
import hashlib
import re
import warnings
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID

from pipeline.formats.crypto import der

_SHA256 = bytes.fromhex("608648016503040201")
_HASHES: dict[bytes, tuple[str, hashes.HashAlgorithm]] = {
    _SHA256: ("sha256", hashes.SHA256()),
    bytes.fromhex("608648016503040202"): ("sha384", hashes.SHA384()),
    bytes.fromhex("608648016503040203"): ("sha512", hashes.SHA512()),
}
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_TST_INFO = bytes.fromhex("2a864886f70d0109100104")
_MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")
_RSA_ENCRYPTION = bytes.fromhex("2a864886f70d010101")


_UNUSABLE = (
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
    InvalidSignature,
)


class TimestampError(ValueError):
    """Not a timestamp that can be used; one line that says why."""


@dataclass(frozen=True)
class Token:
    """What a token states, and what shows that its authority stated it.

    Attributes:
        imprint: SHA-256 of what existed at that time.
        time: seconds since 1970.
        algorithm: object identifier (DER body) of the authority's signature.
        certificate: the authority's, as DER.
    """

    imprint: bytes
    nonce: int | None
    time: int
    algorithm: bytes
    certificate: bytes = field(repr=False)


def query(digest: bytes, nonce: int) -> bytes:
    """A TimeStampReq for a SHA-256 digest; asks for the authority's certificates (section 2.4.1)."""
    return der.element(
        der.SEQUENCE,
        der.integer(1),
        _imprint(digest),
        der.integer(nonce),
        der.element(der.BOOLEAN, b"\xff"),
    )


def token_in(reply: bytes) -> bytes:
    """The token of a TimeStampResp (section 2.4.2); `TimestampError` when the authority refuses."""
    try:
        fields = der.items(der.only(reply, der.SEQUENCE))
        status = der.number(der.take(der.items(der.take(fields, der.SEQUENCE)), der.INTEGER))
        if status not in (0, 1):  # granted, granted with modifications
            raise TimestampError(f"the authority refuses with status {status}")
        tag, _, token = der.take_any(fields)
        if tag != der.SEQUENCE or next(fields, None) is not None:
            raise TimestampError("the reply is malformed")
    except der.DerError as error:
        raise TimestampError(f"the reply is malformed: {error}") from None
    return token


def read_token(data: bytes) -> Token:
    """Read a token and check its authority's signature over it.

    Whether the authority is one to be trusted is for those to say who verify the bundle; nothing is built on it here.

    Raises:
        TimestampError: malformed, not signed by the certificate in it, or that is not one for timestamps.
    """
    try:
        return _read(data)
    except (der.DerError, IndexError) as error:
        raise TimestampError(f"the token is malformed: {error}") from None


def problems_of(token: Token, digest: bytes) -> list[str]:
    """Why a token is none for this SHA-256 digest; empty when it is."""
    return [] if token.imprint == digest else ["the token is about something else"]


def doubts_of(token: Token) -> list[str]:
    """Why the framework of the ESF 5 generation would take a bundle with this token for unsigned."""
    if token.algorithm == _RSA_ENCRYPTION:
        return []
    return [
        "the authority's own signature is not RSA named rsaEncryption, the only one the framework of ESF 5 can read"
    ]


def _read(data: bytes) -> Token:
    outer = der.items(der.only(data, der.SEQUENCE))
    if der.take(outer, der.OID) != _SIGNED_DATA:
        raise TimestampError("the token is not SignedData")
    fields = der.items(der.only(der.take(outer, der.CONTEXT_0), der.SEQUENCE))
    der.take(fields, der.INTEGER)
    der.take(fields, der.SET)
    content = der.items(der.take(fields, der.SEQUENCE))
    if der.take(content, der.OID) != _TST_INFO:
        raise TimestampError("the token is not a timestamp")
    stated = der.only(der.take(content, der.CONTEXT_0), der.OCTETS)
    tag, body, _ = der.take_any(fields)
    certificates: list[bytes] = []
    if tag == der.CONTEXT_0:
        certificates = [raw for _, _, raw in der.items(body)]
        tag, body, _ = der.take_any(fields)
    if tag == der.CONTEXT_1:
        tag, body, _ = der.take_any(fields)
    if tag != der.SET:
        raise TimestampError("the token has no signer")
    algorithm, certificate = _signer(der.only(body, der.SEQUENCE), stated, certificates)
    imprint, nonce, time = _statement(stated)
    return Token(imprint, nonce, time, algorithm, certificate)


def _signer(info: bytes, stated: bytes, certificates: list[bytes]) -> tuple[bytes, bytes]:
    """Algorithm and certificate of the signer, once the signature is checked."""
    fields = der.items(info)
    der.take(fields, der.INTEGER)
    der.take_any(fields)  # whom it names does not matter: the signature tells which certificate it is by
    digest = der.take(der.items(der.take(fields, der.SEQUENCE)), der.OID)
    if digest not in _HASHES:
        raise TimestampError("the token's digest is none of SHA-256, SHA-384, SHA-512")
    name, algorithm = _HASHES[digest]
    attributes = der.take(fields, der.CONTEXT_0)
    signature_algorithm = der.take(der.items(der.take(fields, der.SEQUENCE)), der.OID)
    signature = der.take(fields, der.OCTETS)
    if _attribute(attributes, _MESSAGE_DIGEST) != der.element(der.OCTETS, hashlib.new(name, stated).digest()):
        raise TimestampError("the token's signature is about another statement")
    # signed as a SET, although it lies there with a context tag (RFC 5652, section 5.4)
    signed = der.element(der.SET, attributes)
    for certificate in certificates:
        if _is_signed_by(certificate, signature, signed, algorithm):
            return signature_algorithm, certificate
    raise TimestampError("the token is not signed by a certificate in it that is for timestamps")


def _is_signed_by(der_bytes: bytes, signature: bytes, signed: bytes, digest: hashes.HashAlgorithm) -> bool:
    try:
        with warnings.catch_warnings(action="ignore", category=CryptographyDeprecationWarning):
            certificate = x509.load_der_x509_certificate(der_bytes)
            usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
            key = certificate.public_key()
        if ExtendedKeyUsageOID.TIME_STAMPING not in usage.value:
            return False
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(digest))
        else:
            return False
    except (ValueError, TypeError, *_UNUSABLE):
        return False
    return True


def _statement(stated: bytes) -> tuple[bytes, int | None, int]:
    """Imprint, nonce and time of a TSTInfo (section 2.4.2)."""
    fields = der.items(der.only(stated, der.SEQUENCE))
    der.take(fields, der.INTEGER)
    der.take(fields, der.OID)
    tag, imprint, raw = der.take_any(fields)
    digest = list(der.items(imprint))[-1][1]
    if tag != der.SEQUENCE or raw != _imprint(digest):
        raise TimestampError("the token is not about a SHA-256 digest")
    der.take(fields, der.INTEGER)
    time = der.take(fields, der.GENERALIZED_TIME).decode("ascii", "replace")
    if not re.fullmatch(r"\d{14}(\.\d+)?Z", time):
        raise TimestampError("the token's time is malformed")
    try:
        moment = datetime.datetime.strptime(f"{time[:14]}+0000", "%Y%m%d%H%M%S%z")
    except ValueError:
        raise TimestampError("the token's time does not exist") from None
    nonce = next((der.number(body) for tag, body, _ in fields if tag == der.INTEGER), None)
    return digest, nonce, int(moment.timestamp())


def _attribute(attributes: bytes, kind: bytes) -> bytes:
    """The raw value of the attribute of this kind; empty when there is none."""
    for _, body, _ in der.items(attributes):
        parts = der.items(body)
        if der.take(parts, der.OID) == kind:
            return der.take(parts, der.SET)
    return b""


def _imprint(digest: bytes) -> bytes:
    algorithm = der.element(der.SEQUENCE, der.element(der.OID, _SHA256), der.element(der.NULL))
    return der.element(der.SEQUENCE, algorithm, der.element(der.OCTETS, digest))
