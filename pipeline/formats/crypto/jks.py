"""Java keystores of type JKS, read in two phases and written so that the same content gives the same bytes.

Gateways need JKS and nothing else: the framework opens ``certificates.ks`` as JKS without a password, and sees an
empty keystore, without an error, where the file is PKCS #12, which keytool has written by default since Java 9.
JKS protects by SHA-1 alone; its passwords can be guessed fast, so they must be long.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning

from pipeline.errors import MissingLibraryError, PipelineError, Problem, raise_if_any
from pipeline.formats.crypto.der import OCTETS, SEQUENCE, element
from pipeline.model.trust import Certificate

if TYPE_CHECKING:
    import jks

_MAGIC = bytes.fromhex("feedfeed")
_OTHER = {bytes.fromhex("cececece"): "JCEKS", b"\x30": "PKCS #12"}
# Aliases that every Java reads back as written: pyjks lower-cases them, the JDK refuses characters beyond the BMP.
_ALIAS = re.compile(r"[a-z0-9._-]+")
_PASSWORD = re.compile(r"[\x20-\x7e]{6,}")  # six is keytool's own minimum
# SEQUENCE { OBJECT IDENTIFIER 1.3.6.1.4.1.42.2.17.1.1 (Sun's JKS key protection), NULL }
_PROTECTION = bytes.fromhex("300e060a2b060104012a021101010500")


def pyjks() -> Any:
    """The library, imported when it is needed: `pip install` of this package leaves it out (pyproject.toml says why).

    Raises:
        MissingLibraryError: it is not installed.
    """
    try:
        import jks  # noqa: PLC0415
        import jks.util  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingLibraryError(
            f"pyjks: not installed ({error.name}); keystores of gateways are read and written with it",
            "pip install --no-deps pyjks, or start through ./ci/bootstrap",
        ) from None
    return jks


@dataclass(frozen=True)
class TrustedCertificate:
    """A certificate somebody else holds the key of; ``timestamp`` in milliseconds since 1970."""

    alias: str
    der: bytes = field(repr=False)
    timestamp: int = 0


@dataclass(frozen=True)
class PrivateKey:
    """A private key as PKCS #8 with its certificates, leaf first."""

    alias: str
    pkcs8: bytes = field(repr=False)
    chain: tuple[bytes, ...] = field(repr=False)
    timestamp: int = 0


KeystoreEntry = TrustedCertificate | PrivateKey


def read_keystore(data: bytes, password: str, where: str) -> tuple[KeystoreEntry, ...]:
    """The entries of a keystore, sorted by alias; private keys must have the keystore's own password.

    Raises:
        PipelineError: another keystore type, damaged or cut short, wrong password, entries that are not X.509.
    """
    library = pyjks()
    if not data.startswith(_MAGIC):
        kind = next((name for magic, name in _OTHER.items() if data.startswith(magic)), "no keystore")
        raise PipelineError(
            f"{where}: it is {kind}, not JKS; gateways would see no certificates in it",
            "convert it: keytool -importkeystore -srckeystore OLD -destkeystore NEW -deststoretype JKS",
        )
    damaged = PipelineError(f"{where}: the keystore is damaged or cut short", "take it again from where it came from")
    try:
        # keys are left alone at first: pyjks would parse them before it has checked the integrity of the file
        store = library.KeyStore.loads(data, password, try_decrypt_keys=False)
    except library.util.KeystoreSignatureException:
        raise PipelineError(
            f"{where}: the password is wrong, or the keystore is damaged",
            "give the password of this keystore in gateway.toml [keystores]",
        ) from None
    except library.util.UnsupportedKeystoreVersionException:
        raise PipelineError(
            f"{where}: keystore version is not 2", "write it anew with keytool -storetype JKS"
        ) from None
    except library.util.DuplicateAliasException:
        raise PipelineError(
            f"{where}: two of its entries have the same alias", "remove one: keytool -list shows them, -delete removes"
        ) from None
    except (library.util.BadKeystoreFormatException, library.util.KeystoreException, ValueError):
        raise damaged from None
    if hashlib.sha1(_utf16(password) + b"Mighty Aphrodite" + data[:-20]).digest() != data[-20:]:  # noqa: S324
        raise PipelineError(f"{where}: bytes follow the end of the keystore", "take it again from where it came from")
    return tuple(_read_entry(alias, entry, password, where) for alias, entry in sorted(store.entries.items()))


