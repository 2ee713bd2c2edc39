"""An RSA key in a token where certificates are made: in the form `cryptography` asks for, signing inside the token."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric import utils as asymmetric_utils

from pipeline.signing.keys.token import TokenKey, open_token_key, rsa_public_key


class TokenRsaKey(rsa.RSAPrivateKey):
    """A key that signs certificates and requests (PKCS #1 v1.5, SHA-256) and gives nothing of itself away."""

    def __init__(self, key: TokenKey, public: rsa.RSAPublicKey) -> None:
        """Wrap an open key."""
        self._key = key
        self._public = public

    @property
    def key_size(self) -> int:
        """Bits."""
        return self._public.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        """Its public half."""
        return self._public

    def sign(
        self,
        data: bytes,
        padding: padding.AsymmetricPadding,
        algorithm: asymmetric_utils.Prehashed | hashes.HashAlgorithm | asymmetric_utils.NoDigestInfo,
    ) -> bytes:
        """What certificate builders call; `PipelineError` when the token does not sign."""
        if not isinstance(padding, _PKCS1) or not isinstance(algorithm, hashes.SHA256):
            raise TypeError("keys in tokens sign with PKCS #1 v1.5 and SHA-256")
        return self._key.sign(data, "a certificate")

    def decrypt(self, *_: Any, **__: Any) -> NoReturn:
        """Not a key for that."""
        raise TypeError("keys in tokens are for signing")

    def private_numbers(self) -> NoReturn:
        """They never leave the token."""
        raise TypeError("the key does not leave its token")

    def private_bytes(self, *_: Any, **__: Any) -> NoReturn:
        """They never leave the token."""
        raise TypeError("the key does not leave its token")

    def __copy__(self) -> TokenRsaKey:
        """The same key."""
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> TokenRsaKey:
        """The same key."""
        return self


_PKCS1 = padding.PKCS1v15


def open_token_rsa(
    uri: str, passphrase: str, directory: Path, what: str, public: rsa.RSAPublicKey | None = None
) -> TokenRsaKey:
    """An RSA key in a token.

    Args:
        passphrase: source of the PIN.
        public: what it must be the private half of; the token is asked where nothing is known yet.

    Raises:
        PipelineError: see `pipeline.signing.keys.token.open_token_key`.
    """
    known = public or rsa_public_key(uri, passphrase, directory, what)
    return TokenRsaKey(open_token_key(uri, passphrase, known, directory, what), known)
