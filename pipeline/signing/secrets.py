"""What is secret or personal of one gateway, derived from the fleet secret: the same in every build, never random."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.formats.crypt_hash import SALT_ALPHABET, SALT_LENGTH, sha512crypt
from pipeline.model.gateway import Gateway
from pipeline.model.release import Release
from pipeline.model.trust import GatewaySecrets
from pipeline.signing.derivation import Derivation
from pipeline.signing.host_keys import ecdsa_host_key, ed25519_host_key
from pipeline.signing.https_identity import MATERIAL, https_identity
from pipeline.signing.sources import read_secret

_LEAST_BYTES = 32


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
    text = read_secret(uri, directory, "fleet secret")
    digits = b"".join(text.split())
    if not re.fullmatch(rb"(?:[0-9A-Fa-f]{2})+", digits) or len(digits) < 2 * _LEAST_BYTES:
        raise PipelineError(
            f"fleet secret: the {uri.partition(':')[0]}: source does not hold {2 * _LEAST_BYTES} or more hex digits",
            "make one: (umask 077; openssl rand -hex 32 > fleet.key)",
        )
    return FleetSecret(bytes.fromhex(digits.decode("ascii")))


def gateway_secrets(fleet: FleetSecret, release: Release, gateway: Gateway) -> GatewaySecrets:
    """Everything secret or personal of a gateway; raise ``[secrets] generation`` to change all of it."""
    derive = Derivation(fleet.material, gateway.name, release.secrets_generation)
    comment = f"root@{gateway.name}"
    return GatewaySecrets(
        root_hash=_root_hash(derive) if release.accounts.root == "password" else "*",
        console_password=derive.password("console password"),
        certificates_password=derive.password("certificates.ks password"),
        cacerts_password=derive.password("cacerts.ks password"),
        wifi_passphrase=derive.password("Wi-Fi passphrase"),
        machine_id=_machine_id(derive),
        host_keys=(
            ed25519_host_key(derive.material("SSH host key ed25519", 32), comment),
            ecdsa_host_key(derive.material("SSH host key ecdsa-p256", 48), comment),
        ),
        salt_seed=derive.material("salts", 32),
        https=https_identity(
            gateway.name, derive.material("HTTPS key", MATERIAL), derive.password("HTTPS keystore"), release.epoch
        ),
    )


def gateway_passwords(fleet: FleetSecret, release: Release, gateway: Gateway) -> Mapping[str, str]:
    """What a factory or operator types on a gateway, by what it is for. Not for logs: to be handed over on request."""
    derive = Derivation(fleet.material, gateway.name, release.secrets_generation)
    secrets = gateway_secrets(fleet, release, gateway)
    passwords = {
        "console": secrets.console_password,
        "certificates.ks": secrets.certificates_password,
        "cacerts.ks": secrets.cacerts_password,
        "Wi-Fi": secrets.wifi_passphrase,
    }
    if release.accounts.root == "password":
        passwords["root"] = _root_password(derive)
    return dict(sorted(passwords.items()))


def _root_password(derive: Derivation) -> str:
    return derive.password("root password")


def _root_hash(derive: Derivation) -> str:
    return sha512crypt(_root_password(derive), derive.text("root salt", SALT_LENGTH, SALT_ALPHABET))


def _machine_id(derive: Derivation) -> str:
    """32 hex digits in the form of a version 4 UUID, as systemd itself makes them (machine-id(5))."""
    raw = bytearray(derive.material("machine-id", 16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    return raw.hex()