def certificates_in(data: bytes, where: str = "keystore") -> tuple[Certificate, ...]:
    """Every certificate of a keystore, as somebody sees it who does not know the password: sorted by alias.

    A private key's chain comes under the key's alias, leaf first. Integrity is not checked; only the password can.
    """
    library = pyjks()
    if not data.startswith(_MAGIC):
        raise PipelineError(f"{where}: it is not a JKS keystore", "build the image again")
    try:
        store = library.KeyStore.loads(data, None, try_decrypt_keys=False)
        pairs = [
            (alias, der)
            for alias, entry in sorted(store.entries.items())
            for der in (
                [entry.cert] if isinstance(entry, library.TrustedCertEntry) else [der for _, der in entry.cert_chain]
            )
        ]
        return tuple(describe(alias, der) for alias, der in pairs)
    except (library.util.KeystoreException, ValueError, AttributeError):
        raise PipelineError(f"{where}: the keystore is damaged or cut short", "build the image again") from None


@dataclass(frozen=True)
class Listed:
    """One entry as somebody sees it who does not know the password.

    Attributes:
        created: milliseconds since 1970.
        chain: of a private key, leaf first; of a trusted certificate, that one alone.
    """

    alias: str
    created: int
    is_key: bool
    chain: tuple[bytes, ...] = field(repr=False)


