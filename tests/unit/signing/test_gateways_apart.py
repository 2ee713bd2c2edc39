"""One gateway's layer reveals nothing of another's secrets, nor of the fleet secret, in any usual form."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

from pipeline.formats.crypto import jks
from pipeline.model.layer import FileEntry, Layer
from pipeline.model.release import DERIVED, ClientKey, Keystores
from pipeline.model.trust import ClientIdentity, GatewaySecrets
from pipeline.plan.image_plan import Inputs, plan_device, plan_product
from pipeline.signing.keys.private_keys import private_values
from pipeline.signing.secrets.client_keys import read_client_keys
from pipeline.signing.secrets.secrets import FleetSecret, derivation, gateway_passwords, gateway_secrets
from tests.support.crash.traces import all_of, forms, traces
from tests.support.esf_view import the_release, the_vanilla
from tests.support.golden import a_golden
from tests.support.keys.client_keys import a_client_chain
from tests.support.network import GATEWAYS
from tests.support.trust import a_trust, pkcs8_of

FLEET = FleetSecret(bytes.fromhex("c3" * 31 + "5a"))
NAMES = tuple(gateway.name for gateway in GATEWAYS)


def own_secrets(name: str) -> GatewaySecrets:
    gateway = next(item for item in GATEWAYS if item.name == name)
    key, chain = a_client_chain(name)
    release = replace(the_release(), keystores=Keystores(client_keys=(ClientKey("own", DERIVED, ()),)))
    derived = read_client_keys(release, gateway, Path(), derivation(FLEET, release, gateway))
    given = ClientIdentity("client", pkcs8_of(key), chain)
    return replace(gateway_secrets(FLEET, the_release(), gateway), client_keys=(given, *derived))


def values(name: str, secrets: GatewaySecrets) -> dict[str, bytes]:
    gateway = next(item for item in GATEWAYS if item.name == name)
    passwords = gateway_passwords(FLEET, the_release(), gateway)
    found = {f"{name} {kind}": value.encode() for kind, value in passwords.items()}
    for key in secrets.host_keys:
        found[f"{name} {key.algorithm}"] = key.private
        found[f"{name} {key.algorithm}, public"] = key.public.split()[1].encode()
    found[f"{name} client key"] = secrets.client_keys[0].pkcs8
    found[f"{name} derived client key"] = private_values(secrets.client_keys[1].pkcs8)[1]
    found[f"{name} machine-id"] = secrets.machine_id.encode()
    found[f"{name} salts"] = secrets.salt_seed
    found[f"{name} root hash"] = secrets.root_hash.encode()
    return found


def layers() -> tuple[dict[str, Layer], dict[str, GatewaySecrets]]:
    inputs = Inputs(the_vanilla(), a_golden(), the_release(), a_trust(a_golden()), ())
    product = plan_product(inputs)
    secrets = {name: own_secrets(name) for name in NAMES}
    plans = {gateway.name: plan_device(inputs, product, gateway, secrets[gateway.name]).layer for gateway in GATEWAYS}
    return {**plans, "product": product.layer}, secrets


def content_of(layer: Layer, secrets: GatewaySecrets | None) -> bytes:
    """Everything the layer says; keystores also as their owner sees them, keys opened."""
    pieces: list[bytes] = []
    for entry in layer.entries:
        pieces.append(repr(entry).encode())
        if not isinstance(entry, FileEntry):
            continue
        pieces.append(entry.content)
        if entry.path.name.endswith(".ks") and secrets is not None:
            password = secrets.cacerts_password if entry.path.name == "cacerts.ks" else secrets.certificates_password
            opened = jks.read_keystore(entry.content, password, "x")
            pieces += [item.pkcs8 if isinstance(item, jks.PrivateKey) else item.der for item in opened]
    return all_of(pieces)


def test_no_gateway_knows_anything_of_another_nor_of_the_fleet() -> None:
    planned, secrets = layers()
    assert len(NAMES) >= 3
    contents = {name: content_of(layer, secrets.get(name)) for name, layer in planned.items()}
    own = {name: values(name, secrets[name]) for name in NAMES}
    # The search finds what is there: each gateway's own secrets.
    for name in NAMES:
        seen = {line.split(": ")[1].split(",")[0] for line in traces({name: contents[name]}, own[name])}
        assert f"{name} console" in seen
        assert f"{name} client key" in seen
        assert f"{name} derived client key" in seen
        assert f"{name} certificates_keystore" in seen
    fleet = {"fleet secret": FLEET.material}
    for name in contents:
        others = {key: value for other in NAMES if other != name for key, value in own[other].items()}
        assert traces({name: contents[name]}, {**others, **fleet}) == []


def test_the_search_knows_every_usual_form() -> None:
    secret = b"Pa&ss w0rd<7>"
    found = forms(secret)
    assert len(found) >= 13
    for shift in range(3):
        text = base64.b64encode(b"abc"[:shift] + secret + b"xyz")
        assert found[f"Base64, shifted by {shift}"] in text
    assert traces({"log": b"<value>Pa&amp;ss w0rd&lt;7&gt;</value>"}, {"it": secret}) == ["log: it, in XML"]
