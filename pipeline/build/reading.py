"""The inputs of a workspace, read once in a process."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets as randomness
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from pipeline.build.golden_sample import lock as golden_lock
from pipeline.errors import PipelineError
from pipeline.host.bounded import in_child
from pipeline.host.digests import DigestCache, digest_of_tree, key_of, sha256_of, write_atomically
from pipeline.host.workspace import Workspace
from pipeline.image.read import facts_file
from pipeline.image.read.raw_region import read_regions
from pipeline.inputs import inventory_file, key_config, layout_files, overlay_dir, release_file
from pipeline.inputs.outside_environment import read_outside
from pipeline.model.gateway import Gateway
from pipeline.model.golden import Golden
from pipeline.model.layout import Layout
from pipeline.model.outside.sidecar import Outside
from pipeline.model.overlay import Overlay
from pipeline.model.release import Release
from pipeline.model.trust import Certificate, ClientIdentity, GatewaySecrets, Trust
from pipeline.model.vanilla import Vanilla
from pipeline.plan.image_plan import Inputs, Plan, plan_product
from pipeline.signing import prepare
from pipeline.signing.bundles.platform import platform_bundles
from pipeline.signing.keys.sources import secret_variables
from pipeline.signing.secrets import secrets
from pipeline.signing.secrets.client_keys import client_certificate, client_request, read_client_keys
from pipeline.signing.secrets.given import NOTHING, Given, parse_given
from pipeline.signing.secrets.providers import read_given
from pipeline.transforms.boot import raw as bootloader_raw


@lru_cache(maxsize=8)
def release_of(workspace: Workspace) -> Release:
    """The decisions in ``gateway.toml``; ``SOURCE_DATE_EPOCH`` of the environment is the clock when it is set."""
    return release_file.read_release(workspace.release_file, os.environ.get("SOURCE_DATE_EPOCH"))


@lru_cache(maxsize=8)
def gateways_of(workspace: Workspace) -> Mapping[str, Gateway]:
    """The gateways of the inventory by name, in the order of the file."""
    release = release_of(workspace)
    return {gateway.name: gateway for gateway in _rows(workspace, release)}


def _rows(workspace: Workspace, release: Release) -> tuple[Gateway, ...]:
    return inventory_file.read_gateways(workspace.input(release.devices), release.device_names)


def gateway_of(workspace: Workspace, name: str) -> Gateway:
    """One gateway; `PipelineError` names those there are."""
    gateways = gateways_of(workspace)
    if name not in gateways:
        raise PipelineError(
            f"{name}: no such gateway in {release_of(workspace).devices}", f"choose one of: {', '.join(gateways)}"
        )
    return gateways[name]


@lru_cache(maxsize=8)
def _positions_of(workspace: Workspace) -> Mapping[str, int]:
    return {name: position for position, name in enumerate(gateways_of(workspace))}


def position_of(workspace: Workspace, name: str) -> int:
    """Where a gateway of the inventory stands in it, from 0."""
    return _positions_of(workspace)[name]


@lru_cache(maxsize=2)
def golden_of(workspace: Workspace) -> Golden:
    """The golden sample: what of its export travels, as `golden.lock` decides."""
    return golden_lock.decided_golden(workspace, release_of(workspace))


@lru_cache(maxsize=2)
def overlays_of(workspace: Workspace) -> tuple[Overlay, ...]:
    """The overlays in the order the release names them."""
    return tuple(overlay_dir.read_overlay(workspace.input(name)) for name in release_of(workspace).overlays)


@lru_cache(maxsize=2)
def keyring_of(workspace: Workspace) -> key_config.KeyRing:
    """The keys of the release, named but not opened."""
    return key_config.read_keys(workspace.input(release_of(workspace).keys))


@lru_cache(maxsize=2)
def trust_of(workspace: Workspace) -> Trust:
    """Signed packages and certificates: signing happens here, before the plan, and repeats to the byte."""
    return prepare.prepare_trust(
        golden_of(workspace),
        release_of(workspace),
        keyring_of(workspace),
        base=workspace.root,
        accepts_ec=lambda: accepts_ec(workspace),
        accepts_sha384=lambda: layout_of(workspace).framework_accepts_sha384,
    )


def certificates_of(workspace: Workspace) -> tuple[Certificate, ...]:
    """What is public of trust: our signer's certificates and those for TLS; no key is opened."""
    chain, tls = prepare.prepare_certificates(release_of(workspace), keyring_of(workspace), base=workspace.root)
    return (*chain, *tls, *prepare.prepare_signers(release_of(workspace), base=workspace.root))


