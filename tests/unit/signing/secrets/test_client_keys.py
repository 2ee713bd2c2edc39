"""Client keys that come from the fleet secret: deterministic, each gateway's own, taken by OpenSSL and by Java."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from pipeline.build import reading
from pipeline.commands.secrets import Secrets
from pipeline.errors import PipelineError
from pipeline.formats.crypto import jks
from pipeline.host.workspace import Workspace
from pipeline.model.release import DERIVED, ClientKey, Keystores, Release
from pipeline.model.trust import ClientIdentity
from pipeline.signing.keys.private_keys import private_values
from pipeline.signing.secrets.client_keys import client_request, read_client_keys
from pipeline.signing.secrets.secrets import FleetSecret, derivation, gateway_secrets
from pipeline.transforms.esf.keystores import install
from tests.support.keys.signing_workspace import private
from tests.support.release import EPOCH, a_gateway, a_release
from tests.support.trust import a_trust, pkcs8_of, rsa_key
from tests.support.workspaces import edit
from tests.unit.signing.secrets.test_handover import workspace  # noqa: F401 - a fixture
from tests.unit.transforms.esf.test_keystores import CACERTS, vanilla
from tests.unit.transforms.esf.test_keystores_java import opened

FLEET = FleetSecret(bytes(range(32)))
GATEWAY = a_gateway()


def wanting(*certificates: str, alias: str = "client", generation: int = 1) -> Release:
    keystores = Keystores(client_keys=(ClientKey(alias, DERIVED, certificates),))
    return a_release(keystores=keystores, secrets_generation=generation)


def read(
    release: Release, *, name: str = GATEWAY.name, fleet: FleetSecret = FLEET, base: Path = Path()
) -> ClientIdentity:
    gateway = replace(GATEWAY, name=name)
    (client,) = read_client_keys(release, gateway, base, derivation(fleet, release, gateway))
    return client


def pem_of(client: ClientIdentity, place: Path) -> tuple[Path, Path]:
    key, certificate = place / "key.pem", place / "certificate.pem"
    loaded = load_der_private_key(client.pkcs8, None)
    private(key, loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    chain = (x509.load_der_x509_certificate(der) for der in client.chain)
    certificate.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in chain))
    return key, certificate


def test_the_same_every_time_and_everybody_s_own() -> None:
    client = read(wanting())
    assert read(wanting()) == client
    assert len(client.chain) == 1
    certificate = x509.load_der_x509_certificate(client.chain[0])
    assert certificate.subject.rfc4514_string() == f"CN={GATEWAY.name}"
    assert certificate.not_valid_before_utc.timestamp() == EPOCH
    others = [
        read(wanting(), name="gw-other"),
        read(wanting(), fleet=FleetSecret(bytes(32))),
        read(wanting(generation=2)),
        read(wanting(alias="second")),
    ]
    numbers = {private_values(one.pkcs8)[1] for one in (client, *others)}
    assert len(numbers) == 5
    secrets = gateway_secrets(FLEET, wanting(), GATEWAY)
    assert secrets.https is not None
    assert private_values(secrets.https.pkcs8)[1] not in numbers


def test_known_answer() -> None:
    """Derived secrets must never change: gateways in the field and brokers have them."""
    certificate = x509.load_der_x509_certificate(read(replace(wanting(), secrets_derivation=1)).chain[0])
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint).hex() == (
        "039fdf20b2b11609f7554cd250044521dadfe3acbea541f67e9e4c93fd4ce8ba8a"  # by hand: HKDF, then P-256
    )


def test_a_broker_that_knows_its_certificate_lets_it_in(tmp_path: Path) -> None:
    """TLS with both sides' certificates, by OpenSSL: the derived key as client, and no other."""
    client, other = read(wanting()), read(wanting(), name="gw-other")
    for name, identity in (("client", client), ("other", other)):
        (tmp_path / name).mkdir()
        pem_of(identity, tmp_path / name)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "other/certificate.pem", tmp_path / "other/key.pem")
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(tmp_path / "client/certificate.pem")
    assert handshake(server, tmp_path / "client") == f"CN={GATEWAY.name}"
    with pytest.raises(ssl.SSLError):
        handshake(server, tmp_path / "other")


