"""Signature blocks of signed JARs (PKCS #7 SignedData, RFC 2315), built and judged in the one shape gateways accept.

The OSGi framework of the ESF 5 generation checks signatures with a parser of its own. It takes a bundle for unsigned,
silently, when the block has signed attributes, names ``sha256WithRSAEncryption`` instead of ``rsaEncryption``, or is
not RSA. What JDK 17's jarsigner writes has all of the former. So the block is written here, and `check_shape` says
of any block whether it has the shape.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.utils import CryptographyDeprecationWarning

SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
DATA = bytes.fromhex("2a864886f70d010701")
RSA_ENCRYPTION = bytes.fromhex("2a864886f70d010101")
SHA256 = bytes.fromhex("608648016503040201")
SHA1 = bytes.fromhex("2b0e03021a")

_INTEGER, _OCTETS, _NULL, _OID, _SEQUENCE, _SET = 0x02, 0x04, 0x05, 0x06, 0x30, 0x31
_CONTEXT_0, _CONTEXT_1 = 0xA0, 0xA1
_LEAST_RSA_BITS = 2048  # A:39


class BlockError(ValueError):
    """The bytes are not a signature block; one line that says why."""


@dataclass(frozen=True)
class SignerInfo:
    """One signer as the block states it; object identifiers are their DER bodies."""

    version: int
    issuer: bytes = field(repr=False)
    serial: int
    digest: bytes
    signed_attributes: bool
    algorithm: bytes
    algorithm_has_null: bool
    signature: bytes = field(repr=False)
    unsigned_attributes: bool


@dataclass(frozen=True)
class SignatureBlock:
    """A parsed block; certificates in the order of the block."""

    version: int
    digests: tuple[bytes, ...]
    content_type: bytes
    detached: bool
    certificates: tuple[bytes, ...] = field(repr=False)
    revocation_lists: bool
    signers: tuple[SignerInfo, ...]

    def chain(self, signer: SignerInfo) -> tuple[bytes, ...]:
        """The signer's certificates found in the block, leaf first, as far up as they reach."""
        named = [(_names(certificate), certificate) for certificate in self.certificates]
        found = [item for item in named if item[0].issuer == signer.issuer and item[0].serial == signer.serial][:1]
        while found and found[-1][0].issuer != found[-1][0].subject:
            above = [item for item in named if item[0].subject == found[-1][0].issuer and item not in found]
            if not above:
                break
            found.append(above[0])
        return tuple(certificate for _, certificate in found)


@dataclass(frozen=True)
class _Names:
    serial: int
    issuer: bytes
    subject: bytes


def build_block(chain: Sequence[bytes], signature: bytes) -> bytes:
    """The block of one RSA signature made over a signature file with SHA-256 and PKCS #1 v1.5.

    Args:
        chain: certificates as DER, leaf first up to and including the root, and nothing else: the framework fails on
            certificates it cannot put in order, and trusts nothing whose issuer is missing.
    """
    names = _names(chain[0])
    null = _der(_NULL)
    sha256 = _der(_SEQUENCE, _der(_OID, SHA256), null)
    signer = _der(
        _SEQUENCE,
        _integer(1),
        _der(_SEQUENCE, names.issuer, _integer(names.serial)),
        sha256,
        _der(_SEQUENCE, _der(_OID, RSA_ENCRYPTION), null),
        _der(_OCTETS, signature),
    )
    signed_data = _der(
        _SEQUENCE,
        _integer(1),
        _der(_SET, sha256),
        _der(_SEQUENCE, _der(_OID, DATA)),
        _der(_CONTEXT_0, *sorted(chain)),
        _der(_SET, signer),
    )
    return _der(_SEQUENCE, _der(_OID, SIGNED_DATA), _der(_CONTEXT_0, signed_data))


def parse_block(data: bytes) -> SignatureBlock:
    """Read a block; raises `BlockError` for anything that is not SignedData in definite-length encoding."""
    try:
        return _parse(data)
    except StopIteration:
        raise BlockError("it ends where more was expected") from None


def check_shape(data: bytes) -> list[str]:
    """Every way in which a block differs from the shape that all framework generations accept; empty when in none."""
    try:
        block = parse_block(data)
        problems = rejections(block)
        chains = [block.chain(signer) for signer in block.signers]
    except BlockError as error:
        return [f"it is not a signature block: {error}"]
    if block.version != 1 or any(signer.version != 1 for signer in block.signers):
        problems.append("its version is not 1")
    if block.digests != (SHA256,) or any(signer.digest != SHA256 for signer in block.signers):
        problems.append("its digest is not SHA-256")
    if block.content_type != DATA or not block.detached:
        problems.append("it carries content of its own")
    if block.revocation_lists:
        problems.append("it carries revocation lists")
    if any(not signer.algorithm_has_null for signer in block.signers):
        problems.append("its signature algorithm has no NULL parameter")
    if any(signer.unsigned_attributes for signer in block.signers):
        problems.append("it has unsigned attributes")
    if set(block.certificates) != {certificate for chain in chains for certificate in chain} or len(
        set(block.certificates)
    ) != len(block.certificates):
        problems.append("it has certificates that are not of the signer's chain")
    return problems


