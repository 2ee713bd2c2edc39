"""Signature blocks of signed JARs (PKCS #7 SignedData, RFC 2315), built and judged in the one shape gateways accept.

The OSGi framework of the ESF 5 generation checks signatures with a parser of its own. It takes a bundle for unsigned,
silently, when the block has signed attributes, names ``sha256WithRSAEncryption`` instead of ``rsaEncryption``, or is
not RSA. What JDK 17's jarsigner writes has all of the former. So the block is written here, and `check_shape` says
of any block whether it has the shape. Frameworks from Equinox 3.17 on leave signatures to the JDK and take EC too;
from 3.18 on, on a JDK that knows them, they take what jarsigner of JDK 21 and later writes: SHA-384, signed attributes.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.utils import CryptographyDeprecationWarning

from pipeline.formats.crypto import der

SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
DATA = bytes.fromhex("2a864886f70d010701")
RSA_ENCRYPTION = bytes.fromhex("2a864886f70d010101")
SHA256_WITH_RSA = bytes.fromhex("2a864886f70d01010b")
ECDSA_WITH_SHA256 = bytes.fromhex("2a8648ce3d040302")
SHA256 = bytes.fromhex("608648016503040201")
SHA384 = bytes.fromhex("608648016503040202")
SHA512 = bytes.fromhex("608648016503040203")
SHA1 = bytes.fromhex("2b0e03021a")
MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")
# What the JDK takes for the two kinds of keys, by digest: sha256/384/512WithRSAEncryption, ecdsa-with-SHA256/384/512.
_JDK_RSA = frozenset({RSA_ENCRYPTION, *(bytes.fromhex(f"2a864886f70d0101{end}") for end in ("0b", "0c", "0d"))})
_JDK_EC = frozenset(bytes.fromhex(f"2a8648ce3d0403{end}") for end in ("02", "03", "04"))
# id-aa-signatureTimeStampToken (RFC 3161, appendix A)
TIMESTAMP_TOKEN = bytes.fromhex("2a864886f70d010910020e")

_LEAST_RSA_BITS = 2048  # A:39
_LEAST_EC_BITS = 256


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
    attributes: bytes = field(default=b"", repr=False)

    def signed_bytes(self, signature_file: bytes, digest: bytes) -> bytes | None:
        """What the signature is over: the file itself, or attributes that state its digest; None where they do not.

        Args:
            digest: of the signature file, by this signer's algorithm.
        """
        if not self.signed_attributes:
            return signature_file
        stated = der.element(
            der.SEQUENCE, der.element(der.OID, MESSAGE_DIGEST), der.element(der.SET, der.element(der.OCTETS, digest))
        )
        return self.attributes if stated in self.attributes else None


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


def build_block(
    chain: Sequence[bytes], signature: bytes, *, algorithm: bytes = RSA_ENCRYPTION, timestamp: bytes | None = None
) -> bytes:
    """The block of one signature made over a signature file with SHA-256.

    Args:
        chain: certificates as DER, leaf first up to and including the root, and nothing else: the framework fails on
            certificates it cannot put in order, and trusts nothing whose issuer is missing.
        algorithm: `RSA_ENCRYPTION` for PKCS #1 v1.5, or `ECDSA_WITH_SHA256`, which has no parameters (RFC 5758).
        timestamp: RFC 3161 token over the signature, goes into the unsigned attributes.
    """
    names = _names(chain[0])
    null = der.element(der.NULL)
    sha256 = der.element(der.SEQUENCE, der.element(der.OID, SHA256), null)
    parameters = null if algorithm == RSA_ENCRYPTION else b""
    signer = der.element(
        der.SEQUENCE,
        der.integer(1),
        der.element(der.SEQUENCE, names.issuer, der.integer(names.serial)),
        sha256,
        der.element(der.SEQUENCE, der.element(der.OID, algorithm), parameters),
        der.element(der.OCTETS, signature),
        _unsigned(timestamp) if timestamp is not None else b"",
    )
    signed_data = der.element(
        der.SEQUENCE,
        der.integer(1),
        der.element(der.SET, sha256),
        der.element(der.SEQUENCE, der.element(der.OID, DATA)),
        der.element(der.CONTEXT_0, *sorted(chain)),
        der.element(der.SET, signer),
    )
    return der.element(der.SEQUENCE, der.element(der.OID, SIGNED_DATA), der.element(der.CONTEXT_0, signed_data))


def _unsigned(token: bytes) -> bytes:
    attribute = der.element(der.SEQUENCE, der.element(der.OID, TIMESTAMP_TOKEN), der.element(der.SET, token))
    return der.element(der.CONTEXT_1, attribute)


def parse_block(data: bytes) -> SignatureBlock:
    """Read a block; raises `BlockError` for anything that is not SignedData in definite-length encoding."""
    try:
        return _parse(data)
    except der.DerError as error:
        raise BlockError(str(error)) from None


def check_shape(data: bytes, *, accept_ec: bool = False, timestamped: bool = False) -> list[str]:
    """Every way in which a block differs from the shape that all framework generations accept; empty when in none.

    Args:
        accept_ec: the framework is known to be a newer one, which takes EC signatures.
        timestamped: unsigned attributes, in which a timestamp lies, are as wanted.
    """
    try:
        block = parse_block(data)
        problems = rejections(block, accept_ec=accept_ec)
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
    if any(signer.algorithm_has_null == (signer.algorithm == ECDSA_WITH_SHA256) for signer in block.signers):
        problems.append("the parameters of its signature algorithm are not what they should be (NULL for RSA)")
    if any(signer.unsigned_attributes for signer in block.signers) and not timestamped:
        problems.append("it has unsigned attributes")
    if set(block.certificates) != {certificate for chain in chains for certificate in chain} or len(
        set(block.certificates)
    ) != len(block.certificates):
        problems.append("it has certificates that are not of the signer's chain")
    return problems


def rejections(block: SignatureBlock, *, accept_ec: bool = False, by_jdk: bool = False) -> list[str]:
    """Why the framework of the ESF 5 generation would take a bundle with this block for unsigned or untrusted.

    Args:
        accept_ec: the framework is known to be a newer one, which takes EC signatures.
        by_jdk: it is one that takes whatever the JDK's jarsigner writes, SHA-384 and signed attributes among it.
    """
    if len(block.signers) != 1:
        return [f"it has {len(block.signers)} signers instead of one"]
    signer = block.signers[0]
    chain = block.chain(signer)
    problems = []
    if signer.signed_attributes and not by_jdk:
        problems.append("it has signed attributes (jarsigner of JDK 9 and later writes them)")
    elliptic = (accept_ec or by_jdk) and signer.algorithm in (_JDK_EC if by_jdk else {ECDSA_WITH_SHA256})
    if signer.algorithm not in (_JDK_RSA if by_jdk else {RSA_ENCRYPTION}) and not elliptic:
        problems.append("its signature algorithm is not named rsaEncryption")
    if signer.digest not in ((SHA256, SHA384, SHA512) if by_jdk else (SHA256, SHA1)):
        problems.append(
            "its digest is none of the SHA-2 family" if by_jdk else "its digest is neither SHA-256 nor SHA-1"
        )
    if not chain:
        return [*problems, "the signer's certificate is missing"]
    try:
        with warnings.catch_warnings(action="ignore", category=CryptographyDeprecationWarning):
            certificates = [x509.load_der_x509_certificate(certificate) for certificate in chain]
            key = certificates[0].public_key()
            for certificate in certificates:  # one whose name nobody can read has none that a policy could match
                certificate.subject.rfc4514_string()
            for lower, upper in zip(certificates, [*certificates[1:], certificates[-1]], strict=True):
                lower.verify_directly_issued_by(upper)
    except (ValueError, TypeError, x509.InvalidVersion, InvalidSignature, UnsupportedAlgorithm):
        return [*problems, "its certificates do not form a chain up to a self-signed root"]
    if elliptic:
        if not isinstance(key, ec.EllipticCurvePublicKey):
            problems.append("its key is not the EC key its algorithm needs")
        elif key.key_size < _LEAST_EC_BITS:
            problems.append(f"its EC key has {key.key_size} bits, fewer than {_LEAST_EC_BITS}")
    elif not isinstance(key, rsa.RSAPublicKey):
        problems.append("its key is not RSA")
    elif key.key_size < _LEAST_RSA_BITS:
        problems.append(f"its RSA key has {key.key_size} bits, fewer than {_LEAST_RSA_BITS}")
    return problems


def _parse(data: bytes) -> SignatureBlock:
    outer = der.items(der.only(data, der.SEQUENCE))
    if der.take(outer, der.OID) != SIGNED_DATA:
        raise BlockError("its content is not SignedData")
    fields = der.items(der.only(der.take(outer, der.CONTEXT_0), der.SEQUENCE))
    version = der.number(der.take(fields, der.INTEGER))
    digests = tuple(der.take(der.items(body), der.OID) for _, body, _ in der.items(der.take(fields, der.SET)))
    content = list(der.items(der.take(fields, der.SEQUENCE)))
    certificates: tuple[bytes, ...] = ()
    lists = False
    tag, body, _ = der.take_any(fields)
    if tag == der.CONTEXT_0:
        certificates = tuple(raw for _, _, raw in der.items(body))
        tag, body, _ = der.take_any(fields)
    if tag == der.CONTEXT_1:
        lists = True
        tag, body, _ = der.take_any(fields)
    if tag != der.SET or not content:
        raise BlockError("a part of it is not where it should be")
    signers = tuple(_signer(raw) for _, raw, _ in der.items(body))
    return SignatureBlock(version, digests, content[0][1], len(content) == 1, certificates, lists, signers)


def _signer(body: bytes) -> SignerInfo:
    fields = der.items(body)
    version = der.number(der.take(fields, der.INTEGER))
    identity = der.items(der.take(fields, der.SEQUENCE))
    issuer = der.take_any(identity)[2]
    serial = der.number(der.take(identity, der.INTEGER))
    digest = der.take(der.items(der.take(fields, der.SEQUENCE)), der.OID)
    tag, algorithm, _ = der.take_any(fields)
    signed = tag == der.CONTEXT_0
    # Signed is the set of attributes, as a set and not under the tag it has in the block (RFC 5652, 5.4).
    attributes = der.element(der.SET, algorithm) if signed else b""
    if signed:
        tag, algorithm, _ = der.take_any(fields)
    parts = list(der.items(algorithm))
    signature = der.take(fields, der.OCTETS)
    if tag != der.SEQUENCE or not parts:
        raise BlockError("a part of a signer is not where it should be")
    has_null = len(parts) == 2 and parts[1][0] == der.NULL
    unsigned = any(tag == der.CONTEXT_1 for tag, _, _ in fields)
    return SignerInfo(version, issuer, serial, digest, signed, parts[0][1], has_null, signature, unsigned, attributes)


def _names(certificate: bytes) -> _Names:
    """What identifies a certificate, as raw bytes: a name that is decoded and encoded again may differ."""
    try:
        fields = der.items(der.only(der.take_any(der.items(der.only(certificate, der.SEQUENCE)))[2], der.SEQUENCE))
        tag, body, _ = der.take_any(fields)
        if tag == der.CONTEXT_0:
            tag, body, _ = der.take_any(fields)
        if tag != der.INTEGER:
            raise BlockError("a certificate in it has no serial number")
        _, issuer, _, subject = (der.take_any(fields)[2] for _ in range(4))
    except der.DerError:
        raise BlockError("a certificate in it is damaged") from None
    return _Names(der.number(body), issuer, subject)
