"""A gateway's own keys for mutual TLS: read or derived, checked with their certificates before a keystore has them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.model.gateway import Gateway
from pipeline.model.release import DERIVED, ClientKey, Release
from pipeline.model.trust import ClientIdentity
from pipeline.signing.keys.certificate_fitness import certificate_problems, order_problems
from pipeline.signing.keys.private_keys import PrivateKey, load_private_key
from pipeline.signing.keys.signers import read_certificates
from pipeline.signing.secrets.derivation import Derivation
from pipeline.signing.secrets.own_certificate import own_certificate, own_request


def read_client_keys(release: Release, gateway: Gateway, base: Path, derive: Derivation) -> tuple[ClientIdentity, ...]:
    """The keys that ``[[keystores.client_key]]`` names for a gateway.

    Args:
        base: from where relative paths count: the directory of ``gateway.toml``.
        derive: makes those that are derived.

    Raises:
        PipelineError: all that is wrong with any of them.
    """
    found: list[ClientIdentity] = []
    problems: list[Problem] = []
    for wanted in release.keystores.client_keys:
        try:
            found.append(_read(wanted, gateway.name, base, release.epoch, derive))
        except PipelineError as error:
            problems.extend(error.problems)
    raise_if_any(problems)
    return tuple(found)


def client_identity(alias: str, key: PrivateKey, chain: Sequence[bytes], what: str, epoch: int) -> ClientIdentity:
    """A key with its chain, leaf first.

    Raises:
        PipelineError: a chain that is none, a certificate of another key, expired, weak, or not for clients.
    """
    if not chain:
        raise PipelineError(f"{what}: it has no certificate", "name its certificates, leaf first up to the root")
    problems = [problem for der in chain for problem in certificate_problems(der, what, epoch)]
    raise_if_any(problems)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise PipelineError(f"{what}: it is an Ed25519 key, which the gateway's Java does not know", "use RSA or P-256")
    leaf = x509.load_der_x509_certificate(chain[0])
    if leaf.public_key() != key.public_key():
        problems.append(
            Problem(
                f"{what}: its certificate {leaf.subject.rfc4514_string()} belongs to another key",
                "name the certificate made for this key, its file first",
            )
        )
    problems += order_problems(chain, what)
    if not _is_for_clients(leaf):
        problems.append(
            Problem(f"{what}: its certificate is not for TLS clients", "get one with the extended usage clientAuth")
        )
    raise_if_any(problems)
    pkcs8 = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return ClientIdentity(alias, pkcs8, tuple(chain))


def client_request(release: Release, gateway: Gateway, alias: str, derive: Derivation) -> bytes:
    """The signing request of a derived key, as PEM; public.

    Raises:
        PipelineError: no derived key has this alias.
    """
    wanted = next((one for one in release.keystores.client_keys if one.alias == alias), None)
    if wanted is None or wanted.key != DERIVED:
        known = ", ".join(one.alias for one in release.keystores.client_keys if one.key == DERIVED) or "none"
        raise PipelineError(
            f"gateway.toml [keystores]: {alias} is not a derived client key", f"name one of these: {known}"
        )
    return own_request(gateway.name, _derived(derive, alias), ExtendedKeyUsageOID.CLIENT_AUTH)


def client_certificate(identity: ClientIdentity) -> bytes:
    """The certificate of a client key, as PEM; public."""
    return x509.load_der_x509_certificate(identity.chain[0]).public_bytes(Encoding.PEM)


def _derived(derive: Derivation, alias: str) -> ec.EllipticCurvePrivateKey:
    return derive.p256_key(f"TLS client key {alias}")


def _read(wanted: ClientKey, gateway: str, base: Path, epoch: int, derive: Derivation) -> ClientIdentity:
    what = f"gateway.toml [keystores] client_key {wanted.alias} of {gateway}"
    if wanted.key == DERIVED and not wanted.certificates:
        derived = _derived(derive, wanted.alias)
        own = own_certificate(gateway, derived, epoch, ExtendedKeyUsageOID.CLIENT_AUTH)
        return client_identity(wanted.alias, derived, [own], what, epoch)
    key: PrivateKey
    if wanted.key == DERIVED:
        key = _derived(derive, wanted.alias)
    else:
        key = load_private_key(_of(wanted.key, gateway), _of(wanted.passphrase, gateway), base, what)
    chain = [der for name in wanted.certificates for der in read_certificates(base / _of(name, gateway), what)]
    return client_identity(wanted.alias, key, chain, what, epoch)


def _of(text: str, gateway: str) -> str:
    return text.replace("{gateway}", gateway)


def _is_for_clients(certificate: x509.Certificate) -> bool:
    """Without the extension a certificate is for anything (RFC 5280, 4.2.1.12)."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return ExtendedKeyUsageOID.CLIENT_AUTH in usage or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usage