def accepts_ec(workspace: Workspace) -> bool:
    """Whether the framework of the gateways is known to take EC signatures: its layout says so."""
    return layout_of(workspace).framework_accepts_ec


def layout_of(workspace: Workspace) -> Layout:
    """As the release names it, so that keys can be judged before an image is there; else as it was found."""
    name = release_of(workspace).layout
    return vanilla_of(workspace).layout if name == "auto" else layout_files.choose_layouts(name)[0]


def signing_digest_of(workspace: Workspace) -> str:
    """Over what else goes into signatures: those taken back from elsewhere, and timestamps."""
    release, keyring = release_of(workspace), keyring_of(workspace)
    entry = keyring.entries.get(release.bundle_key)
    scheme, _, store = entry.uri.partition(":") if entry is not None else ("", "", "")
    authority = prepare.timestamp_authority(release, workspace.root)
    directories = [keyring.directory / store] if scheme == "detached" else []
    directories += [authority.directory] if authority is not None else []
    return key_of(digests=[digest_of_tree(directory) for directory in directories])


@lru_cache(maxsize=2)
def vanilla_of(workspace: Workspace) -> Vanilla:
    """What inspection learned; `PipelineError` when the image has not been inspected yet."""
    if not workspace.facts.exists():
        raise PipelineError("the vanilla image has not been inspected yet", "doit inspect")
    layouts = layout_files.layouts_with(release_of(workspace).keystores.certificates)
    return facts_file.load(workspace.facts, layouts)


@lru_cache(maxsize=2)
def inputs_of(workspace: Workspace) -> Inputs:
    """Everything the plan needs that all gateways share."""
    vanilla = vanilla_of(workspace)
    places = bootloader_raw.regions(vanilla, release_of(workspace))
    return Inputs(
        vanilla,
        golden_of(workspace),
        release_of(workspace),
        trust_of(workspace),
        overlays_of(workspace),
        platform_bundles(vanilla),
        read_regions(workspace.raw, places) if places else {},
        in_child,
    )


@lru_cache(maxsize=2)
def product_plan_of(workspace: Workspace) -> Plan:
    """The product layer, planned."""
    return plan_product(inputs_of(workspace))


def outside_of(workspace: Workspace, gateway: Gateway) -> Outside | None:
    """U-Boot's environment as given for one gateway, where it lies outside the image."""
    return read_outside(release_of(workspace), gateway.name, workspace.root)


@lru_cache(maxsize=2)
def fleet_secret_of(workspace: Workspace) -> secrets.FleetSecret:
    """The secret every gateway's own are derived from."""
    return secrets.read_fleet_secret(release_of(workspace).secrets_source, workspace.root)


def secrets_of(workspace: Workspace, gateway: Gateway) -> GatewaySecrets:
    """One gateway's secrets; not kept."""
    release = release_of(workspace)
    return secrets.gateway_secrets(
        fleet_secret_of(workspace),
        release,
        gateway,
        given_of(workspace, gateway.name),
        _client_keys_of(workspace, gateway),
    )


def _client_keys_of(workspace: Workspace, gateway: Gateway) -> tuple[ClientIdentity, ...]:
    release = release_of(workspace)
    derive = secrets.derivation(fleet_secret_of(workspace), release, gateway)
    return read_client_keys(release, gateway, workspace.root, derive)


def client_request_of(workspace: Workspace, gateway: Gateway, alias: str) -> bytes:
    """The signing request of a gateway's derived client key; its certificate need not be there yet."""
    release = release_of(workspace)
    return client_request(release, gateway, alias, secrets.derivation(fleet_secret_of(workspace), release, gateway))


def client_certificate_of(workspace: Workspace, gateway: Gateway, alias: str) -> bytes:
    """The certificate of a gateway's client key as PEM: what the other side of the connection has to know."""
    keys = {key.alias: key for key in secrets_of(workspace, gateway).client_keys}
    if alias not in keys:
        raise PipelineError(
            f"{gateway.name}: there is no client key {alias}", f"name one of these: {', '.join(sorted(keys)) or 'none'}"
        )
    return client_certificate(keys[alias])


def passwords_of(workspace: Workspace, gateway: Gateway) -> Mapping[str, str]:
    """What people type on a gateway; to be handed over on request only."""
    return secrets.gateway_passwords(
        fleet_secret_of(workspace), release_of(workspace), gateway, given_of(workspace, gateway.name)
    )


