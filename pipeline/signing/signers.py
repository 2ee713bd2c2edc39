"""Signers: opened private keys with what may be known of them. Nothing here shows or keeps a key anywhere else."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import NameOID

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats import distinguished_name, jks
from pipeline.model.keyring import KeyEntry, KeyRing
from pipeline.model.trust import Certificate
from pipeline.signing.sources import read_secret

# Certificates made for the demo have this organizational unit, so that every report that names a signer shows it.
DEVELOPMENT_UNIT = "Development"

_LEAST_BITS = 2048  # A:39


@dataclass(frozen=True)
class BundleSigner:
    """Signs bundles.

    Attributes:
        name: of the key in ``keys.toml``; also its alias in keystores and the name of signature files.
        certificates: leaf first up to the root.
    """

    name: str
    certificates: tuple[Certificate, ...]
    _key: rsa.RSAPrivateKey = field(repr=False)

    @classmethod
    def of(
        cls, name: str, key: rsa.RSAPrivateKey, chain: Sequence[bytes], *, development: bool = False
    ) -> BundleSigner:
        """A signer of a key and its certificates as DER, leaf first.

        Raises:
            PipelineError: everything that would make gateways reject what this signer signs.
        """
        raise_if_any(_chain_problems(name, key, chain))
        return cls(name, tuple(_described(alias, der, development) for alias, der in _aliased(name, chain)), key)

    def sign(self, data: bytes) -> bytes:
        """An RSA signature with SHA-256 and PKCS #1 v1.5 padding, which has no randomness in it."""
        return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())


@dataclass(frozen=True)
class ManifestSigner:
    """Signs manifests; ``public`` is the Ed25519 public key, 32 bytes."""

    name: str
    principal: str
    public: bytes
    development: bool
    _key: Ed25519PrivateKey = field(repr=False)

    def sign(self, data: bytes) -> bytes:
        """A raw Ed25519 signature."""
        return self._key.sign(data)


def open_bundle_signer(keyring: KeyRing, name: str) -> BundleSigner:
    """Open the key that signs bundles; `PipelineError` says what is wrong with it or its certificates."""
    entry = _entry(keyring, name, "bundle")
    key = _private_key(entry, keyring)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        raise PipelineError(
            f"{keyring.file}: {name} is an elliptic curve key; the framework of ESF 5 looks at .RSA and .DSA "
            "signatures only and would take the bundles for unsigned",
            "make an RSA key of 2048 bits or more",
        )
    if not isinstance(key, rsa.RSAPrivateKey):
        raise PipelineError(f"{keyring.file}: {name} is not an RSA key", "make an RSA key of 2048 bits or more")
    chain = [der for path in entry.certificates for der in read_certificates(path, name)]
    return BundleSigner.of(name, key, chain, development=entry.development)


def open_manifest_signer(keyring: KeyRing, name: str) -> ManifestSigner:
    """Open the key that signs manifests; `PipelineError` says what is wrong with it."""
    entry = _entry(keyring, name, "manifest")
    key = _private_key(entry, keyring)
    if not isinstance(key, Ed25519PrivateKey):
        raise PipelineError(f"{keyring.file}: {name} is not an Ed25519 key", "make one with ssh-keygen -t ed25519")
    public = key.public_key().public_bytes_raw()
    if (
        entry.public is not None
        and _public_words(entry.public, name)
        != key.public_key()
        .public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        .decode()
        .split()[:2]
    ):
        raise PipelineError(
            f"{keyring.file}: {name}: {entry.public} belongs to another key", "write it with ssh-keygen -y"
        )
    return ManifestSigner(name, entry.principal, public, entry.development, key)


