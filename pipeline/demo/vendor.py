"""The demo's vendor: keys and certificates that stand for those of the gateway's maker and of its cloud platform."""

from __future__ import annotations

import datetime
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pipeline.errors import PipelineError

# Fixed, so that certificates depend on nothing but their keys; long, so that the demo does not expire.
_NOT_BEFORE = datetime.datetime(2017, 3, 1, tzinfo=datetime.UTC)
_NOT_AFTER = datetime.datetime(2047, 3, 1, tzinfo=datetime.UTC)
_KEY_BITS = 2048  # the least that A:59 accepts


@dataclass(frozen=True)
class VendorIdentity:
    """What the vendor of the demo signs with and is trusted by.

    Attributes:
        signer_key: signs the vendor's bundles.
        signer_chain: its certificate first, then the vendor's certificate authority.
        cloud_ca: issuer of the cloud broker's server certificate.
    """

    signer_key: rsa.RSAPrivateKey = field(repr=False)
    signer_chain: tuple[x509.Certificate, ...]
    cloud_ca: x509.Certificate


@dataclass(frozen=True)
class HttpsIdentity:
    """What a Kura installer makes for the console's HTTPS, once for every copy of the image."""

    key: rsa.RSAPrivateKey = field(repr=False)
    certificate: x509.Certificate


def https_identity(keys: Path) -> HttpsIdentity:
    """The identity whose key lies in a directory; made if it is not there yet. Errors as of `vendor_identity`."""
    key = _key(keys / "vendor-https.pem")
    name = _name("localhost")
    return HttpsIdentity(key, _certificate(key.public_key(), name, key, name, is_ca=False))


def vendor_identity(keys: Path) -> VendorIdentity:
    """The vendor whose private keys lie in a directory; keys that are not there yet are made.

    RSA signatures with PKCS #1 v1.5 padding have no randomness, so equal keys give equal certificates byte for byte.

    Raises:
        PipelineError: a file in the directory is not a private key.
    """
    authority = _key(keys / "vendor-ca.pem")
    signer = _key(keys / "vendor-signer.pem")
    cloud = _key(keys / "cloud-ca.pem")
    authority_name = _name("Demo Vendor Software CA")
    root = _certificate(authority.public_key(), authority_name, authority, authority_name, is_ca=True)
    leaf = _certificate(signer.public_key(), _name("Demo Vendor Software"), authority, authority_name, is_ca=False)
    cloud_name = _name("Demo Cloud CA")
    return VendorIdentity(
        signer, (leaf, root), _certificate(cloud.public_key(), cloud_name, cloud, cloud_name, is_ca=True)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "IT"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Demo Vendor"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _certificate(
    key: rsa.RSAPublicKey, subject: x509.Name, issuer_key: rsa.RSAPrivateKey, issuer: x509.Name, *, is_ca: bool
) -> x509.Certificate:
    encoded = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    # Positive and at most 20 octets (RFC 5280, 4.1.2.2): one bit short of 20.
    serial = int.from_bytes(hashlib.sha256(encoded).digest()[:20], "big") >> 1
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=0 if is_ca else None), critical=True)
        .add_extension(_usage(is_ca=is_ca), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if not is_ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key(path: Path) -> rsa.RSAPrivateKey:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        text = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text)
        part.replace(path)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise PipelineError(f"{path}: not an unencrypted PEM private key", "delete it; a new one is made") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise PipelineError(f"{path}: not an RSA key", "delete it; a new one is made")
    return key
