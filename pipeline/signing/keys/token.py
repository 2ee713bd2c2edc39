"""Keys in PKCS #11 tokens: the token signs, the key never leaves it. Needs the optional package python-pkcs11."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol, cast

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pipeline.errors import PipelineError
from pipeline.formats.crypto import pkcs11_uri
from pipeline.formats.crypto.pkcs11_uri import Pkcs11Uri, UriError
from pipeline.signing.keys.passphrase import read_passphrase
from pipeline.signing.keys.private_keys import PublicKey, is_valid

if TYPE_CHECKING:
    from pkcs11 import Token
    from pkcs11._pkcs11 import lib as Library  # noqa: N812 - it is a class

# DigestInfo of SHA-256 up to the digest (RFC 8017, section 9.2, note 1)
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")

_WRONG_PIN = ("the token refuses the PIN", "correct it before the token locks itself")

_PIDS: dict[str, int] = {}
# A wrong PIN is tried once: a release has many bundles, and tokens lock themselves after a few.
_REFUSED: set[Pkcs11Uri] = set()


class _Signing(Protocol):
    def sign(self, data: bytes, *, mechanism: object) -> bytes: ...
    def __getitem__(self, attribute: object) -> bytes: ...


@dataclass(frozen=True)
class TokenKey:
    """A private key in a token.

    Attributes:
        what: what the user calls the key.
        public: its public half, from the certificate or public key file beside it: each signature is checked with it.
    """

    what: str
    uri: Pkcs11Uri
    public: PublicKey
    _pin: str = field(repr=False)

    def sign(self, data: bytes, what: str) -> bytes:
        """See `pipeline.signing.keys.private_keys.SigningKey`.

        Raises:
            PipelineError: token, PIN or key are not as named, or what the token gave is no signature of this key.
        """
        if self.uri in _REFUSED:
            _refuse(self.what, *_WRONG_PIN)
        with _key_in(self.uri, self._pin, self.what) as key:
            signature = self._signature(key, data)
        if not is_valid(self.public, signature, data):
            raise PipelineError(
                f"{self.what}: what the token returned for {what} is not a signature by the key of its certificate",
                "name the certificate or public key that belongs to the key in the token",
            )
        return signature

    def _signature(self, key: _Signing, data: bytes) -> bytes:
        from pkcs11 import Mechanism  # noqa: PLC0415 - optional

        if isinstance(self.public, Ed25519PublicKey):
            return bytes(key.sign(data, mechanism=Mechanism.EDDSA))
        # The digest is taken here: tokens are slow and limit what they take at once; the padding has no randomness.
        return bytes(key.sign(_DIGEST_INFO + hashlib.sha256(data).digest(), mechanism=Mechanism.RSA_PKCS))


@contextmanager
def _key_in(uri: Pkcs11Uri, pin: str, what: str) -> Iterator[_Signing]:
    """The private key of a URI, in a session that ends with the block."""
    import pkcs11  # noqa: PLC0415 - optional; whoever calls has looked

    failures: tuple[tuple[type[Exception], str, str], ...] = (
        (pkcs11.PinIncorrect, *_WRONG_PIN),
        (pkcs11.PinLenRange, *_WRONG_PIN),
        (pkcs11.PinLocked, "the token's PIN is locked", "unlock it with the token's own tool"),
        (
            pkcs11.NoSuchToken,
            "there is no such token",
            "plug it in, or correct token=, serial= or slot-id=",
        ),
        (pkcs11.MultipleTokensReturned, "several tokens fit", "say which: add serial= to the URI"),
        (pkcs11.NoSuchKey, "the token has no such private key", "correct object= or id= of the URI"),
        (pkcs11.MultipleObjectsReturned, "several keys of the token fit", "say which: add id= to the URI"),
        (pkcs11.MechanismInvalid, "the token cannot sign this way", "use another token, or a key of another kind"),
    )
    try:
        found = [token for token in _library(uri.module).get_tokens() if _fits(uri, token)]
        if len(found) != 1:
            raise pkcs11.MultipleTokensReturned if found else pkcs11.NoSuchToken
        with found[0].open(user_pin=pin) as session:
            found_key = session.get_key(
                object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=uri.object or None, id=uri.id or None
            )
            yield cast(_Signing, found_key)
    except pkcs11.PKCS11Error as error:
        if isinstance(error, pkcs11.PinIncorrect | pkcs11.PinLenRange):
            _REFUSED.add(uri)
        for kind, problem, remedy in failures:
            if isinstance(error, kind):
                _refuse(what, problem, remedy)
        _refuse(what, f"the token fails: {type(error).__name__}", "inspect it with the token's own tool")


def _fits(uri: Pkcs11Uri, token: Token) -> bool:
    asked = (uri.token, uri.manufacturer, uri.model, uri.serial)
    found = (token.label, token.manufacturer_id, token.model, token.serial)
    return uri.slot in (None, token.slot.slot_id) and all(
        not wanted or wanted == _text(known) for wanted, known in zip(asked, found, strict=True)
    )


def rsa_public_key(uri: str, passphrase: str, directory: Path, what: str) -> rsa.RSAPublicKey:
    """The public half of an RSA key in a token, for a certificate that does not exist yet.

    Raises:
        PipelineError: see `open_token_key`; or it is a key of another kind.
    """
    parsed = _reachable(uri, what)
    pin = _pin(passphrase, directory, what)
    if parsed in _REFUSED:
        _refuse(what, *_WRONG_PIN)
    from pkcs11 import Attribute, PKCS11Error  # noqa: PLC0415 - optional

    with _key_in(parsed, pin, what) as key:
        try:
            modulus, exponent = key[Attribute.MODULUS], key[Attribute.PUBLIC_EXPONENT]
        except PKCS11Error:
            _refuse(what, "it is not an RSA key", "name an RSA key of 2048 bits or more: certificates need one")
    numbers = rsa.RSAPublicNumbers(int.from_bytes(exponent, "big"), int.from_bytes(modulus, "big"))
    return numbers.public_key()


def open_token_key(uri: str, passphrase: str, public: PublicKey, directory: Path, what: str) -> TokenKey:
    """A key in a token, once URI, library and PIN are at hand; the token itself is asked when something is signed.

    Args:
        passphrase: source of the PIN.
        public: what the key in the token must be the private half of.

    Raises:
        PipelineError: malformed URI, python-pkcs11 or the token's library missing, no PIN, a kind of key whose
            signatures would not repeat.
    """
    parsed = _reachable(uri, what)
    if not isinstance(public, rsa.RSAPublicKey | Ed25519PublicKey):
        _refuse(
            what,
            "tokens make EC signatures with a random number, so no build would repeat",
            "use an RSA key in the token, or an EC key in a file",
        )
    return TokenKey(what, parsed, public, _pin(passphrase, directory, what))


def _reachable(uri: str, what: str) -> Pkcs11Uri:
    """A URI whose library is there, and what is needed to use it."""
    try:
        parsed = pkcs11_uri.parse(uri)
    except UriError as error:
        _refuse(
            what, f"key: {error}", 'write it as "pkcs11:token=NAME;object=NAME?module-path=/…/library.so" (RFC 7512)'
        )
    try:
        import pkcs11  # noqa: F401, PLC0415 - optional
    except ImportError:
        _refuse(what, "keys in tokens need the Python package python-pkcs11", "pip install python-pkcs11")
    if not Path(parsed.module).is_file():
        _refuse(what, f"{parsed.module}: the token's library is not there", "correct module-path= of the URI")
    return parsed


def _pin(passphrase: str, directory: Path, what: str) -> str:
    if not passphrase:
        _refuse(what, "the token's PIN is missing", "add passphrase = to the key, with its source")
    try:
        return read_passphrase(passphrase, directory, what).decode("utf-8")
    except UnicodeDecodeError:
        _refuse(what, "the token's PIN is not UTF-8", "correct it")


def _library(path: str) -> Library:
    """The token's library, begun anew in a forked process, as PKCS #11 demands (section 5.4, C_Initialize)."""
    import pkcs11  # noqa: PLC0415 - optional

    try:
        library = pkcs11.lib(path)
    except pkcs11.PKCS11Error as error:
        if type(error) is not pkcs11.PKCS11Error:
            raise
        _refuse("keys in tokens", f"{path} is not a PKCS #11 library", "correct module-path= of the URI")
    if _PIDS.setdefault(path, os.getpid()) != os.getpid():
        with suppress(pkcs11.PKCS11Error):  # libraries that notice the fork themselves have nothing to end
            library.finalize()
        library.initialize()
        _PIDS[path] = os.getpid()
    return library


def _text(value: object) -> str:
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).rstrip(" \0")


def _refuse(what: str, problem: str, remedy: str) -> NoReturn:
    raise PipelineError(f"{what}: {problem}", remedy) from None
