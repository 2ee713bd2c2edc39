"""Keystores of a gateway: the vendor's content and ours, passwords of its own that everything agrees on."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization

from pipeline.errors import PipelineError
from pipeline.formats.crypto import jks
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry
from pipeline.model.release import Keystores
from pipeline.model.trust import ClientIdentity, PlatformBundle, Trust
from pipeline.model.vanilla import Vanilla
from pipeline.signing.bundles.bundle import sign_bundle
from pipeline.signing.secrets.secrets import FleetSecret, gateway_secrets
from pipeline.transforms.esf.keystores import install
from tests.support.keys.client_keys import a_client_chain
from tests.support.release import EPOCH, a_gateway, a_release
from tests.support.trust import (
    HEATER,
    a_bundle,
    a_chain_signer,
    a_golden,
    a_package,
    a_signer,
    a_trust,
    a_vendor,
    certificate,
    pkcs8_of,
    rsa_key,
)
from tests.support.vanilla import ESF, LAYOUT, a_vanilla

CERTIFICATES, CACERTS = f"{ESF}/kura/certificates.ks", f"{ESF}/security/cacerts.ks"
VENDOR = jks.TrustedCertificate("vendor", a_vendor().certificates[1].der, 1_500_000_000_000)
CLOUD = jks.TrustedCertificate("cloud", certificate("CN=Cloud", rsa_key("cloud"), ca=True), 1_500_000_000_000)
SECRETS = gateway_secrets(FleetSecret(bytes(32)), a_release(), a_gateway())


def store(password: str, *entries: jks.KeystoreEntry) -> bytes:
    return jks.write_keystore(entries, password, b"vendor", "vendor")


def vanilla(certificates: bytes | None = None, cacerts: bytes | None = None) -> Vanilla:
    return a_vanilla(
        {
            CERTIFICATES: certificates or store("defaultPassword", VENDOR),
            CACERTS: cacerts or store("changeit", CLOUD),
        }
    )


def content(image: Vanilla, trust: Trust, path: str) -> bytes:
    layer, _, _ = install(image, a_release(), trust, SECRETS)
    entry = layer.by_path[GuestPath(path)]
    assert isinstance(entry, FileEntry)
    assert (entry.mode, entry.secret) == (0o600, True)
    return entry.content


def test_the_vendors_content_and_ours_under_new_passwords() -> None:
    data = content(vanilla(), a_trust(signer=a_chain_signer()), CERTIFICATES)
    ours = a_chain_signer().certificates
    assert jks.read_keystore(data, SECRETS.certificates_password, "x") == (
        jks.TrustedCertificate("company", ours[0].der, EPOCH * 1000),
        jks.TrustedCertificate("company-ca", ours[1].der, EPOCH * 1000),
        VENDOR,
    )
    assert jks.read_keystore(content(vanilla(), a_trust(), CACERTS), SECRETS.cacerts_password, "x") == (CLOUD,)


def test_the_same_bytes_twice() -> None:
    digests = {hashlib.sha256(content(vanilla(), a_trust(), CERTIFICATES)).hexdigest() for _ in range(2)}
    assert len(digests) == 1


def test_properties_and_snapshot_agree_with_the_keystores() -> None:
    _, properties, snapshot = install(vanilla(), a_release(), a_trust(), SECRETS)
    assert {setting.key: setting.value for setting in properties} == {
        "kura.keystore.password": SECRETS.certificates_password,
        "kura.ssl.keyStorePassword": SECRETS.cacerts_password,
    }
    (setting,) = snapshot
    assert (setting.pid, setting.name) == ("org.eclipse.kura.ssl.SslManagerService", "ssl.keystore.password")
    assert (setting.type, setting.values, setting.secret) == ("Password", (SECRETS.cacerts_password,), True)
    assert all(setting.secret for setting in properties)


def test_further_tls_certificates_and_the_vendors_private_keys() -> None:
    pkcs8 = rsa_key("client").private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    client = jks.PrivateKey("client", pkcs8, (certificate("CN=client", rsa_key("client")),), 1)
    broker = jks.describe("broker", certificate("CN=Broker", rsa_key("broker"), ca=True))
    trust = replace(a_trust(), tls=(broker,))
    data = content(vanilla(cacerts=store("changeit", CLOUD, client)), trust, CACERTS)
    assert jks.read_keystore(data, SECRETS.cacerts_password, "x") == (
        jks.TrustedCertificate("broker", broker.der, EPOCH * 1000),
        client,
        CLOUD,
    )


def test_what_is_there_already_is_not_added_again() -> None:
    there = jks.TrustedCertificate("known", a_signer().certificates[0].der, 5)
    data = content(vanilla(store("defaultPassword", VENDOR, there)), a_trust(), CERTIFICATES)
    assert [entry.alias for entry in jks.read_keystore(data, SECRETS.certificates_password, "x")] == ["known", "vendor"]


def test_a_taken_alias_is_an_error() -> None:
    taken = jks.TrustedCertificate("bundle-signer", CLOUD.der, 5)
    with pytest.raises(PipelineError, match="alias bundle-signer is taken"):
        install(vanilla(store("defaultPassword", taken)), a_release(), a_trust(), SECRETS)


def test_a_kept_signer_must_be_known_to_the_keystore() -> None:
    golden = a_golden({"heater_1.0.0.dp": a_package({HEATER: sign_bundle(a_bundle(), a_vendor())})})
    install(vanilla(), a_release(), a_trust(golden), SECRETS)
    with pytest.raises(PipelineError, match="keeps the signature of CN=Vendor Software"):
        install(vanilla(store("defaultPassword", CLOUD)), a_release(), a_trust(golden), SECRETS)


def test_others_whose_bundles_are_trusted() -> None:
    """A partner's certificate, added by alias: then the keystore knows whose signature is kept."""
    golden = a_golden({"heater_1.0.0.dp": a_package({HEATER: sign_bundle(a_bundle(), a_vendor())})})
    partner = jks.describe("partner", a_vendor().certificates[0].der)
    trust = replace(a_trust(golden), signers=(partner,))
    layer, _, _ = install(vanilla(store("defaultPassword", CLOUD)), a_release(), trust, SECRETS)
    (entry,) = [file for file in layer.files() if file.path == CERTIFICATES]
    found = jks.read_keystore(entry.content, SECRETS.certificates_password, "x")
    assert [one.alias for one in found] == ["bundle-signer", "cloud", "partner"]
    assert all(isinstance(one, jks.TrustedCertificate) for one in found)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (vanilla(store("another", VENDOR)), f"vanilla image: {CERTIFICATES}: the password is wrong"),
        (vanilla(cacerts=store("another", CLOUD)), f"vanilla image: {CACERTS}: the password is wrong"),
        (vanilla(b"0\x82\1\1"), "it is PKCS #12, not JKS"),
        (vanilla(store("defaultPassword", VENDOR)[:-30]), "damaged or cut short|password is wrong"),
        (a_vanilla({CACERTS: store("changeit", CLOUD)}), f"{CERTIFICATES} is missing"),
    ],
    ids=range(5),
)
def test_base_keystores_that_are_none(image: Vanilla, reason: str) -> None:
    with pytest.raises(PipelineError, match=reason):
        install(image, a_release(), a_trust(), SECRETS)


