"""Whether a TLS certificate may go into a gateway's keystore: valid at the release's epoch, strong enough (A:39)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.utils import CryptographyDeprecationWarning

from pipeline.errors import Problem

_LEAST_RSA_BITS = 2048
_CURVES = ("secp256r1", "secp384r1", "secp521r1")  # those Java 8 to 17 know
_BROKEN = (hashes.MD5, hashes.SHA1)


def certificate_problems(der: bytes, what: str, epoch: int) -> Iterator[Problem]:
    """What speaks against a certificate.

    Args:
        what: where it comes from, for messages.
        epoch: seconds since 1970 at which it has to be valid.
    """
    try:
        with warnings.catch_warnings(action="ignore", category=CryptographyDeprecationWarning):
            certificate = x509.load_der_x509_certificate(der)
            key = certificate.public_key()
            subject = certificate.subject.rfc4514_string()
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm):
        yield Problem(
            f"{what}: a certificate cannot be read, or its key is of an unknown kind", "give X.509 certificates"
        )
        return
    if epoch > certificate.not_valid_after_utc.timestamp():
        yield Problem(
            f"{what}: {subject} expired on {certificate.not_valid_after_utc:%Y-%m-%d}, before the release's epoch",
            "get a new certificate, or correct [release] epoch",
        )
    if epoch < certificate.not_valid_before_utc.timestamp():
        yield Problem(
            f"{what}: {subject} is valid only from {certificate.not_valid_before_utc:%Y-%m-%d}, after the epoch",
            "get another certificate, or raise gateway.toml [release] epoch to "
            f"{int(certificate.not_valid_before_utc.timestamp())} or later",
        )
    weak = key_weakness(key)
    if weak:
        yield Problem(f"{what}: {subject}: {weak}", "get a certificate of RSA with 2048 bits or more, or P-256 (A:39)")
    if certificate.subject != certificate.issuer and isinstance(_hash_of(certificate), _BROKEN):
        yield Problem(f"{what}: {subject} is signed with a digest that is broken", "get one signed with SHA-256")


def _hash_of(certificate: x509.Certificate) -> hashes.HashAlgorithm | None:
    try:
        return certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None


def key_weakness(key: object) -> str:
    """Why a public key is too weak for TLS, or not one that gateways know; empty when it is fit."""
    if isinstance(key, rsa.RSAPublicKey):
        return f"its RSA key has {key.key_size} bits" if key.key_size < _LEAST_RSA_BITS else ""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"its curve is {key.curve.name}" if key.curve.name not in _CURVES else ""
    return "its key is neither RSA nor EC"


def order_problems(chain: Sequence[bytes], what: str) -> Iterator[Problem]:
    """Where a chain breaks: each certificate must be issued by the next, the last by itself."""
    certificates = [x509.load_der_x509_certificate(der) for der in chain]
    for lower, upper in zip(certificates, [*certificates[1:], certificates[-1]], strict=True):
        try:
            lower.verify_directly_issued_by(upper)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            subject = lower.subject.rfc4514_string()
            yield Problem(
                f"{what}: {subject} is not issued by the next certificate"
                if lower is not upper
                else f"{what}: the chain ends with {subject}, which is not a self-signed root",
                "name all certificates from the leaf up to the self-signed root, and no others",
            )
