"""What is secret or personal of one gateway, derived from the fleet secret: the same in every build, never random."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.accounts.crypt_hash import SALT_ALPHABET, SALT_LENGTH, sha512crypt
from pipeline.model.gateway import Gateway
from pipeline.model.release import Release
from pipeline.model.trust import ClientIdentity, GatewaySecrets
from pipeline.signing.keys.sources import read_secret
from pipeline.signing.secrets.derivation import Derivation
from pipeline.signing.secrets.given import NOTHING, Given
from pipeline.signing.secrets.host_keys import ecdsa_host_key, ed25519_host_key
from pipeline.signing.secrets.https_identity import https_identity

_LEAST_BYTES = 32
_HEX = re.compile(rb"[0-9A-Fa-f\s]+\Z")


@dataclass(frozen=True)
class FleetSecret:
    """The secret all gateways' secrets come from; whoever has it has them all."""

    material: bytes = field(repr=False)


def read_fleet_secret(uri: str, directory: Path) -> FleetSecret:
    """Read the fleet secret: 64 or more hexadecimal digits, white space apart.

    Args:
        directory: from where relative paths count.

    Raises:
        PipelineError: not there, readable by others, too short or not hexadecimal.
    """
    text = read_secret(
        uri, directory, "fleet secret", "fleet secret", lambda found: not found.strip() or _HEX.match(found) is not None
    )
    digits = b"".join(text.split())
    if not re.fullmatch(rb"(?:[0-9A-Fa-f]{2})+", digits) or len(digits) < 2 * _LEAST_BYTES:
        raise PipelineError(
            f"fleet secret: the {uri.partition(':')[0]}: source does not hold {2 * _LEAST_BYTES} or more hex digits",
            "make one: (umask 077; openssl rand -hex 32 > fleet.key)",
        )
    return FleetSecret(bytes.fromhex(digits.decode("ascii")))


def derivation(fleet: FleetSecret, release: Release, gateway: Gateway) -> Derivation:
    """What one gateway's secrets of the release's generation are derived with."""
    product = release.product_name if release.secrets_derivation > 1 else ""
    return Derivation(fleet.material, gateway.name, release.secrets_generation, product)


def gateway_secrets(
    fleet: FleetSecret,
    release: Release,
    gateway: Gateway,
    given: Given = NOTHING,
    client_keys: tuple[ClientIdentity, ...] = (),
) -> GatewaySecrets:
    """Everything secret or personal of a gateway; raise ``[secrets] generation`` to change all that is derived.

    Args:
        given: goes before what is derived, name by name.
        client_keys: for mutual TLS, besides those given.

    Raises:
        PipelineError: a root password for a root without one, or one alias for two client keys.
    """
    derive = derivation(fleet, release, gateway)
    passwords = gateway_passwords(fleet, release, gateway, given)
    comment = f"root@{gateway.name}"
    derived_host_keys = (
        ed25519_host_key(derive.material("SSH host key ed25519", 32), comment),
        ecdsa_host_key(derive.material("SSH host key ecdsa-p256", 48), comment),
    )
    own_host_keys = {key.algorithm: key for key in given.host_keys}
    return GatewaySecrets(
        root_hash=_root_hash(passwords["root"], derive) if "root" in passwords else "*",
        console_password=passwords["console"],
        certificates_password=passwords["certificates_keystore"],
        cacerts_password=passwords["cacerts_keystore"],
        wifi_passphrase=passwords["wifi"],
        machine_id=_machine_id(derive),
        host_keys=tuple(own_host_keys.get(key.algorithm, key) for key in derived_host_keys),
        salt_seed=derive.material("salts", 32),
        https=https_identity(
            gateway.name, derive.p256_key("HTTPS key"), derive.password("HTTPS keystore"), release.epoch
        ),
        encryption_key=derive.text("framework encryption key", 32, string.ascii_letters + string.digits),
        client_keys=_client_keys((*client_keys, *given.client_keys), gateway),
    )


def gateway_passwords(
    fleet: FleetSecret, release: Release, gateway: Gateway, given: Given = NOTHING
) -> Mapping[str, str]:
    """What a factory or operator types on a gateway, by what it is for. Not for logs: to be handed over on request."""
    derive = derivation(fleet, release, gateway)
    derived = {
        "console": derive.password("console password"),
        "certificates_keystore": derive.password("certificates.ks password"),
        "cacerts_keystore": derive.password("cacerts.ks password"),
        "wifi": derive.password("Wi-Fi passphrase"),
    }
    if release.accounts.root == "password":
        derived["root"] = derive.password("root password")
    elif "root" in given.passwords:
        raise PipelineError(
            f"secrets of {gateway.name}: root: a password is given, but root has none in this release",
            'remove it, or set root = "password" in gateway.toml [accounts]',
        )
    return dict(sorted({**derived, **given.passwords}.items()))


def _root_hash(password: str, derive: Derivation) -> str:
    return sha512crypt(password, derive.text("root salt", SALT_LENGTH, SALT_ALPHABET))


def _client_keys(keys: tuple[ClientIdentity, ...], gateway: Gateway) -> tuple[ClientIdentity, ...]:
    aliases = [key.alias for key in keys]
    raise_if_any(
        Problem(
            f"secrets of {gateway.name}: client key {alias} is in gateway.toml and among the given secrets too",
            "remove one of the two",
        )
        for alias in sorted({alias for alias in aliases if aliases.count(alias) > 1})
    )
    return keys


def _machine_id(derive: Derivation) -> str:
    """32 hex digits in the form of a version 4 UUID, as systemd itself makes them (machine-id(5))."""
    raw = bytearray(derive.material("machine-id", 16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    return raw.hex()