def handshake(server: ssl.SSLContext, place: Path) -> str:
    """Who the server sees after a handshake in memory."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    client.load_cert_chain(place / "certificate.pem", place / "key.pem")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(back, there)
    theirs = server.wrap_bio(there, back, server_side=True)
    done: set[int] = set()
    for _ in range(8):
        for side in (ours, theirs):
            try:
                side.do_handshake()
                done.add(id(side))
            except ssl.SSLWantReadError:
                continue
    assert done == {id(ours), id(theirs)}
    seen = theirs.getpeercert(binary_form=True)
    assert seen is not None
    return x509.load_der_x509_certificate(seen).subject.rfc4514_string()


@pytest.mark.tools
def test_java_opens_it_in_the_keystore(tmp_path: Path) -> None:
    release = wanting()
    secrets = gateway_secrets(FLEET, release, GATEWAY, client_keys=(read(release),))
    layer, _, _ = install(vanilla(), release, a_trust(), secrets)
    (store,) = [entry for entry in layer.files() if entry.path == CACERTS]
    (tmp_path / "cacerts.ks").write_bytes(store.content)
    done = opened(tmp_path / "cacerts.ks", secrets.cacerts_password)
    assert done.stdout.splitlines() == ["client key EC, 1 certificates, opens", "cloud certificate CN=Cloud"]


@pytest.mark.tools
def test_an_authority_issues_the_certificate_instead(tmp_path: Path) -> None:
    """`openssl x509 -req` on the request; what it issues goes with the derived key, and with no other generation's."""
    request = client_request(wanting(), GATEWAY, "client", derivation(FLEET, wanting(), GATEWAY))
    assert request == client_request(wanting(), GATEWAY, "client", derivation(FLEET, wanting(), GATEWAY))
    (tmp_path / "client.csr").write_bytes(request)
    private(tmp_path / "ca.key", x509_key())
    openssl(tmp_path, "req -x509 -new -key ca.key -subj /CN=Device-CA -days 36500 -out ca.crt")
    openssl(tmp_path, "req -in client.csr -verify -noout")
    openssl(tmp_path, "x509 -req -in client.csr -CA ca.crt -CAkey ca.key -days 36500 -copy_extensions copy -out gw.crt")
    release = wanting("gw.crt", "ca.crt")
    client = read(replace(release, epoch=now(tmp_path)), base=tmp_path)
    assert client.pkcs8 == read(wanting()).pkcs8
    assert len(client.chain) == 2
    with pytest.raises(PipelineError, match="belongs to another key"):
        read(replace(release, epoch=now(tmp_path), secrets_generation=2), base=tmp_path)


def x509_key() -> bytes:
    return rsa_key("device ca").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def now(place: Path) -> int:
    """A moment at which what openssl has just issued is valid."""
    issued = x509.load_pem_x509_certificate((place / "gw.crt").read_bytes())
    return int(issued.not_valid_before_utc.timestamp()) + 60


def openssl(place: Path, line: str) -> None:
    done = subprocess.run(["openssl", *line.split()], cwd=place, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_is_public_of_it_on_request(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811 - the fixture
    def run(*arguments: str) -> int:
        return Secrets().parse_execute(arguments)

    assert run("gw-north-01", "--request", "client") == 2
    assert "client is not a derived client key" in capsys.readouterr().err
    assert run("gw-north-01", "--certificate", "client") == 2
    assert "there is no client key client" in capsys.readouterr().err
    keys = '[[keystores.client_key]]\nalias = "client"\nkey = "derived:p256"\n'
    edit(workspace / "gateway.toml", "[command]", keys + "[command]")
    reading.forget_inputs()
    assert run("gw-north-01", "--request", "client") == 0
    asked = x509.load_pem_x509_csr(capsys.readouterr().out.encode())
    assert asked.is_signature_valid
    assert run("gw-north-01", "--certificate", "client", "--to", "north.crt") == 0
    certificate = x509.load_pem_x509_certificate((workspace / "north.crt").read_bytes())
    assert certificate.public_key() == asked.public_key()
    here = Workspace(workspace)
    (client,) = reading.secrets_of(here, reading.gateway_of(here, "gw-north-01")).client_keys
    assert certificate.public_bytes(Encoding.DER) == client.chain[0]
    # the other gateways have others
    assert run("gw-south-02", "--certificate", "client") == 0
    assert capsys.readouterr().out.encode() != (workspace / "north.crt").read_bytes()
    # the certificate need not be there when it is asked for
    edit(
        workspace / "gateway.toml",
        'key = "derived:p256"\n',
        'key = "derived:p256"\ncertificates = ["c/{gateway}.crt"]\n',
    )
    reading.forget_inputs()
    assert run("gw-north-01", "--request", "client", "--to", "north.csr") == 0
    assert run("gw-north-01", "--certificate", "client") == 2
    for arguments in (("--request", "client", "--certificate", "client"), ("--request", "client", "--age", "x")):
        assert run("gw-north-01", *arguments) == 2


def test_only_the_number_of_an_ec_key_is_secret() -> None:
    pkcs8, number = private_values(read(wanting()).pkcs8)
    assert number in pkcs8
    assert private_values(pkcs8_of(rsa_key("x"))) == (pkcs8_of(rsa_key("x")),)


def test_it_stands_in_the_keystore_with_its_own_protection() -> None:
    release = wanting()
    secrets = gateway_secrets(FLEET, release, GATEWAY, client_keys=(read(release),))
    layer, _, _ = install(vanilla(), release, a_trust(), secrets)
    (store,) = [entry for entry in layer.files() if entry.path == CACERTS]
    assert all(value not in store.content for value in private_values(secrets.client_keys[0].pkcs8))
    assert any(
        isinstance(one, jks.PrivateKey) for one in jks.read_keystore(store.content, secrets.cacerts_password, "x")
    )