def given_of(workspace: Workspace, name: str) -> Given:
    """What a gateway has been given instead of derived."""
    data = given_text_of(workspace, name)
    if not data:
        return NOTHING
    return parse_given(data, f"secrets of {name}", gateway=name, epoch=release_of(workspace).epoch)


@lru_cache(maxsize=4096)
def given_text_of(workspace: Workspace, name: str) -> bytes:
    """What the provider says of a gateway, asked once: it may be a program that wants a PIN; empty without provider."""
    release = release_of(workspace)
    if not release.secrets_given:
        return b""
    without = secret_variables(release, _keyring_if_any(workspace))
    return read_given(release.secrets_given, name, workspace.root, release.secrets_identity, without)


def _keyring_if_any(workspace: Workspace) -> key_config.KeyRing | None:
    """The keys, where they can be read: a gateway's secrets are handed over without them."""
    try:
        return keyring_of(workspace)
    except PipelineError:
        return None


def secret_inputs_of(workspace: Workspace, gateway: Gateway) -> bytes:
    """All secret input that one gateway's image depends on, framed: for step keys, through a keyed digest only."""
    parts = [fleet_secret_of(workspace).material, given_text_of(workspace, gateway.name)]
    for client in _client_keys_of(workspace, gateway):
        parts += [client.alias.encode(), client.pkcs8, *client.chain]
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def vanilla_digest_of(workspace: Workspace) -> str:
    """SHA-256 of the vanilla image file as it was given, compared with the pinned one."""
    release = release_of(workspace)
    path = workspace.input(release.vanilla)
    if not path.exists():
        raise PipelineError(
            f"{release.vanilla}: no such vanilla image",
            "correct [vanilla] image in gateway.toml; for the demonstration, doit demo makes it",
        )
    digest = DigestCache(workspace.state / "digests.json").sha256(path)
    if release.vanilla_sha256 and digest != release.vanilla_sha256.lower():
        raise PipelineError(
            f"{release.vanilla}: SHA-256 is {digest}, gateway.toml pins {release.vanilla_sha256}",
            "get the image again, or pin the new one under [vanilla] sha256",
        )
    return digest


def overlay_digests_of(workspace: Workspace) -> Mapping[str, str]:
    """Digest of each overlay directory by its name."""
    named = zip(release_of(workspace).overlays, overlays_of(workspace), strict=True)
    return {name: digest_of_tree(workspace.input(name), without=overlay.left_out) for name, overlay in named}


def public_overlay_digests_of(workspace: Workspace) -> Mapping[str, str]:
    """The same for manifests: without the content of secret files, so that no guess can be tested against it."""
    named = zip(release_of(workspace).overlays, overlays_of(workspace), strict=True)
    return {
        name: digest_of_tree(
            workspace.input(name),
            # Sources begin with the overlay's own name.
            secret={file.source.partition("/")[2] for file in overlay.files if file.secret},
            without=overlay.left_out,
        )
        for name, overlay in named
    }


def golden_lock_digest_of(workspace: Workspace) -> str:
    """SHA-256 of the decisions about the golden sample; of nothing where nothing had to be decided."""
    path = workspace.input(release_of(workspace).golden_lock)
    return sha256_of(path) if path.exists() else hashlib.sha256(b"").hexdigest()


def configuration_digest_of(workspace: Workspace) -> str:
    """SHA-256 of ``gateway.toml``."""
    return sha256_of(workspace.release_file)


def fingerprint_of_secret(workspace: Workspace, value: bytes) -> str:
    """A keyed digest of a secret, for step keys: useless without the random key that never leaves this workspace."""
    file = workspace.state / "fingerprint.key"
    if not file.exists():
        write_atomically(file, randomness.token_bytes(32), 0o600)
    return hmac.new(_read(file), value, hashlib.sha256).hexdigest()


def _read(file: Path) -> bytes:
    return file.read_bytes()


def forget_inputs() -> None:
    """Read everything anew next time."""
    for known in (
        golden_lock.judged, release_of, gateways_of, _positions_of, golden_of, overlays_of, keyring_of, trust_of,
        vanilla_of, inputs_of, product_plan_of, fleet_secret_of,
    ):  # fmt: skip
        known.cache_clear()


def allowed_signers_of(workspace: Workspace) -> bytes:
    """Who may sign manifests of this release, in the form ssh-keygen reads: public, goes beside the images."""
    return key_config.allowed_signers(keyring_of(workspace), release_of(workspace).manifest_key)