def read_certificates(path: Path, what: str) -> list[bytes]:
    """The certificates of a PEM or DER file, as DER, in the order of the file."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PipelineError(f"{what}: {path} cannot be read: {error.strerror}", "correct the path") from None
    try:
        if data.lstrip().startswith(b"-----"):
            found = x509.load_pem_x509_certificates(data)
        else:
            found = [x509.load_der_x509_certificate(data)]
    except (ValueError, x509.InvalidVersion):
        raise PipelineError(
            f"{what}: {path} holds no X.509 certificate", "give certificates in PEM or DER form"
        ) from None
    return [certificate.public_bytes(serialization.Encoding.DER) for certificate in found]


def _entry(keyring: KeyRing, name: str, use: str) -> KeyEntry:
    entry = keyring.entries.get(name)
    if entry is None:
        known = ", ".join(sorted(keyring.entries)) or "none"
        raise PipelineError(
            f"{keyring.file}: there is no key {name}", f"add it, or name one of these in gateway.toml: {known}"
        )
    if entry.use != use:
        raise PipelineError(
            f"{keyring.file}: {name} is for use {entry.use!r}, not {use!r}", "name another key in gateway.toml [keys]"
        )
    return entry


def _private_key(entry: KeyEntry, keyring: KeyRing) -> PrivateKeyTypes:
    what = f"{keyring.file}: {entry.name}"
    data = read_secret(entry.uri, keyring.directory, what)
    passphrase = None
    if entry.passphrase:
        passphrase = read_secret(entry.passphrase, keyring.directory, f"{what}: passphrase").rstrip(b"\r\n")
    openssh = b"BEGIN OPENSSH PRIVATE KEY" in data
    load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
    try:
        return load(data, passphrase)
    except TypeError:
        if passphrase is None:
            _refuse(what, "the private key has a passphrase", "add passphrase = to the key, with its source")
        _refuse(what, "the private key has no passphrase", "take passphrase = away from the key")
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        # the library's own text is not repeated: it may quote what it read
        reason = (
            "cannot be decrypted with this passphrase, or is damaged"
            if passphrase
            else "is damaged or of no known kind"
        )
        _refuse(what, f"the private key {reason}", "give a PEM (PKCS #8) or OpenSSH private key and its passphrase")


def _public_words(path: Path, name: str) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()[:2]
    except (OSError, UnicodeDecodeError):
        raise PipelineError(f"{name}: {path} cannot be read as a public key", "write it with ssh-keygen -y") from None


def _aliased(name: str, chain: Sequence[bytes]) -> list[tuple[str, bytes]]:
    suffixes = ["", "-ca", *(f"-ca{number}" for number in range(2, len(chain)))]
    return [(name.lower() + suffix, der) for suffix, der in zip(suffixes, chain, strict=False)]


def _described(alias: str, der: bytes, development: bool) -> Certificate:  # noqa: FBT001 - private, positional on purpose
    units = x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    marked = any(unit.value == DEVELOPMENT_UNIT for unit in units)
    return jks.describe(alias, der, development=development or marked)


def _chain_problems(name: str, key: rsa.RSAPrivateKey, chain: Sequence[bytes]) -> list[Problem]:
    """What is wrong with a key or its chain, which must be complete, in order, and without anything else."""
    if key.key_size < _LEAST_BITS:
        return [Problem(f"{name}: its RSA key has {key.key_size} bits", f"use {_LEAST_BITS} bits or more (A:39)")]
    if not chain:
        return [Problem(f"{name}: it has no certificate", "name its certificates in keys.toml, leaf first")]
    certificates = [x509.load_der_x509_certificate(der) for der in chain]
    problems = []
    if certificates[0].public_key() != key.public_key():
        problems.append(Problem(f"{name}: its first certificate belongs to another key", "name the leaf's file first"))
    for lower, upper in zip(certificates, [*certificates[1:], certificates[-1]], strict=True):
        try:
            lower.verify_directly_issued_by(upper)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            subject = lower.subject.rfc4514_string()
            problems.append(
                Problem(
                    f"{name}: {subject} is not issued by the next certificate"
                    if lower is not upper
                    else f"{name}: the chain ends with {subject}, which is not a self-signed root",
                    "name all certificates from the leaf up to the self-signed root, and no others",
                )
            )
    for certificate in certificates:
        subject = certificate.subject.rfc4514_string()
        problems += [
            Problem(f"{name}: subject {subject}: {what}", "use a certificate with plain values in CN, OU, O, L, ST, C")
            for what in distinguished_name.unsafe_parts(subject)
        ]
    return problems


def _refuse(what: str, problem: str, remedy: str) -> NoReturn:
    raise PipelineError(f"{what}: {problem}", remedy) from None