def rejections(block: SignatureBlock) -> list[str]:
    """Why the framework of the ESF 5 generation would take a bundle with this block for unsigned or untrusted."""
    if len(block.signers) != 1:
        return [f"it has {len(block.signers)} signers instead of one"]
    signer = block.signers[0]
    chain = block.chain(signer)
    problems = []
    if signer.signed_attributes:
        problems.append("it has signed attributes (jarsigner of JDK 9 and later writes them)")
    if signer.algorithm != RSA_ENCRYPTION:
        problems.append("its signature algorithm is not named rsaEncryption")
    if signer.digest not in (SHA256, SHA1):
        problems.append("its digest is neither SHA-256 nor SHA-1")
    if not chain:
        return [*problems, "the signer's certificate is missing"]
    try:
        with warnings.catch_warnings(action="ignore", category=CryptographyDeprecationWarning):
            certificates = [x509.load_der_x509_certificate(certificate) for certificate in chain]
            key = certificates[0].public_key()
            for lower, upper in zip(certificates, [*certificates[1:], certificates[-1]], strict=True):
                lower.verify_directly_issued_by(upper)
    except (ValueError, TypeError, x509.InvalidVersion, InvalidSignature, UnsupportedAlgorithm):
        return [*problems, "its certificates do not form a chain up to a self-signed root"]
    if not isinstance(key, rsa.RSAPublicKey):
        problems.append("its key is not RSA")
    elif key.key_size < _LEAST_RSA_BITS:
        problems.append(f"its RSA key has {key.key_size} bits, fewer than {_LEAST_RSA_BITS}")
    return problems


def _parse(data: bytes) -> SignatureBlock:
    outer = _items(_only(data, _SEQUENCE))
    if _next(outer, _OID) != SIGNED_DATA:
        raise BlockError("its content is not SignedData")
    fields = _items(_only(_next(outer, _CONTEXT_0), _SEQUENCE))
    version = _number(_next(fields, _INTEGER))
    digests = tuple(_next(_items(body), _OID) for _, body, _ in _items(_next(fields, _SET)))
    content = list(_items(_next(fields, _SEQUENCE)))
    certificates: tuple[bytes, ...] = ()
    lists = False
    tag, body, _ = next(fields)
    if tag == _CONTEXT_0:
        certificates = tuple(raw for _, _, raw in _items(body))
        tag, body, _ = next(fields)
    if tag == _CONTEXT_1:
        lists = True
        tag, body, _ = next(fields)
    if tag != _SET or not content:
        raise BlockError("a part of it is not where it should be")
    signers = tuple(_signer(raw) for _, raw, _ in _items(body))
    return SignatureBlock(version, digests, content[0][1], len(content) == 1, certificates, lists, signers)


def _signer(body: bytes) -> SignerInfo:
    fields = _items(body)
    version = _number(_next(fields, _INTEGER))
    identity = _items(_next(fields, _SEQUENCE))
    issuer = next(identity)[2]
    serial = _number(_next(identity, _INTEGER))
    digest = _next(_items(_next(fields, _SEQUENCE)), _OID)
    tag, algorithm, _ = next(fields)
    signed = tag == _CONTEXT_0
    if signed:
        tag, algorithm, _ = next(fields)
    parts = list(_items(algorithm))
    signature = _next(fields, _OCTETS)
    if tag != _SEQUENCE or not parts:
        raise BlockError("a part of a signer is not where it should be")
    has_null = len(parts) == 2 and parts[1][0] == _NULL
    unsigned = any(tag == _CONTEXT_1 for tag, _, _ in fields)
    return SignerInfo(version, issuer, serial, digest, signed, parts[0][1], has_null, signature, unsigned)


def _names(certificate: bytes) -> _Names:
    """What identifies a certificate, as raw bytes: a name that is decoded and encoded again may differ."""
    try:
        fields = _items(_only(next(_items(_only(certificate, _SEQUENCE)))[2], _SEQUENCE))
        tag, body, _ = next(fields)
        if tag == _CONTEXT_0:
            tag, body, _ = next(fields)
        if tag != _INTEGER:
            raise BlockError("a certificate in it has no serial number")
        _, issuer, _, subject = (next(fields)[2] for _ in range(4))
    except (StopIteration, ValueError, RuntimeError):
        raise BlockError("a certificate in it is damaged") from None
    return _Names(_number(body), issuer, subject)


def _der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def _integer(value: int) -> bytes:
    return _der(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def _number(body: bytes) -> int:
    return int.from_bytes(body, "big", signed=True)


def _items(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Tag, body and raw bytes of each element."""
    position = 0
    while position < len(data):
        header = position + 2
        if header > len(data):
            raise BlockError("it ends in the middle of an element")
        tag, length = data[position], data[position + 1]
        if length & 0x80:
            octets = length & 0x7F
            if not 1 <= octets <= 4:
                raise BlockError("it uses indefinite or oversized lengths")
            length = int.from_bytes(data[header : header + octets], "big")
            header += octets
        if tag & 0x1F == 0x1F or header + length > len(data):
            raise BlockError("it ends in the middle of an element")
        yield tag, data[header : header + length], data[position : header + length]
        position = header + length


def _next(items: Iterator[tuple[int, bytes, bytes]], tag: int) -> bytes:
    found, body, _ = next(items)
    if found != tag:
        raise BlockError("a part of it is not where it should be")
    return body


def _only(data: bytes, tag: int) -> bytes:
    items = _items(data)
    body = _next(items, tag)
    if next(items, None) is not None:
        raise BlockError("bytes follow its end")
    return body
