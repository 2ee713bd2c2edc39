"""Certificates for keys that sign bundles, all three ways of the documents (B:447 to B:451):
self-signed, issued by a company's own authority, or asked for with a signing request and taken back.

Everything in a certificate comes from keys and arguments, so it can be made again byte for byte.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.crypto import distinguished_name
from pipeline.signing.keys.private_keys import PublicKey

SignsBundles = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_Public = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

_DAY = 86_400
_LONGEST = 36_500  # days


def parse_name(text: str) -> x509.Name:
    """A distinguished name as the documents and keytool write it: ``CN=www.companyname.com,O=Company Name,C=US``.

    Raises:
        PipelineError: malformed; a comma, quotation mark or semicolon without backslash before it (B:491); or a name
            that a policy could not hold, because each of its readers has its own rules for such characters.
    """
    what = f"distinguished name {text!r}"
    try:
        # a blank behind a comma is as keytool shows names; RFC 4514 has none
        name = x509.Name.from_rfc4514_string(re.sub(r"(?<!\\),\s+(?=[A-Za-z]+=)", ",", text.strip()))
    except ValueError:
        raise PipelineError(
            f"{what}: it is not of the form CN=…,O=…,C=…, C being two letters",
            'put a backslash before each comma, quotation mark and semicolon of a value: "O=Company\\, Inc."',
        ) from None
    raise_if_any(
        Problem(f"{what}: {problem}", "use plain values in CN, OU, O, L, ST, C: policies could not hold others")
        for problem in distinguished_name.unsafe_parts(name.rfc4514_string())
    )
    return name


def self_signed(key: SignsBundles, name: x509.Name, *, first: int, days: int) -> x509.Certificate:
    """A self-signed certificate, the documents' own way to get started.

    Args:
        first: a moment of its first day, seconds since 1970.
    """
    return _signed(_builder(key.public_key(), name, name, first, days), key)


def issued(
    public: _Public, name: x509.Name, authority: SignsBundles, issuer: x509.Certificate, *, first: int, days: int
) -> x509.Certificate:
    """A certificate issued by a company's own authority.

    Raises:
        PipelineError: the authority's key is not that of its certificate, that is no authority's, or ends too early.
    """
    what = f"authority {issuer.subject.rfc4514_string()}"
    if issuer.public_key() != authority.public_key():
        raise PipelineError(f"{what}: its certificate belongs to another key", "name the certificate of --ca first")
    try:
        may = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        may = False
    if not may:
        raise PipelineError(
            f"{what}: its certificate is not one of an authority (CA:TRUE)", "name an authority's certificate"
        )
    start, end = _period(first, days)
    if start < issuer.not_valid_before_utc or end > issuer.not_valid_after_utc:
        raise PipelineError(
            f"{what}: it is valid from {issuer.not_valid_before_utc:%Y-%m-%d} to "
            f"{issuer.not_valid_after_utc:%Y-%m-%d}, and the certificate would be from {start:%Y-%m-%d} "
            f"to {end:%Y-%m-%d}",
            _within(issuer),
        )
    builder = _builder(public, name, issuer.subject, first, days).add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False
    )
    return _signed(builder, authority)


def fitting_period(chain: Sequence[x509.Certificate], first: int, days: int) -> tuple[int, int]:
    """First moment and days of a certificate below a chain: as wished, or as much of it as the chain is valid.

    An authority that is younger than the wish moves the first moment to its own first full day; one that ends sooner
    makes the certificate shorter.

    Raises:
        PipelineError: the chain is never valid as a whole, or for less than a day.
    """
    start, end = _period(first, days)
    youngest = max((one.not_valid_before_utc for one in chain), default=start)
    soonest = min((one.not_valid_after_utc for one in chain), default=end)
    if youngest > start:
        start = datetime.datetime.combine(youngest.date(), datetime.time(), datetime.UTC)
        start += datetime.timedelta(days=int(start < youngest))
        end = start + datetime.timedelta(days=days)
    left = (min(end, soonest) - start).days
    if left < 1:
        raise PipelineError(
            f"authority {chain[0].subject.rfc4514_string()}: its chain is valid from {youngest:%Y-%m-%d} to "
            f"{soonest:%Y-%m-%d}, and the certificate would begin on {start:%Y-%m-%d}",
            "use an authority that is valid longer, or another [release] epoch",
        )
    return int(start.timestamp()), left


def _within(issuer: x509.Certificate) -> str:
    """The options that fit; or, without --from and --days, they are chosen."""
    first, days = fitting_period([issuer], 0, _LONGEST)
    day = datetime.datetime.fromtimestamp(first, datetime.UTC)
    return f"give --from {day:%Y-%m-%d} or later and --days {days} or less, or neither: doit then chooses days that fit"


def request(key: SignsBundles, name: x509.Name) -> bytes:
    """A certificate signing request in PEM (PKCS #10)."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    builder = builder.add_extension(_usage(), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.PEM)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def ordered_chain(public: PublicKey, found: Sequence[bytes], what: str) -> list[bytes]:
    """The chain of a key out of certificates in any order: leaf first up to the self-signed root.

    Raises:
        PipelineError: none belongs to the key, an issuer is missing, or one is not of the chain.
    """
    left = {der: x509.load_der_x509_certificate(der) for der in found}
    leaves = [der for der, certificate in left.items() if certificate.public_key() == public]
    if len(leaves) != 1:
        raise PipelineError(
            f"{what}: {len(leaves) or 'none'} of the certificates belong{'s' if not leaves else ''} to the key",
            "give the certificate that was issued for this key's request, and those of its issuers",
        )
    chain = [leaves[0]]
    current = left.pop(leaves[0])
    while not _is_issued_by(current, current):
        above = [der for der, certificate in left.items() if _is_issued_by(current, certificate)]
        if not above:
            raise PipelineError(
                f"{what}: the certificate of {current.issuer.rfc4514_string()} is missing",
                "give all certificates up to the self-signed root; gateways trust nothing whose issuer is missing",
            )
        chain.append(above[0])
        current = left.pop(above[0])
    raise_if_any(
        Problem(f"{what}: {one.subject.rfc4514_string()} does not belong to its chain", "leave this certificate out")
        for one in left.values()
    )
    return chain


def _is_issued_by(lower: x509.Certificate, upper: x509.Certificate) -> bool:
    try:
        lower.verify_directly_issued_by(upper)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _period(first: int, days: int) -> tuple[datetime.datetime, datetime.datetime]:
    start = datetime.datetime.fromtimestamp(first - first % _DAY, datetime.UTC)
    return start, start + datetime.timedelta(days=days)


def _builder(public: _Public, name: x509.Name, issuer: x509.Name, first: int, days: int) -> x509.CertificateBuilder:
    start, end = _period(first, days)
    encoded = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    # another name or another time is another certificate, which needs another number
    stated = b"\0".join([encoded, name.public_bytes(), issuer.public_bytes(), f"{start} {end}".encode()])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(int.from_bytes(hashlib.sha256(stated).digest()[:16], "big") >> 1 | 1)
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _signed(builder: x509.CertificateBuilder, key: SignsBundles) -> x509.Certificate:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    return builder.sign(key, hashes.SHA256())


def _usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=False,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
