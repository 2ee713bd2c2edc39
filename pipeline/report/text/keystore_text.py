"""What is in a keystore, in the words of ``keytool -list -v``, so that people can compare line by line."""

from __future__ import annotations

import datetime
import hashlib
import warnings
from collections.abc import Callable, Sequence

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.utils import CryptographyDeprecationWarning

from pipeline.formats.crypto.jks import Listed
from pipeline.report.text.plain import plain

_SIGNATURES = {
    "1.2.840.113549.1.1.4": "MD5withRSA",
    "1.2.840.113549.1.1.5": "SHA1withRSA",
    "1.2.840.113549.1.1.10": "RSASSA-PSS",
    "1.2.840.113549.1.1.11": "SHA256withRSA",
    "1.2.840.113549.1.1.12": "SHA384withRSA",
    "1.2.840.113549.1.1.13": "SHA512withRSA",
    "1.2.840.10045.4.3.2": "SHA256withECDSA",
    "1.2.840.10045.4.3.3": "SHA384withECDSA",
    "1.2.840.10045.4.3.4": "SHA512withECDSA",
    "1.3.101.112": "Ed25519",
}
_RULER = "*" * 43


def keystore_text(entries: Sequence[Listed], *, checked: bool) -> str:
    """A keystore's entries.

    Args:
        checked: the password was given and the keystore's integrity is proved.
    """
    kept = "its integrity is verified" if checked else "its integrity is NOT verified: that needs the password"
    number = f"{len(entries)} {'entry' if len(entries) == 1 else 'entries'}"
    lines = ["Keystore type: JKS", f"Keystore: {kept}", "", f"Your keystore contains {number}", ""]
    for entry in entries:
        created = datetime.datetime.fromtimestamp(entry.created / 1000, datetime.UTC)
        lines += [
            f"Alias name: {plain(entry.alias)}",
            f"Creation date: {created:%b} {created.day}, {created.year}",
            f"Entry type: {'PrivateKeyEntry' if entry.is_key else 'trustedCertEntry'}",
        ]
        lines += [f"Certificate chain length: {len(entry.chain)}"] if entry.is_key else [""]
        for place, der in enumerate(entry.chain, 1):
            lines += [f"Certificate[{place}]:"] if entry.is_key else []
            lines += certificate_lines(der)
        lines += ["", "", _RULER, _RULER, "", ""]
    return "".join(f"{line}\n" for line in lines)


def certificate_lines(der: bytes) -> list[str]:
    """One certificate, a line for each thing keytool says of it."""
    with warnings.catch_warnings(action="ignore", category=CryptographyDeprecationWarning):
        certificate = x509.load_der_x509_certificate(der)
        return [
            f"Owner: {_name(lambda: certificate.subject)}",
            f"Issuer: {_name(lambda: certificate.issuer)}",
            f"Serial number: {certificate.serial_number:x}",
            f"Valid from: {_date(certificate.not_valid_before_utc)} until: {_date(certificate.not_valid_after_utc)}",
            "Certificate fingerprints:",
            f"\t SHA1: {_fingerprint(hashlib.sha1(der, usedforsecurity=False).digest())}",
            f"\t SHA256: {_fingerprint(hashlib.sha256(der).digest())}",
            f"Signature algorithm name: {_signature(certificate)}",
            f"Subject Public Key Algorithm: {_key(certificate)}",
            f"Version: {certificate.version.value + 1}",
        ]


def _signature(certificate: x509.Certificate) -> str:
    oid = certificate.signature_algorithm_oid.dotted_string
    return _SIGNATURES.get(oid, oid)


def _key(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"{key.curve.key_size}-bit EC ({key.curve.name}) key"
    if isinstance(key, rsa.RSAPublicKey | dsa.DSAPublicKey):
        return f"{key.key_size}-bit {'RSA' if isinstance(key, rsa.RSAPublicKey) else 'DSA'} key"
    return type(key).__name__.removesuffix("PublicKey")


def _name(parse: Callable[[], x509.Name]) -> str:
    """As `X500Name.toString` writes it: most specific first, blanks behind commas, quotes where needed."""
    try:
        name = parse()
    except (ValueError, TypeError):  # parsed when it is asked for; a BIT STRING in it is a TypeError
        return "(a name that is no text)"
    parts = [
        " + ".join(f"{attribute.rfc4514_attribute_name}={_value(str(attribute.value))}" for attribute in rdn)
        for rdn in reversed(name.rdns)
    ]
    return plain(", ".join(parts))


def _value(text: str) -> str:
    special = any(char in ',+=\n<>#;\\"' for char in text) or text != text.strip() or "  " in text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if special else text


def _date(moment: datetime.datetime) -> str:
    return f"{moment:%a %b %d %H:%M:%S} UTC {moment.year}"


def _fingerprint(digest: bytes) -> str:
    return digest.hex(":").upper()