def listing(data: bytes, where: str) -> tuple[Listed, ...]:
    """What is in a keystore, sorted by alias, without its password: integrity is not checked, keys stay closed.

    Raises:
        PipelineError: another keystore type, damaged or cut short.
    """
    library = pyjks()
    if not data.startswith(_MAGIC):
        kind = next((name for magic, name in _OTHER.items() if data.startswith(magic)), "no keystore")
        raise PipelineError(f"{where}: it is {kind}, not JKS", "gateways read JKS only; keytool shows other types")
    try:
        store = library.KeyStore.loads(data, None, try_decrypt_keys=False)
        return tuple(
            Listed(alias, entry.timestamp, is_key=False, chain=(entry.cert,))
            if isinstance(entry, library.TrustedCertEntry)
            else Listed(alias, entry.timestamp, is_key=True, chain=tuple(der for _, der in entry.cert_chain))
            for alias, entry in sorted(store.entries.items())
        )
    except (library.util.KeystoreException, ValueError, AttributeError):
        raise PipelineError(
            f"{where}: the keystore is damaged or cut short", "take it again from where it came from"
        ) from None


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate, as people compare it."""
    return hashlib.sha256(der).hexdigest()


def describe(alias: str, der: bytes, *, development: bool = False) -> Certificate:
    """A certificate with what people and rules ask of it; `ValueError` when it is not X.509."""
    with warnings.catch_warnings(action="ignore", category=CryptographyDeprecationWarning):
        # old roots may have a serial number of zero: theirs to answer for, ours only to describe
        try:
            certificate = x509.load_der_x509_certificate(der)
            subject = certificate.subject.rfc4514_string()
        except (x509.InvalidVersion, TypeError) as error:  # TypeError: a name with a BIT STRING in it
            raise ValueError(str(error)) from None
    return Certificate(
        alias=alias,
        der=der,
        subject=subject,
        sha256=fingerprint(der),
        not_before=int(certificate.not_valid_before_utc.timestamp()),
        not_after=int(certificate.not_valid_after_utc.timestamp()),
        development=development,
    )


def write_keystore(entries: Iterable[KeystoreEntry], password: str, salt_key: bytes, where: str) -> bytes:
    """A keystore of these entries, sorted by alias, in which private keys have the keystore's password.

    Args:
        salt_key: secret from which the initialization vectors of private keys are taken; the same key, content and
            password give the same bytes, different ones never share a vector.

    Raises:
        PipelineError: two entries of one alias, an alias or password that Java programs would read differently.
    """
    library = pyjks()
    wanted = sorted(entries, key=lambda entry: entry.alias)
    problems = [
        Problem(
            f"{where}: alias {entry.alias!r} cannot be read back by every Java", "use a-z, 0-9, dot, dash, underscore"
        )
        for entry in wanted
        if not _ALIAS.fullmatch(entry.alias)
    ]
    problems += [
        Problem(f"{where}: alias {left.alias} is there twice", "give each entry an alias of its own")
        for left, right in pairwise(wanted)
        if left.alias == right.alias
    ]
    if not _PASSWORD.fullmatch(password):
        problems.append(
            Problem(f"{where}: its new password is too short or not ASCII", "use 6 or more ASCII characters")
        )
    raise_if_any(problems)
    written: bytes = library.KeyStore.new("jks", [_new_entry(entry, password, salt_key) for entry in wanted]).saves(
        password
    )
    if read_keystore(written, password, where) != tuple(wanted):
        raise AssertionError(f"{where}: the keystore does not read back as written")
    return written


def _read_entry(alias: str, entry: jks.AbstractKeystoreEntry, password: str, where: str) -> KeystoreEntry:
    library = pyjks()
    if isinstance(entry, library.TrustedCertEntry):
        _demand_x509([(entry.type, entry.cert)], alias, where)
        return TrustedCertificate(alias, entry.cert, entry.timestamp)
    if not isinstance(entry, library.PrivateKeyEntry):
        raise PipelineError(
            f"{where}: entry {alias} is neither a certificate nor a private key", "remove it with keytool"
        )
    _demand_x509(entry.cert_chain, alias, where)
    try:
        entry.decrypt(password)
    except library.util.DecryptionFailureException:
        raise PipelineError(
            f"{where}: private key {alias} has a password other than the keystore's",
            f"make them equal: keytool -keypasswd -alias {alias} -keystore {where}",
        ) from None
    except Exception:  # noqa: BLE001 - pyasn1 leaks its own errors from damaged keys
        raise PipelineError(f"{where}: private key {alias} is damaged", "import it again with keytool") from None
    return PrivateKey(alias, entry.pkey_pkcs8, tuple(der for _, der in entry.cert_chain), entry.timestamp)


def _demand_x509(certificates: list[tuple[str, bytes]], alias: str, where: str) -> None:
    if any(kind != "X.509" for kind, _ in certificates):
        raise PipelineError(f"{where}: entry {alias} holds a certificate that is not X.509", "remove it with keytool")


def _new_entry(entry: KeystoreEntry, password: str, salt_key: bytes) -> jks.AbstractKeystoreEntry:
    library = pyjks()
    if isinstance(entry, TrustedCertificate):
        made = library.TrustedCertEntry.new(entry.alias, entry.der)
        made.timestamp = entry.timestamp  # new() takes the time of day
        return made
    chain = [("X.509", der) for der in entry.chain]
    # saves() encrypts with a random vector, but leaves alone what is encrypted already
    return library.PrivateKeyEntry(
        alias=entry.alias,
        timestamp=entry.timestamp,
        store_type="jks",
        cert_chain=chain,
        encrypted=_protected(entry, password, salt_key),
    )


def _protected(entry: PrivateKey, password: str, salt_key: bytes) -> bytes:
    """EncryptedPrivateKeyInfo as ``sun.security.provider.KeyProtector`` writes it, with a synthetic vector."""
    secret = _utf16(password)
    alias = entry.alias.encode()
    framed = len(alias).to_bytes(4, "big") + alias + hashlib.sha256(entry.pkcs8).digest() + secret
    vector = hmac.new(salt_key, framed, hashlib.sha256).digest()[:20]
    stream, block = b"", vector
    while len(stream) < len(entry.pkcs8):
        block = hashlib.sha1(secret + block).digest()  # noqa: S324 - the format's own
        stream += block
    hidden = bytes(left ^ right for left, right in zip(entry.pkcs8, stream, strict=False))
    check = hashlib.sha1(secret + entry.pkcs8).digest()  # noqa: S324 - the format's own
    body = vector + hidden + check
    return element(SEQUENCE, _PROTECTION, element(OCTETS, body))


def _utf16(password: str) -> bytes:
    return password.encode("utf-16be")
