"""What must not lie in an image is found: the build's secrets, other gateways', the golden sample's; none is told."""

from __future__ import annotations

import base64
import gzip
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.build import reading
from pipeline.build.checks import leaks
from pipeline.errors import PipelineError
from pipeline.host.workspace import Workspace
from pipeline.model.guest_path import GuestPath
from pipeline.model.trust import GatewaySecrets
from pipeline.verification.own_values import OwnValue
from tests.support.release import a_gateway, some_secrets
from tests.support.vanilla import a_vanilla

MIB = 1 << 20
FLEET = bytes(range(100, 132))
GATEWAYS = {name: a_gateway(name=name) for name in ("gw-a", "gw-b")}
PASSWORDS = {name: {"root": f"root-of-{name}-hX7!", "console": f"console&of-{name}-kW3"} for name in GATEWAYS}
GOLDEN_KEY = b"-----BEGIN PRIVATE KEY-----\nMIIEgoldengoldengolden0123456789abcdef\n-----END PRIVATE KEY-----\n"
GOLDEN = (
    OwnValue("console password", "snapshot_0.xml", b"golden-console-9"),
    OwnValue("keystore password", "kura.properties", b"vendor-default-1"),
    OwnValue("machine id", "/etc/machine-id", b"g" * 32, secret=False),
    OwnValue("host name", "/etc/hostname", b"golden-gateway", secret=False),
)


def secrets_of(name: str) -> GatewaySecrets:
    return replace(some_secrets(), machine_id=name.encode().hex().ljust(32, "5"), root_hash=f"$6$salt${name}hash")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace whose readers say what a build would read."""
    place = Workspace(tmp_path)
    place.state.mkdir(mode=0o700, exist_ok=True)
    (tmp_path / "signer.pem").write_bytes(
        b"-----BEGIN PRIVATE KEY-----\nMIIEsigner" + b"s" * 40 + b"\n-----END PRIVATE KEY-----\n"
    )
    entry = SimpleNamespace(name="signer", uri="file:signer.pem")
    outside = SimpleNamespace(name="token", uri="pkcs11:token=x")
    vanilla = a_vanilla({"/etc/vendor": "password=vendor-default-1\n"})
    for name, value in {
        "fleet_secret_of": SimpleNamespace(material=FLEET),
        "keyring_of": SimpleNamespace(directory=tmp_path, entries={"signer": entry, "token": outside}),
        "gateways_of": GATEWAYS,
        "vanilla_of": vanilla,
        "golden_of": SimpleNamespace(snapshot=b"<travels/>"),
    }.items():
        monkeypatch.setattr(reading, name, lambda _workspace, value=value: value)
    monkeypatch.setattr(reading, "gateway_of", lambda _workspace, name: GATEWAYS[name])
    monkeypatch.setattr(reading, "passwords_of", lambda _workspace, gateway: PASSWORDS[gateway.name])
    monkeypatch.setattr(reading, "secrets_of", lambda _workspace, gateway: secrets_of(gateway.name))
    monkeypatch.setattr(leaks, "golden_values", lambda _workspace: GOLDEN)
    monkeypatch.setattr(leaks, "golden_files", lambda _workspace: {GuestPath("/root/key"): GOLDEN_KEY})
    image_of(place.base)
    return place


def image_of(place: Path, *contents: bytes) -> Path:
    """A sparse image with something in it, and contents at odd places."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as stream:
        stream.truncate(16 * MIB)
        stream.write(b"boot sector " * 40)
        for number, content in enumerate(contents, 1):
            stream.seek(number * 3 * MIB + 4093)
            stream.write(content)
    return place


def test_an_image_with_nothing_but_its_own_secrets_passes_and_says_what_was_looked_for(workspace: Workspace) -> None:
    own = [PASSWORDS["gw-a"]["console"], secrets_of("gw-a").machine_id, secrets_of("gw-a").root_hash]
    image = image_of(workspace.root / "a.img", *(text.encode() for text in own))
    told = leaks.require_no_leaks(workspace, "gw-a", image, lambda text: None)
    assert told.startswith("leak scan: none of ")
    assert all(text not in told for text in own)


PLANTED: dict[str, tuple[Callable[[Workspace], bytes], str]] = {
    "the fleet secret": (lambda _: FLEET, "fleet secret"),
    "the fleet secret in hex": (lambda _: FLEET.hex().encode(), "fleet secret"),
    "a private key of the release": (lambda place: (place.root / "signer.pem").read_bytes(), "private key signer"),
    "another gateway's console password": (lambda _: PASSWORDS["gw-b"]["console"].encode(), "console password of gw-b"),
    "the same for XML": (
        lambda _: PASSWORDS["gw-b"]["console"].replace("&", "&amp;").encode(),
        "console password of gw-b",
    ),
    "the same packed": (
        lambda _: gzip.compress(os.urandom(900) + PASSWORDS["gw-b"]["console"].encode()),
        "console password of gw-b",
    ),
    "another gateway's machine id": (lambda _: secrets_of("gw-b").machine_id.encode(), "machine id of gw-b"),
    "another gateway's password hash": (lambda _: secrets_of("gw-b").root_hash.encode(), "password hash of gw-b"),
    "its own root password in clear": (
        lambda _: PASSWORDS["gw-a"]["root"].encode(),
        "root's password of gw-a in clear",
    ),
    "the golden sample's console password": (lambda _: base64.b64encode(b"golden-console-9"), "golden sample"),
    "the golden sample's machine id": (lambda _: b"g" * 32, "machine id of the golden sample"),
    "a private key of the golden sample": (lambda _: GOLDEN_KEY, "private key of the golden sample"),
}


@pytest.mark.parametrize("what", PLANTED)
def test_what_must_be_absent_is_found_and_named_without_its_value(workspace: Workspace, what: str) -> None:
    make, name = PLANTED[what]
    content = make(workspace)
    with pytest.raises(PipelineError) as caught:
        leaks.require_no_leaks(workspace, "gw-a", image_of(workspace.root / "a.img", b"x" + content), lambda text: None)
    assert all(name in problem.what and problem.what.startswith("gw-a: ") for problem in caught.value.problems)
    told = str(caught.value).encode()
    assert content not in told
    assert not any(secret.value in told for secret in leaks.must_be_absent(workspace, "gw-a"))


def test_what_all_gateways_share_may_have_no_secret_of_any_of_them(workspace: Workspace) -> None:
    image_of(workspace.base, secrets_of("gw-a").machine_id.encode())
    with pytest.raises(PipelineError, match=r"base image: byte .*machine id of gw-a"):
        leaks.require_no_leaks(workspace, "gw-a", image_of(workspace.root / "a.img"), lambda text: None)


def test_what_the_vanilla_image_has_too_and_what_is_no_secret_is_not_looked_for(workspace: Workspace) -> None:
    names = {secret.name for secret in leaks.must_be_absent(workspace, "gw-a")}
    assert "console password of the golden sample (snapshot_0.xml)" in names
    assert not any("keystore password" in name or "host name" in name for name in names)
    assert not any(name.startswith(("console password of gw-a", "machine id of gw-a")) for name in names)
