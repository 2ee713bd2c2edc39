"""Keystores that are services: files from the vendor, passwords and the console's key each gateway's own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from pipeline.errors import PipelineError
from pipeline.formats.crypto import jks
from pipeline.formats.esf.esf_snapshot import Configuration, Snapshot
from pipeline.inputs.layout_files import choose_layouts
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer
from pipeline.model.trust import PlatformBundle, Trust
from pipeline.model.vanilla import Vanilla
from pipeline.signing.secrets.secrets import FleetSecret, gateway_secrets
from pipeline.transforms.esf.keystores.services import BUNDLES, HTTP, SERVICE, install
from tests.support.kura import CACERTS, CLOUD, HTTPS, KURA, a_kura, a_kura_golden, values_of, with_values, without
from tests.support.release import a_gateway, a_release
from tests.support.trust import a_signer, a_trust, a_vendor, certificate, rsa_key

SECRETS = gateway_secrets(FleetSecret(bytes(32)), a_release(), a_gateway())
OTHERS = gateway_secrets(FleetSecret(bytes(32)), a_release(), a_gateway(name="gw-other"))
NO_CHANGE: Callable[[Snapshot], Snapshot] = lambda snapshot: snapshot  # noqa: E731 - a default
BROKER = certificate("CN=Broker", rsa_key("broker"), ca=True)
VENDOR = jks.TrustedCertificate("vendor", a_vendor().certificates[1].der, 0)


def installed(
    change: Callable[[Snapshot], Snapshot] = NO_CHANGE, image: Vanilla | None = None, trust: Trust | None = None
) -> tuple[Layer, dict[str, str | None]]:
    golden: Golden = a_kura_golden(change)
    given = trust or a_trust(golden)
    layer, settings = install(golden, image or a_kura(), a_release(), given, SECRETS)
    return layer, values_of(settings)


def entries(layer: Layer, path: str, password: str, image: Vanilla | None = None) -> tuple[jks.KeystoreEntry, ...]:
    entry = layer.by_path[(image or a_kura()).tree.resolve(GuestPath(path))]
    assert isinstance(entry, FileEntry)
    # Kura's own process replaces the password at its first start, so the file has to be its own.
    assert (entry.mode, entry.uid, entry.gid, entry.secret) == (0o600, 990, 991, True)
    return jks.read_keystore(entry.content, password, "test")


def service(pid: str, path: str) -> Callable[[Snapshot], Snapshot]:
    return with_values(pid, service_factoryPid=SERVICE, keystore_path=path)


def test_the_tls_keystore_is_the_vendor_s_with_ours() -> None:
    trust = replace(a_trust(a_kura_golden()), tls=(jks.describe("broker", BROKER),))
    layer, values = installed(trust=trust)
    password = values["SSLKeystore keystore.password"]
    assert password == SECRETS.cacerts_password
    found = entries(layer, CACERTS, password)
    assert [entry.alias for entry in found] == ["broker", "demo-cloud-ca"]
    assert found[1] == CLOUD
    assert values["SSLKeystore randomize.password"] == "true"


def test_each_console_has_a_key_of_its_own_and_not_the_installer_s() -> None:
    layer, values = installed()
    password = values["HttpsKeystore keystore.password"] or ""
    (entry,) = entries(layer, HTTPS, password)
    assert isinstance(entry, jks.PrivateKey)
    assert entry.alias == "localhost"
    shown = x509.load_der_x509_certificate(entry.chain[0])
    assert shown.subject.rfc4514_string() == "CN=gw-north-01"
    shown.verify_directly_issued_by(shown)
    assert SECRETS.https is not None
    assert OTHERS.https is not None
    assert OTHERS.https.pkcs8 != SECRETS.https.pkcs8
    assert values["HttpsKeystore randomize.password"] == "true"
    assert installed() == (layer, values)


def test_passwords_are_different_from_each_other() -> None:
    change = service("Third", f"{KURA}/user/security/third.ks")
    _, values = installed(change)
    passwords = [value for name, value in values.items() if name.endswith("keystore.password")]
    assert len(passwords) == len(set(passwords)) == 3
    assert "changeit" not in passwords


def test_a_file_of_the_vendor_s_for_another_service_keeps_its_content() -> None:
    place = f"{KURA}/user/security/third.ks"
    snapshot = (a_kura().find(f"{KURA}/user/snapshots/snapshot_0.xml") or b"").decode()
    known = snapshot.replace("HttpsKeystore<", "Third<").replace('pid="HttpsKeystore"', 'pid="Third"')
    known = known.replace("httpskeystore.ks", "third.ks")
    image = a_kura(
        {
            place: jks.write_keystore([VENDOR], "changeit", b"x", "x"),
            f"{KURA}/user/snapshots/snapshot_0.xml": known,
        }
    )
    layer, values = installed(service("Third", place), image)
    assert entries(layer, place, values["Third keystore.password"] or "", image) == (VENDOR,)


def test_a_file_nobody_delivered_is_made_by_the_framework() -> None:
    layer, values = installed(service("Third", f"{KURA}/user/security/third.ks"))
    assert len(layer.entries) == 2
    assert values["Third randomize.password"] == "true"


def esf7(files: dict[str, bytes | str | None]) -> tuple[Vanilla, str]:
    """The same installation as ESF 7, where bundle signers lie in a keystore service, too."""
    layout = choose_layouts("esf-7")[0]
    moved = {name: GuestPath(str(value).replace("/opt/eurotech/esf", KURA)) for name, value in vars(layout).items()
             if isinstance(value, GuestPath)}  # fmt: skip
    return a_kura(files, layout=replace(layout, **moved)), f"{KURA}/user/security/dmkeystore.ks"


def with_bundle_store(snapshot: str) -> str:
    known = snapshot[snapshot.index('    <esf:configuration pid="HttpsKeystore"') :]
    known = known[: known.index("</esf:configuration>") + len("</esf:configuration>")]
    added = known.replace("HttpsKeystore", BUNDLES).replace("httpskeystore.ks", "dmkeystore.ks")
    return snapshot.replace("</esf:configurations>", f"{added}\n</esf:configurations>")


def test_bundle_signers_of_esf_7() -> None:
    vendor = (a_kura().find(f"{KURA}/user/snapshots/snapshot_0.xml") or b"").decode()
    stores: dict[str, bytes | str | None] = {
        f"{KURA}/user/security/dmkeystore.ks": jks.write_keystore([VENDOR], "changeit", b"x", "x"),
        f"{KURA}/user/snapshots/snapshot_0.xml": with_bundle_store(vendor),
    }
    image, place = esf7(stores)
    layer, values = installed(service(BUNDLES, place), image)
    assert values[f"{BUNDLES} keystore.password"] == SECRETS.certificates_password
    found = entries(layer, place, SECRETS.certificates_password, image)
    assert [entry.alias for entry in found] == [a_signer().certificates[0].alias, "vendor"]
    with pytest.raises(PipelineError, match="DMKeystore is not configured, so no gateway would trust the signer"):
        installed(image=image)
    unsigned = Trust((), a_signer().certificates)
    assert len(installed(image=image, trust=unsigned)[0].entries) == 2
    partner = replace(a_trust(a_kura_golden()), signers=(jks.describe("partner", BROKER),))
    layer, _ = installed(service(BUNDLES, place), image, partner)
    found = entries(layer, place, SECRETS.certificates_password, image)
    assert [entry.alias for entry in found] == [a_signer().certificates[0].alias, "partner", "vendor"]
    # the platform's own bundles have to be known there as well
    golden = a_kura_golden(service(BUNDLES, place))
    given = (golden, image, a_release(), a_trust(golden), SECRETS)
    known = PlatformBundle("/opt/a.jar", ("CN=a",), ("0", a_vendor().certificates[1].sha256))
    install(*given, (known, PlatformBundle("/opt/b.jar", problem="not signed")))
    with pytest.raises(PipelineError, match=r"/opt/c.jar is signed by CN=c, of whom DMKeystore has no certificate"):
        install(*given, (known, PlatformBundle("/opt/c.jar", ("CN=c",), ("0",))))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            without("SSLKeystore"),
            r"no FilesystemKeystoreServiceImpl has the file /opt/eclipse/kura/user/security/cacerts",
        ),
        (without("HttpsKeystore"), r"HttpService uses the keystore HttpsKeystore, which is not configured"),
        (service("Third", "/etc/third.ks"), r"Third keystore\.path: /etc/third\.ks is outside /opt/eclipse/kura"),
        (service("Third", f"{KURA}/../../x.ks"), r"Third keystore\.path is .*not an absolute path"),
        (service("Third", "third.ks"), r"not an absolute path"),
        (service("Third", CACERTS), r"cacerts\.ks is also the file of SSLKeystore"),
    ],
)
def test_what_cannot_be_is_named(change: Callable[[Snapshot], Snapshot], message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        installed(change)


def test_a_vendor_s_file_that_cannot_be_read() -> None:
    with pytest.raises(PipelineError, match=r"cacerts\.ks: the password is wrong"):
        installed(image=a_kura({CACERTS: jks.write_keystore([CLOUD], "another password", b"x", "x")}))
    place = f"{KURA}/user/security/third.ks"
    with pytest.raises(PipelineError, match=r"third\.ks: its password is not known"):
        installed(service("Third", place), a_kura({place: jks.write_keystore([CLOUD], "changeit", b"x", "x")}))


def test_a_taken_alias() -> None:
    trust = replace(a_trust(a_kura_golden()), tls=(jks.describe("demo-cloud-ca", BROKER),))
    with pytest.raises(PipelineError, match="alias demo-cloud-ca is taken"):
        installed(trust=trust)


def test_a_web_server_with_another_target_takes_that_keystore() -> None:
    def change(snapshot: Snapshot) -> Snapshot:
        server = snapshot.get(HTTP) or Configuration(HTTP)
        changed = with_values(HTTP, KeystoreService_target="(kura.service.pid=Third)")
        return service("Third", f"{KURA}/user/security/third.ks")(changed(snapshot.with_configuration(server)))

    layer, values = installed(change)
    (entry,) = entries(layer, f"{KURA}/user/security/third.ks", values["Third keystore.password"] or "")
    assert isinstance(entry, jks.PrivateKey)


def test_an_installer_s_pkcs12_that_no_server_names_is_read_with_its_password() -> None:
    def change(snapshot: Snapshot) -> Snapshot:
        changed = with_values(HTTP, KeystoreService_target="(kura.service.pid=Third)")
        return service("Third", f"{KURA}/user/security/third.ks")(changed(snapshot))

    layer, values = installed(change)
    (entry,) = entries(layer, HTTPS, values["HttpsKeystore keystore.password"] or "")
    assert isinstance(entry, jks.PrivateKey)
    assert entry.alias == "localhost"
    assert len(entry.chain) == 1


@pytest.mark.tools
def test_keytool_opens_both(tmp_path: Path) -> None:
    layer, values = installed()
    for path, pid, kind in ((CACERTS, "SSLKeystore", "trustedCertEntry"), (HTTPS, "HttpsKeystore", "PrivateKeyEntry")):
        entry = layer.by_path[a_kura().tree.resolve(GuestPath(path))]
        assert isinstance(entry, FileEntry)
        store = tmp_path / pid
        store.write_bytes(entry.content)
        done = subprocess.run(
            ["keytool", "-list", "-v", "-keystore", str(store), "-storepass:env", "STORE"],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": "/usr/bin:/bin", "STORE": values[f"{pid} keystore.password"] or "", "LC_ALL": "C.UTF-8"},
        )
        assert done.returncode == 0, done.stdout
        assert kind in done.stdout
        if kind == "PrivateKeyEntry":
            assert "SHA256withECDSA" in done.stdout
            assert "DNSName: gw-north-01" in done.stdout
