"""A gateway's own key and certificate for its console's HTTPS: derived, so that images repeat and no two share one."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from pipeline.model.trust import HttpsIdentity
from pipeline.signing.secrets.own_certificate import own_certificate


def https_identity(name: str, key: ec.EllipticCurvePrivateKey, password: str, epoch: int) -> HttpsIdentity:
    """A self-signed certificate for a host name, valid from the release's epoch on.

    Args:
        key: the gateway's own, derived.
        password: of the keystore the two will lie in.
        epoch: seconds since 1970.
    """
    return HttpsIdentity(
        pkcs8=key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        certificate=own_certificate(name, key, epoch, ExtendedKeyUsageOID.SERVER_AUTH),
        password=password,
    )
