"""Certificates a gateway's derived key issues for itself: deterministic, so that images repeat and no two share one."""

from __future__ import annotations

import datetime
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

_DAYS = 3650  # a gateway is in the field for many years; whoever wants more than self-signed replaces it there
_LAST = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)  # RFC 5280, 4.1.2.5: no end known


def own_certificate(name: str, key: ec.EllipticCurvePrivateKey, epoch: int, usage: x509.ObjectIdentifier) -> bytes:
    """A self-signed certificate for a host name as DER, valid for ten years from the release's epoch on.

    Args:
        epoch: seconds since 1970.
        usage: the one extended usage it is for.
    """
    public = key.public_key()
    encoded = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    start = datetime.datetime.fromtimestamp(epoch, datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(host_name(name))
        .issuer_name(host_name(name))
        .public_key(public)
        # Positive and at most 20 octets (RFC 5280, 4.1.2.2): one bit short of 20.
        .serial_number((int.from_bytes(hashlib.sha256(encoded).digest()[:20], "big") >> 1) | 1)
        .not_valid_before(start)
        .not_valid_after(min(start + datetime.timedelta(days=_DAYS), _LAST))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        # RFC 6979: the same key and certificate give the same signature.
        .sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    )
    return certificate.public_bytes(Encoding.DER)


def own_request(name: str, key: ec.EllipticCurvePrivateKey, usage: x509.ObjectIdentifier) -> bytes:
    """A signing request (PKCS #10) as PEM, for an authority that is to issue the certificate instead."""
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(host_name(name))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    )
    return request.public_bytes(Encoding.PEM)


def host_name(name: str) -> x509.Name:
    """A gateway as the subject of a certificate."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