def test_a_product_without_bundle_keystore() -> None:
    image = a_vanilla({CACERTS: store("changeit", CLOUD)}, layout=replace(LAYOUT, certificates=None, policy=None))
    layer, properties, _ = install(image, a_release(), a_trust(), SECRETS)
    assert [entry.path for entry in layer.entries] == [CACERTS]
    assert [setting.key for setting in properties] == ["kura.ssl.keyStorePassword"]


def test_a_policy_whose_keystore_nobody_knows_is_refused_with_packages_of_ours_only() -> None:
    image = a_vanilla({CACERTS: store("changeit", CLOUD)}, layout=replace(LAYOUT, certificates=None))
    with pytest.raises(PipelineError, match=r"no gateway would run heater_1\.0\.0\.dp") as caught:
        install(image, a_release(), a_trust(), SECRETS)
    (problem,) = caught.value.problems
    assert problem.what.startswith("gateway.toml [keystores] certificates: is missing; in which file ESF ")
    assert 'write certificates = "/opt/eurotech/esf/…" under [keystores]' in problem.remedy
    layer, _, _ = install(image, a_release(), Trust((), a_signer().certificates), SECRETS)
    assert [entry.path for entry in layer.entries] == [CACERTS]


def test_a_gateways_own_key_for_mutual_tls() -> None:
    key, chain = a_client_chain("gw-north-01")
    client = ClientIdentity("client", pkcs8_of(key), chain)
    layer, _, _ = install(vanilla(), a_release(), a_trust(), replace(SECRETS, client_keys=(client,)))
    entry = layer.by_path[GuestPath(CACERTS)]
    assert isinstance(entry, FileEntry)
    read = jks.read_keystore(entry.content, SECRETS.cacerts_password, "x")
    assert read == (jks.PrivateKey("client", client.pkcs8, chain, EPOCH * 1000), CLOUD)
    again, _, _ = install(vanilla(), a_release(), a_trust(), replace(SECRETS, client_keys=(client,)))
    assert again.by_path[GuestPath(CACERTS)] == entry
    with pytest.raises(PipelineError, match="alias cloud is taken"):
        install(vanilla(), a_release(), a_trust(), replace(SECRETS, client_keys=(replace(client, alias="cloud"),)))


def test_an_alias_that_may_be_replaced() -> None:
    newer = jks.describe("cloud", certificate("CN=Cloud", rsa_key("newer cloud"), ca=True))
    trust = replace(a_trust(), tls=(newer,))
    with pytest.raises(PipelineError, match="alias cloud is taken by another entry"):
        install(vanilla(), a_release(), trust, SECRETS)
    allowed = a_release(keystores=Keystores(replaced=("cloud",)))
    layer, _, _ = install(vanilla(), allowed, trust, SECRETS)
    entry = layer.by_path[GuestPath(CACERTS)]
    assert isinstance(entry, FileEntry)
    assert jks.read_keystore(entry.content, SECRETS.cacerts_password, "x") == (
        jks.TrustedCertificate("cloud", newer.der, EPOCH * 1000),
    )


def test_the_platforms_own_signers_must_be_in_the_keystore() -> None:
    known = PlatformBundle("/opt/a.jar", ("CN=a",), ("0", a_vendor().certificates[1].sha256))
    install(vanilla(), a_release(), a_trust(), SECRETS, (known, PlatformBundle("/opt/b.jar", problem="not signed")))
    with pytest.raises(
        PipelineError, match=r"/opt/c.jar is signed by CN=c, of whom the vendor's keystore has no certificate"
    ):
        install(vanilla(), a_release(), a_trust(), SECRETS, (PlatformBundle("/opt/c.jar", ("CN=c",), ("0",)),))


def test_two_entries_of_one_alias_are_named() -> None:
    twice = store("defaultPassword", replace(VENDOR, alias="vendor"), replace(VENDOR, alias="vendos"))
    body = twice[:-20].replace(b"vendos", b"vendor")
    digest = hashlib.sha1("defaultPassword".encode("utf-16be") + b"Mighty Aphrodite" + body).digest()  # noqa: S324
    with pytest.raises(PipelineError, match="two of its entries have the same alias"):
        install(vanilla(body + digest), a_release(), a_trust(), SECRETS)
