"""What gateways are given instead of derived: every provider, every form, and nothing of a value in any message."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_ssh_private_key

from pipeline.errors import PipelineError
from pipeline.formats.accounts.crypt_hash import sha512crypt
from pipeline.model.keyring import KeyEntry, KeyRing
from pipeline.model.release import Accounts, ClientKey, Keystores
from pipeline.signing.keys.sources import secret_variables
from pipeline.signing.secrets.given import Given, parse_given
from pipeline.signing.secrets.providers import read_given
from pipeline.signing.secrets.secrets import FleetSecret, gateway_passwords, gateway_secrets
from tests.support.keys.client_keys import CA, a_client_chain, pem_of, private_pem
from tests.support.release import EPOCH, a_gateway, a_release
from tests.support.trust import certificate, rsa_key

GATEWAY = "gw-north-01"
FLEET = FleetSecret(bytes(range(32)))
STRONG = {
    "root": "Root-given-7-Aardvark",
    "console": "Console-given-7-Badger",
    "certificates_keystore": "Certificates-given-7-Cat",
    "cacerts_keystore": "Cacerts-given-7-Dormouse",
    "wifi": "Wifi-given-7-Elephant",
}
TEXT = "".join(f'{name} = "{value}"\n' for name, value in STRONG.items())


def parsed(text: str | bytes) -> Given:
    data = text.encode() if isinstance(text, str) else text
    return parse_given(data, f"secrets of {GATEWAY}", gateway=GATEWAY, epoch=EPOCH)


def openssh(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def test_given_goes_before_derived_name_by_name() -> None:
    derived = gateway_secrets(FLEET, a_release(), a_gateway())
    host_key = Ed25519PrivateKey.generate()
    without_wifi = TEXT.replace('wifi = "Wifi-given-7-Elephant"\n', "")
    given = parsed(f'{without_wifi}ssh_host_ed25519 = """{openssh(host_key)}"""\n')
    secrets = gateway_secrets(FLEET, a_release(), a_gateway(), given)
    assert secrets.console_password == STRONG["console"]
    assert (secrets.certificates_password, secrets.cacerts_password) == (
        STRONG["certificates_keystore"],
        STRONG["cacerts_keystore"],
    )
    assert secrets.root_hash == sha512crypt(STRONG["root"], derived.root_hash.split("$")[2])
    assert secrets.wifi_passphrase == derived.wifi_passphrase
    assert (secrets.machine_id, secrets.salt_seed) == (derived.machine_id, derived.salt_seed)
    assert secrets.host_keys[1] == derived.host_keys[1]
    assert load_ssh_private_key(secrets.host_keys[0].private, None).private_bytes_raw() == host_key.private_bytes_raw()  # type: ignore[union-attr]
    assert secrets.host_keys[0].public.endswith(f" root@{GATEWAY}")
    passwords = gateway_passwords(FLEET, a_release(), a_gateway(), given)
    assert passwords == {**STRONG, "wifi": derived.wifi_passphrase}
    assert not [value for value in STRONG.values() if value in repr((given, secrets))]


def test_host_keys_of_both_kinds_and_json() -> None:
    elliptic = ec.generate_private_key(ec.SECP256R1())
    pem = elliptic.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    given = parsed(json.dumps({**STRONG, "ssh_host_ecdsa": pem}))
    assert dict(given.passwords) == STRONG
    again = load_ssh_private_key(given.host_keys[0].private, None)
    assert isinstance(again, ec.EllipticCurvePrivateKey)
    assert again.private_numbers() == elliptic.private_numbers()


@pytest.mark.tools
def test_ssh_keygen_reads_given_host_keys(tmp_path: Path) -> None:
    for kind, key in (("ed25519", Ed25519PrivateKey.generate()), ("ecdsa", ec.generate_private_key(ec.SECP256R1()))):
        (host_key,) = parsed(f'ssh_host_{kind} = """{openssh(key)}"""').host_keys
        file = tmp_path / kind
        file.touch(0o600)
        file.write_bytes(host_key.private)
        shown = subprocess.run(["ssh-keygen", "-y", "-f", file], capture_output=True, text=True, check=True).stdout
        assert shown.strip() == host_key.public


def test_client_keys() -> None:
    key, chain = a_client_chain(GATEWAY)
    text = f'[client_keys.client]\nkey = """{private_pem(key)}"""\ncertificates = """{pem_of(*chain)}"""\n'
    (client,) = parsed(text).client_keys
    assert (client.alias, client.chain) == ("client", chain)
    secrets = gateway_secrets(FLEET, a_release(), a_gateway(), parsed(text))
    assert secrets.client_keys == (client,)
    with pytest.raises(PipelineError, match=r"client key client is in gateway\.toml and among the given secrets too"):
        gateway_secrets(FLEET, a_release(), a_gateway(), parsed(text), (client,))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('root = "short"', "root: is shorter than 12 characters"),
        ('root = "aaaaaaaaaaaaaaaa"', "root: has fewer than 8 different characters"),
        ('console = "alllowercaseletters"', "console: has fewer than 3 of"),
        ('console = "changeit"', "console: is a well-known default"),
        ('wifi = "Wifi-short-7"', "wifi: is shorter than 16"),
        ('wifi = "Wifi-' + "long-7Xyz" * 8 + '"', "wifi: is longer than 63"),
        ("console = 'Quote\"in-the-middle-7'", "console: has characters with a special meaning"),
        ('console = "Blank in the middle-7"', "console: has characters with a special meaning"),
        ('console = "Ümlaut-in-front-77"', "console: is not a password"),
        ("console = 7", "console: must be a password, in quotes"),
        ('console = "Same-of-both-7xyz"\nroot = "Same-of-both-7xyz"', "console: is the same as another of them"),
        ('consol = "Console-given-7-Badger"', "consol: unknown key"),
        ('ssh_host_ed25519 = "no key"', "ssh_host_ed25519: is not an Ed25519 private key"),
        ('ssh_host_ecdsa = "-----BEGIN OPENSSH PRIVATE KEY-----\\n"', "ssh_host_ecdsa: is not a P-256 private key"),
        ('[client_keys."A B"]\nkey = "x"\ncertificates = "y"', "is not an alias"),
        ('[client_keys.a]\nkey = "x"\ncertificates = "y"', "key: is not a private key"),
        ("console = ", "it is neither TOML nor JSON"),
        ('{"console": ', "it is neither TOML nor JSON"),
        (b"\xff\xfe", "it is neither TOML nor JSON"),
        ("[]", "it is neither TOML nor JSON"),
    ],
)
def test_what_is_not_accepted_and_never_repeated(text: str | bytes, reason: str) -> None:
    with pytest.raises(PipelineError) as caught:
        parsed(text)
    assert reason in str(caught.value)
    assert all(problem.remedy for problem in caught.value.problems)
    for value in ('"short', "aaaa", "lowercase", "Wifi-", "Quote", "Blank", "mlaut", "Same-of", "Badger"):
        assert value not in str(caught.value)


def test_a_root_password_for_a_root_without_one() -> None:
    release = replace(a_release(), accounts=Accounts(root="locked"))
    with pytest.raises(PipelineError, match="root has none in this release"):
        gateway_secrets(FLEET, release, a_gateway(), parsed(TEXT))


def private(path: Path, text: str, mode: int = 0o600) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.touch(mode)
    path.chmod(mode)
    path.write_text(text)
    return path


def test_files_variables_and_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private(tmp_path / f"secrets/{GATEWAY}.toml", TEXT)
    monkeypatch.setenv("SECRETS_GW_NORTH_01", TEXT)
    for uri in (
        "file:secrets/{gateway}.toml",
        "env:SECRETS_{gateway}",
        "command:cat secrets/{gateway}.toml",
        'command:sh -c "cat \\"$1\\"" sh secrets/{gateway}.toml',
    ):
        assert dict(parsed(read_given(uri, GATEWAY, tmp_path)).passwords) == STRONG


def test_a_gateways_name_never_becomes_an_argument_of_its_own(tmp_path: Path) -> None:
    out = read_given("command:printf [%s] {gateway} end", "two words; echo", tmp_path)
    assert out == b"[two words; echo][end]"


@pytest.mark.tools
def test_files_encrypted_by_age(tmp_path: Path) -> None:
    subprocess.run(["age-keygen", "-o", str(tmp_path / "identity")], check=True, capture_output=True)
    (tmp_path / "identity").chmod(0o600)
    recipient = subprocess.run(
        ["age-keygen", "-y", str(tmp_path / "identity")], check=True, capture_output=True, text=True
    ).stdout.strip()
    with (tmp_path / f"{GATEWAY}.age").open("wb") as file:
        subprocess.run(["age", "-r", recipient], input=TEXT.encode(), stdout=file, check=True)
    data = read_given("age:{gateway}.age", GATEWAY, tmp_path, "identity")
    assert dict(parsed(data).passwords) == STRONG
    (tmp_path / "identity").chmod(0o644)
    with pytest.raises(PipelineError, match=r"identity: .* can be read by others"):
        read_given("age:{gateway}.age", GATEWAY, tmp_path, "identity")
    with pytest.raises(PipelineError, match="no identity is given to decrypt them with"):
        read_given("age:{gateway}.age", GATEWAY, tmp_path)


def test_files_encrypted_by_sops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian has no sops: a stand-in takes its place that checks how it is called and answers as it does."""
    stand_in = tmp_path / "bin/sops"
    stand_in.parent.mkdir()
    stand_in.write_text(
        '#!/bin/sh\n[ "$*" = "--decrypt --output-type json secrets/gw-north-01.yaml" ] || exit 2\n'
        f"cat <<'EOF'\n{json.dumps(STRONG)}\nEOF\n"
    )
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stand_in.parent}:{os.environ['PATH']}")
    data = read_given("sops:secrets/{gateway}.yaml", GATEWAY, tmp_path)
    assert dict(parsed(data).passwords) == STRONG
    with pytest.raises(PipelineError, match=r"sops: failed to get the secrets of other \(exit status 2\)"):
        read_given("sops:secrets/{gateway}.yaml", "other", tmp_path)


