"""Each gateway's secrets: the same in every build, strong, its own, and accepted by the programs that use them."""

from __future__ import annotations

import hashlib
import hmac
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.accounts.crypt_hash import sha512crypt
from pipeline.model.release import Accounts, Release
from pipeline.model.trust import GatewaySecrets
from pipeline.signing.secrets.derivation import Derivation
from pipeline.signing.secrets.secrets import FleetSecret, gateway_passwords, gateway_secrets, read_fleet_secret
from tests.support.release import a_gateway, a_release

FLEET = FleetSecret(bytes(range(32)))


def values(secrets: GatewaySecrets) -> list[str]:
    keys = [key.private.decode() for key in secrets.host_keys]
    return [secrets.root_hash, secrets.console_password, secrets.certificates_password, secrets.cacerts_password,
            secrets.wifi_passphrase, secrets.machine_id, secrets.salt_seed.hex(), *keys]  # fmt: skip


def test_the_same_twice_and_nothing_shared() -> None:
    first = gateway_secrets(FLEET, a_release(), a_gateway())
    assert gateway_secrets(FLEET, a_release(), a_gateway()) == first
    others = [
        gateway_secrets(FLEET, a_release(), a_gateway(name="gw-south-02")),
        gateway_secrets(FLEET, a_release(secrets_generation=2), a_gateway()),
        gateway_secrets(FleetSecret(bytes(32)), a_release(), a_gateway()),
    ]
    everything = [value for secrets in (first, *others) for value in values(secrets)]
    assert len(set(everything)) == len(everything)


def test_the_derivation_does_not_change_by_accident() -> None:
    """Gateways in the field have these passwords: a change here would lock their owners out."""
    assert (
        _digest(a_release(secrets_derivation=1)) == "afecd782d8248723d48b0512ae0887bbf08869648896ce29391418c6b29c1012"
    )
    assert _digest(a_release()) == "2f06fc69b9e063769599a49f310954aa2ce08a0dd6008726760e1471a9a87537"


