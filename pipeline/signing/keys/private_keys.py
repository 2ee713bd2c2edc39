"""Private keys behind one interface, wherever they are kept: their public part, and signatures that repeat."""

from __future__ import annotations

import binascii
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Protocol, TypeGuard

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pipeline.errors import PipelineError
from pipeline.signing.keys.passphrase import read_passphrase
from pipeline.signing.keys.sources import read_secret

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | Ed25519PublicKey
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | Ed25519PrivateKey


class SigningKey(Protocol):
    """A private key that may lie in a file, in a token, or out of reach."""

    @property
    def public(self) -> PublicKey:
        """Its public half."""

    def sign(self, data: bytes, what: str) -> bytes:
        """A signature that is the same each time; ``what`` names what is signed, for messages.

        RSA: PKCS #1 v1.5 with SHA-256. EC: ECDSA with SHA-256 as DER. Ed25519: 64 bytes.
        """


@dataclass(frozen=True)
class LocalKey:
    """A private key in this process."""

    key: PrivateKey = field(repr=False)

    @property
    def public(self) -> PublicKey:
        """Its public half."""
        return self.key.public_key()

    def sign(self, data: bytes, what: str) -> bytes:  # noqa: ARG002 - a key at hand has nothing to tell
        """See `SigningKey`; ECDSA takes its number from key and message (RFC 6979), so that it repeats."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        return self.key.sign(data)


def is_valid(public: PublicKey, signature: bytes, data: bytes) -> bool:
    """Whether a signature, as `SigningKey` makes them, is one of this key over this data."""
    try:
        if isinstance(public, rsa.RSAPublicKey):
            public.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(signature, data, ec.ECDSA(hashes.SHA256()))
        else:
            public.verify(signature, data)
    except InvalidSignature:
        return False
    return True


def private_values(pkcs8: bytes) -> tuple[bytes, ...]:
    """What of a private key nobody else may have: all of it, and of an EC key the number that is secret in it."""
    key = serialization.load_der_private_key(pkcs8, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return (pkcs8,)
    size = (key.key_size + 7) // 8
    return pkcs8, key.private_numbers().private_value.to_bytes(size, "big")


def load_private_key(uri: str, passphrase: str, directory: Path, what: str) -> PrivateKey:
    """The key behind a ``file:`` or ``env:`` URI, in PEM (PKCS #8, PKCS #1, SEC 1) or OpenSSH's form.

    Args:
        passphrase: source of its passphrase; empty when it has none.
        what: what the user calls the key.

    Raises:
        PipelineError: not there, readable by others, damaged, of another kind, or its passphrase is missing or wrong.
            Nothing of what was read is repeated.
    """
    data = read_secret(uri, directory, what, "private key in PEM or OpenSSH's form", _is_private_key)
    secret = read_passphrase(passphrase, directory, what) if passphrase else None
    openssh = b"BEGIN OPENSSH PRIVATE KEY" in data
    load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
    try:
        key = load(data, secret)
    except TypeError:
        if secret is None:
            _refuse(what, "the private key has a passphrase", "add passphrase = to the key, with its source")
        _refuse(what, "the private key has no passphrase", "remove passphrase = from the key")
    except UnsupportedAlgorithm:
        # the one passphrase protection of OpenSSH's form; the library's own text names a module and no remedy
        _refuse(what, "the private key is protected in a way this Python cannot open", "pip install bcrypt")
    except (ValueError, binascii.Error):
        # the library's own text is not repeated: it may quote what it read
        reason = (
            "cannot be decrypted with this passphrase, or is damaged" if secret else "is damaged or of an unknown kind"
        )
        _refuse(what, f"the private key {reason}", "give a PEM (PKCS #8) or OpenSSH private key and its passphrase")
    if not _is_known(key):
        _refuse(what, "it is neither an RSA nor an EC nor an Ed25519 key", "make one with doit keys new")
    return key


def _is_private_key(text: bytes) -> bool:
    return b"PRIVATE KEY--" in text


def _is_known(key: object) -> TypeGuard[PrivateKey]:
    return isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | Ed25519PrivateKey)


def _refuse(what: str, problem: str, remedy: str) -> NoReturn:
    raise PipelineError(f"{what}: {problem}", remedy) from None