def test_providers_that_fail_say_nothing_of_what_they_printed(tmp_path: Path) -> None:
    private(tmp_path / "open.toml", TEXT, 0o640)
    for uri, reason in (
        ("file:none-{gateway}.toml", "cannot be read"),
        ("file:open.toml", "can be read by others"),
        ("env:NOT_SET_{gateway}", "NOT_SET_GW_NORTH_01 is not set"),
        ("command:sh -c 'echo Pr1nted-value; echo Pr1nted-value >&2; exit 3' {gateway}", "exit status 3"),
        ("command:true {gateway}", "printed nothing"),
        ("command:no-such-program {gateway}", "no-such-program: cannot be run"),
        ("command:'{gateway}", "holds no command"),
        ("age:none-{gateway}.age", "no identity"),
    ):
        with pytest.raises(PipelineError) as caught:
            read_given(uri, GATEWAY, tmp_path)
        assert reason in str(caught.value)
        assert "Pr1nted" not in str(caught.value)
        assert caught.value.__cause__ is None


def test_client_keys_named_in_gateway_toml(tmp_path: Path) -> None:
    from pipeline.signing.secrets.client_keys import read_client_keys  # noqa: PLC0415
    from pipeline.signing.secrets.derivation import Derivation  # noqa: PLC0415

    key, chain = a_client_chain(GATEWAY)
    private(tmp_path / f"{GATEWAY}.pem", private_pem(key))
    (tmp_path / f"{GATEWAY}.crt").write_text(pem_of(chain[0]))
    (tmp_path / "ca.crt").write_text(pem_of(chain[1]))

    def read(**changes: object) -> tuple[object, ...]:
        wanted = ClientKey("client", "file:{gateway}.pem", ("{gateway}.crt", "ca.crt"))
        release = a_release(keystores=Keystores(client_keys=(replace(wanted, **changes),)))  # type: ignore[arg-type]
        return tuple(read_client_keys(release, a_gateway(), tmp_path, Derivation(bytes(32), GATEWAY, 1)))

    (client,) = read()
    assert client.chain == chain  # type: ignore[attr-defined]
    other = certificate("CN=other", rsa_key("other client"), CA, rsa_key("client ca"))
    (tmp_path / "other.crt").write_text(pem_of(other))
    server, server_chain = a_client_chain(GATEWAY, clients=False)
    private(tmp_path / "server.pem", private_pem(server))
    (tmp_path / "server.crt").write_text(pem_of(*server_chain))
    private(tmp_path / "edwards.pem", private_pem(Ed25519PrivateKey.generate()))
    private(tmp_path / "bad.pem", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n")
    for changes, reason in (
        ({"certificates": ("other.crt", "ca.crt")}, "CN=other belongs to another key"),
        ({"certificates": ("{gateway}.crt",)}, "which is not a self-signed root"),
        ({"certificates": ("{gateway}.crt", "other.crt")}, "is not issued by the next certificate"),
        ({"certificates": ("none.crt",)}, "cannot be read"),
        ({"certificates": ("{gateway}.pem",)}, "holds no X.509 certificate"),
        ({"key": "file:server.pem", "certificates": ("server.crt",)}, "not for TLS clients"),
        ({"key": "file:edwards.pem"}, "Ed25519 key, which the gateway's Java does not know"),
        ({"key": "file:bad.pem"}, "damaged or of an unknown kind"),
        ({"key": "file:none.pem"}, "cannot be read"),
        ({"passphrase": "env:NOT_SET_AT_ALL"}, "is not set"),
    ):
        with pytest.raises(PipelineError) as caught:
            read(**changes)
        assert reason in str(caught.value), str(caught.value)
        assert f"client_key client of {GATEWAY}" in str(caught.value)


def test_programs_inherit_no_variable_that_holds_a_secret_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their own keys and agents they need; the fleet secret, signing keys and passphrases they do not."""
    release = a_release(
        secrets_source="env:PLANTED_FLEET",
        keystores=Keystores(client_keys=(ClientKey("client", "file:x", (), "env:PLANTED_CLIENT"),)),
    )
    entries = {
        "a": KeyEntry("a", "bundle", "env:PLANTED_KEY", "env:PLANTED_PASSPHRASE"),
        "b": KeyEntry("b", "manifest", "file:b", "prompt"),
    }
    named = secret_variables(release, KeyRing("keys.toml", tmp_path, entries))
    assert named == {"PLANTED_FLEET", "PLANTED_CLIENT", "PLANTED_KEY", "PLANTED_PASSPHRASE"}
    assert secret_variables(release, None) == {"PLANTED_FLEET", "PLANTED_CLIENT"}
    for name in (*named, "AGENT_OF_THEIRS"):
        monkeypatch.setenv(name, "value")
    seen = read_given("command:sh -c env {gateway}", GATEWAY, tmp_path, "", named).decode()
    assert "PLANTED" not in seen
    assert "AGENT_OF_THEIRS=value" in seen
