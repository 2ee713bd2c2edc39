"""A gateway's own key and certificate for its console's HTTPS: derived, so that images repeat and no two share one."""

from __future__ import annotations

import datetime
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pipeline.model.trust import HttpsIdentity

MATERIAL = 48
"""Bytes a P-256 key is made of: enough that every private key is as likely as the other (FIPS 186-5, A.2.1)."""

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_DAYS = 3650  # a gateway is in the field for many years; whoever wants more than self-signed replaces it there
_LAST = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)  # RFC 5280, 4.1.2.5: no end known


def https_identity(name: str, material: bytes, password: str, epoch: int) -> HttpsIdentity:
    """A self-signed certificate for a host name, valid from the release's epoch on.

    Args:
        material: `MATERIAL` secret bytes.
        password: of the keystore the two will lie in.
        epoch: seconds since 1970.
    """
    number = int.from_bytes(material, "big") % (_P256_ORDER - 1) + 1
    key = ec.derive_private_key(number, ec.SECP256R1())
    public = key.public_key()
    encoded = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    start = datetime.datetime.fromtimestamp(epoch, datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        # Positive and at most 20 octets (RFC 5280, 4.1.2.2): one bit short of 20.
        .serial_number((int.from_bytes(hashlib.sha256(encoded).digest()[:20], "big") >> 1) | 1)
        .not_valid_before(start)
        .not_valid_after(min(start + datetime.timedelta(days=_DAYS), _LAST))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        # RFC 6979: the same key and certificate give the same signature.
        .sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    )
    return HttpsIdentity(
        pkcs8=key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        certificate=certificate.public_bytes(Encoding.DER),
        password=password,
    )
