"""Keys and certificates for mutual TLS, as a company's own authority would issue them to gateways."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support.trust import END, START, certificate, name_of, rsa_key

CA = "CN=Device CA,O=Example,C=US"


def a_client_chain(gateway: str, *, clients: bool = True) -> tuple[ec.EllipticCurvePrivateKey, tuple[bytes, bytes]]:
    """A P-256 key and its certificate, issued by a device authority; for servers unless for clients."""
    key = ec.generate_private_key(ec.SECP256R1())
    usage = ExtendedKeyUsageOID.CLIENT_AUTH if clients else ExtendedKeyUsageOID.SERVER_AUTH
    leaf = (
        x509.CertificateBuilder()
        .subject_name(name_of(f"CN={gateway},O=Example"))
        .issuer_name(name_of(CA))
        .public_key(key.public_key())
        .serial_number(77)
        .not_valid_before(START)
        .not_valid_after(END)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .sign(rsa_key("client ca"), hashes.SHA256())
    )
    return key, (leaf.public_bytes(Encoding.DER), certificate(CA, rsa_key("client ca"), ca=True, serial=1))


def expired(subject: str, day: datetime.datetime) -> bytes:
    """A self-signed certificate that was valid until a day."""
    key = rsa_key(subject)
    builder = x509.CertificateBuilder().subject_name(name_of(subject)).issuer_name(name_of(subject))
    builder = builder.public_key(key.public_key()).serial_number(3).not_valid_before(START).not_valid_after(day)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def private_pem(key: PrivateKeyTypes) -> str:
    """PKCS #8 without passphrase."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def pem_of(*chain: bytes) -> str:
    """Certificates as PEM, one after the other."""
    return "".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode() for der in chain)
