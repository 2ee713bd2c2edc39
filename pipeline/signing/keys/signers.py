"""Signers: opened private keys with what may be known of them. Nothing here shows or keeps a key anywhere else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509.oid import NameOID

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.crypto import distinguished_name, jks, signature_block
from pipeline.host.named_files import read_named
from pipeline.model.keyring import KeyEntry, KeyRing
from pipeline.model.trust import Certificate
from pipeline.signing.bundles.timestamps import Authority
from pipeline.signing.keys.private_keys import LocalKey, PublicKey, SigningKey, load_private_key
from pipeline.signing.keys.token import open_token_key
from pipeline.signing.manifests.detached import DetachedKey, SignatureStore

# Certificates made for the demo have this organizational unit, so that every report that names a signer shows it.
DEVELOPMENT_UNIT = "Development"

_LEAST_BITS = 2048  # A:39
_CURVES = ("secp256r1", "secp384r1", "secp521r1")  # those every JDK knows


@dataclass(frozen=True)
class BundleSigner:
    """Signs bundles.

    Attributes:
        name: of the key in ``keys.toml``; also its alias in keystores and the name of signature files.
        certificates: leaf first up to the root.
        beside_jdk: the framework takes whatever jarsigner writes, so such signatures may be kept beside its own.
    """

    name: str
    certificates: tuple[Certificate, ...]
    _key: SigningKey = field(repr=False)
    _authority: Authority | None = field(default=None, repr=False)
    beside_jdk: bool = False

    @classmethod
    def of(
        cls,
        name: str,
        key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | SigningKey,
        chain: Sequence[bytes],
        *,
        development: bool = False,
        authority: Authority | None = None,
    ) -> BundleSigner:
        """A signer of a key and its certificates as DER, leaf first.

        Args:
            authority: for timestamps.

        Raises:
            PipelineError: everything that would make gateways reject what this signer signs.
        """
        signing = LocalKey(key) if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) else key
        raise_if_any(chain_problems(name, chain, signing.public))
        return cls(name, described_chain(name, chain, development=development), signing, authority)

    @property
    def elliptic(self) -> bool:
        """Whether it signs with an EC key, which frameworks of the ESF 5 generation do not look at."""
        return isinstance(self._key.public, ec.EllipticCurvePublicKey)

    @property
    def timestamped(self) -> bool:
        """Whether its signatures get timestamps."""
        return self._authority is not None

    def block(self, signature_file: bytes, what: str) -> bytes:
        """The signature block of a signature file.

        Raises:
            PipelineError: the key cannot be reached, or no timestamp is to be had.
        """
        signature = self._key.sign(signature_file, what)
        return signature_block.build_block(
            [certificate.der for certificate in self.certificates],
            signature,
            algorithm=signature_block.ECDSA_WITH_SHA256 if self.elliptic else signature_block.RSA_ENCRYPTION,
            timestamp=self._authority.token(signature, what) if self._authority is not None else None,
        )


@dataclass(frozen=True)
class ManifestSigner:
    """Signs manifests; ``public`` is the Ed25519 public key, 32 bytes."""

    name: str
    principal: str
    public: bytes
    development: bool
    _key: SigningKey = field(repr=False)

    def sign(self, data: bytes, what: str = "a manifest") -> bytes:
        """A raw Ed25519 signature; ``what`` names what is signed, for messages.

        Raises:
            PipelineError: the key cannot be reached, or was not asked yet for this signature.
        """
        return self._key.sign(data, what)


def open_bundle_signer(
    keyring: KeyRing,
    name: str,
    *,
    accepts_ec: Callable[[], bool] = lambda: False,
    authority: Authority | None = None,
) -> BundleSigner:
    """Open the key that signs bundles; `PipelineError` says what is wrong with it or its certificates.

    Args:
        accepts_ec: whether the framework of the gateways is known to take EC signatures; asked for EC keys only.
        authority: for timestamps.
    """
    entry = _entry(keyring, name, "bundle")
    key = _bundle_key(entry, keyring)
    if isinstance(key.public, ec.EllipticCurvePublicKey) and not accepts_ec():
        raise PipelineError(
            f"{keyring.file}: {name} is an elliptic curve key; the framework of ESF 5 looks at .RSA and .DSA "
            "signatures only and would take the bundles for unsigned",
            "make an RSA key of 2048 bits or more; EC needs a framework known to be newer (docs/guide/signing.md)",
        )
    if isinstance(key.public, Ed25519PublicKey):
        raise PipelineError(f"{keyring.file}: {name} is not an RSA key", "make an RSA key of 2048 bits or more")
    return BundleSigner.of(name, key, _chain(entry), development=entry.development, authority=authority)


def bundle_certificates(keyring: KeyRing, name: str) -> tuple[Certificate, ...]:
    """The certificates of the key that signs bundles, leaf first: what is public of it; the key is not opened.

    Raises:
        PipelineError: no such key, or a chain that is not complete, in order, and fit for gateways.
    """
    entry = _entry(keyring, name, "bundle")
    chain = _chain(entry)
    raise_if_any(chain_problems(name, chain, None))
    return described_chain(name, chain, development=entry.development)


def open_manifest_signer(keyring: KeyRing, name: str) -> ManifestSigner:
    """Open the key that signs manifests; `PipelineError` says what is wrong with it."""
    entry = _entry(keyring, name, "manifest")
    what = f"{keyring.file}: {entry.name}"
    stated = _stated_public(entry, name)
    key: SigningKey
    scheme, _, rest = entry.uri.partition(":")
    if scheme in ("pkcs11", "detached"):
        if stated is None:
            raise PipelineError(f"{what}: {entry.public} is not an Ed25519 key", "write it with ssh-keygen -y")
        if scheme == "pkcs11":
            key = open_token_key(entry.uri, entry.passphrase, stated, keyring.directory, what)
        else:
            key = DetachedKey(name, stated, SignatureStore(keyring.directory / rest), "manifest")
    else:
        key = LocalKey(load_private_key(entry.uri, entry.passphrase, keyring.directory, what))
    if not isinstance(key.public, Ed25519PublicKey):
        raise PipelineError(f"{what} is not an Ed25519 key", "make one with ssh-keygen -t ed25519")
    if key.public != stated:
        raise PipelineError(f"{what}: {entry.public} belongs to another key", "write it with ssh-keygen -y")
    return ManifestSigner(name, entry.principal, key.public.public_bytes_raw(), entry.development, key)


def read_certificates(path: Path, what: str) -> list[bytes]:
    """The certificates of a PEM or DER file, as DER, in the order of the file.

    PEM may have text around it, as ``openssl x509 -text`` writes, and the mark editors put before it, in UTF-16 too.
    """
    try:
        data = read_named(path)
    except OSError as error:
        raise PipelineError(f"{what}: {path} cannot be read: {error.strerror}", "correct the path") from None
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            data = data.decode("utf-16", "replace").encode()
        if b"-----BEGIN " in data:
            found = x509.load_pem_x509_certificates(data)
        else:
            found = [x509.load_der_x509_certificate(data)]
        for certificate in found:  # names are parsed when they are asked for, and a BIT STRING in one is a TypeError
            _ = certificate.subject, certificate.issuer
    except (ValueError, TypeError, x509.InvalidVersion):
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


def _bundle_key(entry: KeyEntry, keyring: KeyRing) -> SigningKey:
    what = f"{keyring.file}: {entry.name}"
    scheme, _, rest = entry.uri.partition(":")
    if scheme in ("pkcs11", "detached"):
        public = _leaf_public(entry, what)
        if scheme == "pkcs11":
            return open_token_key(entry.uri, entry.passphrase, public, keyring.directory, what)
        return DetachedKey(entry.name, public, SignatureStore(keyring.directory / rest))
    return LocalKey(load_private_key(entry.uri, entry.passphrase, keyring.directory, what))


def _chain(entry: KeyEntry) -> list[bytes]:
    return [der for path in entry.certificates for der in read_certificates(path, entry.name)]


def _leaf_public(entry: KeyEntry, what: str) -> PublicKey:
    """The public key of the first certificate: all there is of a key that lies elsewhere."""
    chain = _chain(entry)
    try:
        public = x509.load_der_x509_certificate(chain[0]).public_key() if chain else None
    except (ValueError, UnsupportedAlgorithm):
        public = None
    if not isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise PipelineError(f"{what}: its certificate has neither an RSA nor an EC key", "name the leaf's file first")
    return public


def _stated_public(entry: KeyEntry, name: str) -> Ed25519PublicKey | None:
    """The key of the public file; None when it holds another kind of key."""
    if entry.public is None:
        return None
    try:
        found = serialization.load_ssh_public_key(read_named(entry.public))
    except (OSError, ValueError, UnsupportedAlgorithm):
        raise PipelineError(
            f"{name}: {entry.public} cannot be read as a public key", "write it with ssh-keygen -y"
        ) from None
    return found if isinstance(found, Ed25519PublicKey) else None


def _aliased(name: str, chain: Sequence[bytes]) -> list[tuple[str, bytes]]:
    suffixes = ["", "-ca", *(f"-ca{number}" for number in range(2, len(chain)))]
    return [(name.lower() + suffix, der) for suffix, der in zip(suffixes, chain, strict=False)]


def _described(alias: str, der: bytes, development: bool) -> Certificate:  # noqa: FBT001 - private, positional on purpose
    units = x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    marked = any(unit.value == DEVELOPMENT_UNIT for unit in units)
    return jks.describe(alias, der, development=development or marked)


def described_chain(name: str, chain: Sequence[bytes], *, development: bool) -> tuple[Certificate, ...]:
    """Certificates with the aliases they have in keystores: the key's name, and ``-ca`` behind it upwards."""
    return tuple(_described(alias, der, development) for alias, der in _aliased(name, chain))


def chain_problems(name: str, chain: Sequence[bytes], public: PublicKey | None) -> list[Problem]:
    """What is wrong with a chain, which must be complete, in order, without anything else, and fit for policies.

    Args:
        public: of the private key, whose certificate must come first; None where that is not at hand.
    """
    if not chain:
        return [Problem(f"{name}: it has no certificate", "name its certificates in keys.toml, leaf first")]
    certificates = [x509.load_der_x509_certificate(der) for der in chain]
    leaf = _public_of(certificates[0])
    weak = weakness(public or leaf)
    if weak:
        return [Problem(f"{name}: {weak}", f"use RSA of {_LEAST_BITS} bits or more (A:39)")]
    problems = []
    if public is not None and leaf != public:
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


def _public_of(certificate: x509.Certificate) -> object:
    """The key of a certificate; None when its kind is not known."""
    try:
        return certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None


def weakness(key: object) -> str:
    """Why a key is too weak, or of a kind no framework knows; empty when it is fit."""
    if isinstance(key, rsa.RSAPublicKey):
        return f"its RSA key has {key.key_size} bits" if key.key_size < _LEAST_BITS else ""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"its curve is {key.curve.name}" if key.curve.name not in _CURVES else ""
    return "its key is neither RSA nor EC"
