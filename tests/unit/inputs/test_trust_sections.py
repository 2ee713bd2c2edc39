"""[policy], [keystores] and [secrets] given: what is read, and every wrong value named."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.model.release import ClientKey, PolicyRow
from tests.unit.inputs.test_release_file import LEAST, problems, read

CONNECT = '["java.net.SocketPermission", "*", "connect"]'
ROW = f'[[policy.row]]\nname = "partner"\nsigner = "CN=P;-"\npermissions = [{CONNECT}]\n'
CLIENT = (
    '[[keystores.client_key]]\nalias = "client"\nkey = "file:k/{gateway}.pem"\ncertificates = ["c/{gateway}.crt"]\n'
)
DERIVED = '[[keystores.client_key]]\nalias = "own"\nkey = "derived:p256"\n'


def test_others_may_be_trusted(tmp_path: Path) -> None:
    release = read(tmp_path, LEAST + '[keystores.trusted_signers]\npartner = "keys/partner.pem"')
    assert release.keystores.trusted_signers == {"partner": "keys/partner.pem"}


def test_a_client_key_may_be_derived(tmp_path: Path) -> None:
    assert read(tmp_path, LEAST + DERIVED).keystores.client_keys == (ClientKey("own", "derived:p256", ()),)
    issued = read(tmp_path, LEAST + DERIVED + 'certificates = ["c/{gateway}.crt"]').keystores.client_keys
    assert issued == (ClientKey("own", "derived:p256", ("c/{gateway}.crt",)),)


def test_what_they_say(tmp_path: Path) -> None:
    release = read(tmp_path, f'{LEAST}given = "file:s/{{gateway}}.toml"\n[keystores]\nreplaced = ["cloud"]\n[policy]\n'
                   f'source = "golden"\n{ROW}access = "DENY"\n{CLIENT}passphrase = "env:P"\n')  # fmt: skip
    partner = PolicyRow("partner", "CN=P;-", (("java.net.SocketPermission", "*", "connect"),), "DENY")
    assert (release.policy.rows, release.policy.source) == ((partner,), "golden")
    client = ClientKey("client", "file:k/{gateway}.pem", ("c/{gateway}.crt",), "env:P")
    assert (release.keystores.client_keys, release.keystores.replaced) == ((client,), ("cloud",))
    stated = read(tmp_path, f'{LEAST}[keystores]\ncertificates = "/opt/x/certificates.ks"').keystores.certificates
    assert stated == "/opt/x/certificates.ks"
    assert release.secrets_given == "file:s/{gateway}.toml"


@pytest.mark.parametrize(
    ("extra", "complaint"),
    [
        ('given = "file:all.toml"', "[secrets] given: would be the same on every gateway"),
        ('given = "ftp:{gateway}"', "[secrets] given: is not a known kind of source"),
        ('given = "{gateway}"', "[secrets] given: is not a URI"),
        ('[policy]\nsource = "mine"', "[policy] source: is not one of the values known"),
        ('[policy]\nsource = "golden"\nkeep_golden = true', "[policy] keep_golden: has no effect"),
        (ROW.replace('name = "partner"\n', ""), "[policy] row[1] name: is missing"),
        (ROW.replace('"*", "connect"', "1"), "row[1] permissions[1]: is not a permission"),
        (ROW.replace('"*", "connect"', '"*", "a", "b"'), "row[1] permissions[1]: is not a permission"),
        (ROW.replace("java.net.SocketPermission", "Socket Permission"), "does not begin with the name of a class"),
        (ROW.replace(CONNECT, ""), "row[1] permissions: no permission"),
        (ROW + 'access = "allow"', "row[1] access: is not one of the values known"),
        (ROW + 'extra = "x"', "row[1] extra: unknown key"),
        (CLIENT.replace("k/{gateway}.pem", "k.pem"), "client_key[1] key: would be the same on every gateway"),
        (CLIENT.replace('"c/{gateway}.crt"', ""), "client_key[1] certificates: no certificate"),
        (CLIENT.replace('"client"', '"Client Key"'), "client_key[1] alias: is not an alias"),
        (CLIENT.replace("file:k/{gateway}.pem", "derived:rsa"), "client_key[1] key: is not a kind of derived key"),
        (DERIVED + 'passphrase = "env:P"', "client_key[1] passphrase: a derived key has none"),
        (CLIENT + CLIENT, "client_key[2] alias: is there twice"),
        (CLIENT + '[keystores.trusted_tls]\nclient = "x.pem"', "client_key: alias client is that of a trusted"),
        ('[keystores.trusted_signers]\n"A B" = "x.pem"', "[keystores] trusted_signers 'A B': is not an alias"),
        ('[keystores]\nreplaced = ["A"]', "[keystores] replaced[1]: is not an alias"),
        ('[keystores]\ncertificates = "a.ks"', "[keystores] certificates: is not an absolute path in the image"),
        ('[keystores]\ncertificates = "/a/../b.ks"', "[keystores] certificates: is not an absolute path in the image"),
    ],
)
def test_what_they_must_not_say(tmp_path: Path, extra: str, complaint: str) -> None:
    assert [found for found in problems(tmp_path, LEAST + extra) if complaint in found]
