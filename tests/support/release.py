"""Releases, gateways and secrets for tests: complete, plausible, and plainly fake."""

from __future__ import annotations

from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any

from pipeline.model.gateway import Gateway, Interface, User
from pipeline.model.release import Accounts, Release
from pipeline.model.trust import GatewaySecrets, HostKey

EPOCH = 1_767_225_600  # 2026-01-01T00:00:00Z

# A public key of nobody: the Ed25519 point of RFC 8032, test 1.
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea operator@example"

OPERATOR = User(name="technician", uid=1500, keys=(PUBLIC_KEY,), sudo="nopasswd", shell="/bin/bash")  # noqa: S604 - not a call to one


def a_release(**overrides: Any) -> Release:
    """A release with one user for all gateways; everything else as the documents ask."""
    release = Release(
        name="demo-1.0",
        epoch=EPOCH,
        production=False,
        vanilla=".demo/vanilla.img",
        vanilla_sha256="",
        golden=".demo/golden",
        golden_esf_version="5.0.0",
        devices="devices.toml",
        overlays=("overlays/common",),
        keys="keys/keys.toml",
        layout="esf-5",
        bundle_key="bundle-signer",
        manifest_key="manifest-signer",
        secrets_source="file:.demo/secrets/fleet.key",
        accounts=Accounts(users=(OPERATOR,)),
    )
    _known(release, overrides)
    return replace(release, **overrides)


def a_gateway(**overrides: Any) -> Gateway:
    """``gw-north-01``: its own LAN address and access point, no cellular."""
    gateway = Gateway(
        name="gw-north-01",
        serial="SN-0001",
        interfaces=MappingProxyType(
            {
                "eth0": Interface("eth0", "lan", "static", "192.168.11.1/24"),
                "wlan0": Interface("wlan0", "lan", "static", "172.16.11.1/24", ssid="north_ap", channel=6),
                "ppp0": Interface("ppp0", "disabled"),
            }
        ),
    )
    _known(gateway, overrides)
    return replace(gateway, **overrides)


def some_secrets(**overrides: Any) -> GatewaySecrets:
    """Secrets that look right and open nothing."""
    host_key = HostKey(
        algorithm="ssh-ed25519",
        private=b"-----BEGIN OPENSSH PRIVATE KEY-----\nnot a key\n-----END OPENSSH PRIVATE KEY-----\n",
        public=PUBLIC_KEY.replace("operator@example", "gw-north-01"),
    )
    secrets = GatewaySecrets(
        root_hash="$6$rounds=65536$c2FsdHNhbHRzYWx0$" + "A" * 86,
        console_password="Cons0le-of-north!x9",
        certificates_password="certificates-of-north",
        cacerts_password="cacerts-of-north",
        wifi_passphrase="wifi-of-north-0123456789",
        machine_id="0123456789abcdef0123456789abcdef",
        host_keys=(host_key,),
        salt_seed=bytes(range(32)),
    )
    _known(secrets, overrides)
    return replace(secrets, **overrides)


def _known(value: Any, overrides: dict[str, Any]) -> None:
    """A misspelt override is a mistake in the test, named before `replace` would be less clear about it."""
    unknown = overrides.keys() - {field.name for field in fields(value)}
    assert not unknown, f"{type(value).__name__} has no {sorted(unknown)}"