def _digest(release: Release) -> str:
    passwords = gateway_passwords(FLEET, release, a_gateway())
    names = {"root": "root", "console": "console", "certificates_keystore": "certificates.ks",
             "cacerts_keystore": "cacerts.ks", "wifi": "Wi-Fi"}  # fmt: skip
    lines = sorted(f"{names[name]} {value}" for name, value in passwords.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def test_format_2_is_what_rfc_5869_makes_of_the_framed_names() -> None:
    """By hand: extract with the salt of the format, expand over product, gateway, purpose and generation."""
    fleet = bytes(range(32))
    key = hmac.digest(b"gateway-image-pipeline secrets 2", fleet, "sha256")
    info = b"".join(len(part).to_bytes(4, "big") + part for part in (b"demo", b"gw-1", b"root password", b"3"))
    first = hmac.digest(key, info + b"\1", "sha256")
    second = hmac.digest(key, first + info + b"\2", "sha256")
    assert Derivation(fleet, "gw-1", 3, "demo").material("root password", 48) == (first + second)[:48]


def test_products_that_share_a_fleet_secret_share_nothing_else() -> None:
    releases = [
        a_release(name="demo-1.0"),
        a_release(name="other-1.0"),
        a_release(name="demo-1.0", product="third"),
        a_release(name="demo-1.0", secrets_derivation=1),
    ]
    everything = [value for release in releases for value in values(gateway_secrets(FLEET, release, a_gateway()))]
    assert len(set(everything)) == len(everything)


def test_the_next_release_of_a_product_has_the_same_secrets() -> None:
    first = gateway_secrets(FLEET, a_release(name="demo-1.0"), a_gateway())
    for name in ("demo-1.1", "demo-2", "demo_v2.0.1", "demo-1.1-rc1", "demo"):
        assert gateway_secrets(FLEET, a_release(name=name), a_gateway()) == first, name
    old = gateway_secrets(FLEET, a_release(name="demo-1.0", secrets_derivation=1), a_gateway())
    assert gateway_secrets(FLEET, a_release(name="x-9", secrets_derivation=1), a_gateway()) == old


@pytest.mark.parametrize(
    ("name", "product", "doubt"),
    [
        ("demo-1.0", "demo", False), ("demo", "demo", False), ("gw2", "gw2", False), ("north-2026.11", "north", False),
        ("plant-7-1.0", "plant-7", True), ("release-2026-11-30", "release-2026-11", True), ("2026-11", "2026", True),
        ("1.0", "1", True), ("a-1.0-rc2", "a", False), ("esf-7-gateway", "esf-7-gateway", False),
    ],
)  # fmt: skip
def test_the_product_of_a_release(name: str, product: str, doubt: bool) -> None:
    assert a_release(name=name).product_name == product
    assert a_release(name=name).product_in_doubt is doubt
    assert not a_release(name=name, product="x").product_in_doubt


def test_passwords_are_strong() -> None:
    secrets = gateway_secrets(FLEET, a_release(), a_gateway())
    for password in gateway_passwords(FLEET, a_release(), a_gateway()).values():
        assert len(password) >= 20
        assert any(map(str.islower, password))
        assert any(map(str.isupper, password))
        assert any(map(str.isdigit, password))
        assert set(password) & set("-_.+@")
    assert 8 <= len(secrets.wifi_passphrase) <= 63
    assert len(secrets.machine_id) == 32
    assert secrets.machine_id[12] == "4"


def test_letters_are_evenly_likely() -> None:
    derive = Derivation(bytes(32), "x", 1)
    counts = Counter("".join(derive.text(f"evenly {number}", 1900, "abcdefghijk") for number in range(5)))
    assert len(counts) == 11
    assert max(counts.values()) < 1.25 * min(counts.values())


def test_contexts_do_not_run_into_each_other() -> None:
    assert Derivation(bytes(32), "ab", 1).material("c", 16) != Derivation(bytes(32), "a", 1).material("bc", 16)
    assert Derivation(bytes(32), "a", 11).material("x", 16) != Derivation(bytes(32), "a", 1).material("x1", 16)


def test_nothing_secret_is_shown() -> None:
    secrets = gateway_secrets(FLEET, a_release(), a_gateway())
    shown = repr((FLEET, secrets, secrets.host_keys, Derivation(FLEET.material, "x", 1)))
    assert not [value for value in (*values(secrets), FLEET.material.hex(), repr(FLEET.material)) if value in shown]


def test_a_locked_root_has_no_password() -> None:
    release = replace(a_release(), accounts=Accounts(root="locked"))
    assert gateway_secrets(FLEET, release, a_gateway()).root_hash == "*"
    assert "root" not in gateway_passwords(FLEET, release, a_gateway())


@pytest.mark.tools
def test_openssl_makes_the_same_hash() -> None:
    secrets = gateway_secrets(FLEET, a_release(), a_gateway())
    root = gateway_passwords(FLEET, a_release(), a_gateway())["root"]
    for password, salt in ((root, secrets.root_hash.split("$")[2]), ("ü" * 40, "a"), ("x" * 200, "./Zz0123456789ab")):
        command = ["openssl", "passwd", "-6", "-salt", salt, "-stdin"]
        done = subprocess.run(command, input=password.encode(), capture_output=True, check=True)
        assert sha512crypt(password, salt) == done.stdout.decode().strip()
    assert sha512crypt(root, secrets.root_hash.split("$")[2]) == secrets.root_hash


@pytest.mark.tools
def test_ssh_keygen_reads_the_host_keys(tmp_path: Path) -> None:
    for number in range(20):
        secrets = gateway_secrets(FLEET, a_release(), a_gateway(name=f"gw-{number}"))
        for key in secrets.host_keys[number > 3 :]:
            file = tmp_path / f"{key.algorithm}-{number}"
            file.touch(0o600)
            file.write_bytes(key.private)
            shown = subprocess.run(["ssh-keygen", "-y", "-f", file], capture_output=True, text=True, check=True).stdout
            assert shown.strip() == key.public
    shown = subprocess.run(["ssh-keygen", "-l", "-f", file], capture_output=True, text=True, check=True).stdout
    assert "(ECDSA)" in shown


def private(path: Path, data: bytes) -> None:
    path.touch(0o600)
    path.write_bytes(data)


def test_the_fleet_secret_is_hexadecimal_and_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private(tmp_path / "fleet.key", bytes(range(32)).hex().encode() + b"\n")
    assert read_fleet_secret("file:fleet.key", tmp_path) == FLEET
    assert read_fleet_secret(f"file://{tmp_path}/fleet.key", Path("elsewhere")) == FLEET
    monkeypatch.setenv("FLEET", bytes(range(32)).hex())
    assert read_fleet_secret("env:FLEET", tmp_path) == FLEET
    (tmp_path / "fleet.key").chmod(0o644)
    with pytest.raises(PipelineError, match="can be read by others"):
        read_fleet_secret("file:fleet.key", tmp_path)


@pytest.mark.parametrize("content", [b"", b"00" * 31, b"g" * 64, b"0" * 65, b"\xff" * 64, b"00" * (1 << 20)])
def test_a_weak_or_malformed_fleet_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    private(tmp_path / "fleet.key", content)
    with pytest.raises(PipelineError, match="fleet secret") as caught:
        read_fleet_secret("file:fleet.key", tmp_path)
    assert "0000" not in str(caught.value)


def test_sources_that_are_none(tmp_path: Path) -> None:
    for uri, reason in (("file:none", "No such file"), (f"file:{tmp_path}", "not a regular file|Is a directory"),
                        ("env:NOT_SET_AT_ALL", "not set"), ("file:", "not a known kind"), ("x", "not a known kind"),
                        ("env:a-b", "not a known kind")):  # fmt: skip
        with pytest.raises(PipelineError, match=reason):
            read_fleet_secret(uri, tmp_path)
