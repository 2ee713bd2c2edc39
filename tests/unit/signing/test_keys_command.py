"""`doit keys`: all three ways of the documents to a certificate, judged by openssl and keytool."""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from pipeline.commands.keys import Keys
from pipeline.errors import PipelineError
from pipeline.formats.crypto import jks
from pipeline.inputs.key_config import read_keys
from pipeline.signing.bundles.bundle import sign_bundle
from pipeline.signing.keys.certificates import parse_name
from pipeline.signing.keys.signers import open_bundle_signer
from tests.support.trust import LEAF, ROOT, VENDOR, a_bundle, a_chain_signer, certificate, chain_of, ec_key, rsa_key

DN = "CN=www.companyname.com,O=Company Name,C=US"  # the documents' own example
PLANTED = "planted-passphrase-6112"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEY_PASSPHRASE", PLANTED)
    (tmp_path / "ca.pem").touch(0o600)
    (tmp_path / "ca.pem").write_bytes(pem(rsa_key("authority")))
    (tmp_path / "ca.crt").write_bytes(certificate(ROOT, rsa_key("authority"), ca=True, serial=1))
    return tmp_path


def pem(key: object) -> bytes:
    assert hasattr(key, "private_bytes")
    made: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made


def run(*arguments: str) -> int:
    return Keys().execute({}, list(arguments))


def new(*arguments: str) -> int:
    return run("new", "signer", "--dn", DN, "--from", "2026-01-01", "--bits", "2048", *arguments)


def openssl(*arguments: str | Path) -> str:
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True).stdout


def keys_toml(extra: str = "") -> None:
    text = f'[signer]\nkey = "file:private/signer.pem"\ncertificates = ["signer.crt"]\n{extra}'
    Path("keys/keys.toml").write_text(text)


@pytest.mark.tools
def test_self_signed(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert new() == 0
    private, public = place / "keys/private/signer.pem", place / "keys/signer.crt"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(private.parent.stat().st_mode) == 0o700
    openssl("verify", "-CAfile", public, public)
    text = openssl("x509", "-in", public, "-noout", "-text")
    for line in (
        "Subject: C = US, O = Company Name, CN = www.companyname.com",
        "Not Before: Jan  1 00:00:00 2026 GMT",
        "CA:FALSE",
        "Code Signing",
        "sha256WithRSAEncryption",
    ):
        assert line in text
    shown = capfd.readouterr().out
    assert 'key = "file:private/signer.pem"' in shown
    keys_toml()
    assert sign_bundle(a_bundle(), open_bundle_signer(read_keys(place / "keys/keys.toml"), "signer"))


def test_nothing_is_replaced(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert new() == 0
    before = (place / "keys/private/signer.pem").read_bytes()
    assert new() == 2
    assert "already" in capfd.readouterr().err
    assert (place / "keys/private/signer.pem").read_bytes() == before


@pytest.mark.tools
def test_issued_by_a_companys_authority(place: Path) -> None:
    assert new("--ca", "file:ca.pem", "--ca-cert", "ca.crt") == 0
    (place / "ca-pem.crt").write_text(openssl("x509", "-inform", "der", "-in", "ca.crt"))
    openssl("verify", "-CAfile", "ca-pem.crt", "keys/signer.crt")
    keys_toml()
    signer = open_bundle_signer(read_keys(place / "keys/keys.toml"), "signer")
    assert [one.subject for one in signer.certificates] == [DN, ROOT]


@pytest.mark.tools
def test_asked_for_and_taken_back(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """openssl is the trusted authority here."""
    dn = ("--dn", DN, "--bits", "2048", "--passphrase", "env:KEY_PASSPHRASE")
    assert run("csr", "signer", *dn) == 0
    request = place / "keys/signer.csr"
    assert (
        "verify OK"
        in subprocess.run(
            ["openssl", "req", "-in", request, "-noout", "-verify", "-subject"],
            capture_output=True,
            text=True,
            check=True,
        ).stderr
    )
    before = request.read_bytes()
    assert run("csr", "signer", *dn) == 0
    assert request.read_bytes() == before
    (place / "ca-pem.crt").write_text(openssl("x509", "-inform", "der", "-in", "ca.crt"))
    issue = [
        "x509",
        "-req",
        "-in",
        request,
        "-CA",
        "ca-pem.crt",
        "-CAkey",
        "ca.pem",
        "-set_serial",
        "7",
        "-days",
        "900",
    ]
    (place / "came-back.crt").write_text(openssl(*issue, "-copy_extensions", "copyall"))
    assert run("import", "signer", "came-back.crt") == 2
    assert f"the certificate of {ROOT} is missing" in capfd.readouterr().err
    assert run("import", "signer", "ca.crt", "came-back.crt") == 0
    keys_toml('passphrase = "env:KEY_PASSPHRASE"\n')
    signer = open_bundle_signer(read_keys(place / "keys/keys.toml"), "signer")
    assert [one.subject for one in signer.certificates] == [DN, ROOT]
    assert run("import", "signer", "ca.crt", "came-back.crt") == 2
    assert "already" in capfd.readouterr().err
    # with a passphrase the key is encrypted, and the passphrase is nowhere
    with pytest.raises(TypeError):
        load_pem_private_key((place / "keys/private/signer.pem").read_bytes(), None)
    for file in place.rglob("*"):
        assert not file.is_file() or PLANTED.encode() not in file.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("new", "x", "--dn", "CN=a,O=Company, Inc.", "--from", "2026-01-01"), r"put a backslash before each comma"),
        (("new", "x", "--dn", "CN=a,O=Company\\, Inc.", "--from", "2026-01-01"), "policies could not hold"),
        (("new", "x", "--dn", 'CN=a,O=\\"b\\"', "--from", "2026-01-01"), "policies could not hold"),
        (("new", "x", "--dn", "CN=a\\;b", "--from", "2026-01-01"), "policies could not hold"),
        (("new", "x", "--dn", "CN=a;O=b", "--from", "2026-01-01"), "put a backslash before"),
        (("new", "x", "--dn", DN), "no gateway.toml here"),
        (("new", "x", "--dn", DN, "--from", "yesterday"), "is not a day"),
        (("new", "x", "--dn", DN, "--from", "2026-01-01", "--days", "0"), "not between"),
        (("new", "../x", "--dn", DN, "--from", "2026-01-01"), "not the name of a key"),
        (("new", "x", "--dn", DN, "--from", "2026-01-01", "--bits", "1024"), "1024 bits are too weak"),
        (("new", "x", "--dn", DN, "--from", "2026-01-01", "--ca", "file:ca.pem"), "belong together"),
        (
            ("new", "x", "--dn", DN, "--from", "2010-01-01", "--ca", "file:ca.pem", "--ca-cert", "ca.crt"),
            "would be from 2010-01-01 to 2019-12-30",
        ),
        (("new", "x", "--dn", DN, "--from", "2026-01-01", "--ca", "file:ca.pem", "--ca-cert", "l.crt"), "another key"),
        (("new", "x", "--dn", DN, "--from", "2026-01-01", "--ca", "file:c.pem", "--ca-cert", "l.crt"), "CA:TRUE"),
        (("new", "x", "--dn", DN, "--from", "2026-01-01", "--passphrase", PLANTED), "source is of an unknown kind"),
        (("import", "x", "ca.crt"), "cannot be read"),
        (("export", "x", "--pem"), "key file is not there"),
        (("show", "missing.ks"), "cannot be read"),
        (("show", "ca.pem"), "it is no keystore, not JKS"),
    ],
)
def test_what_is_wrong_is_named(
    place: Path, arguments: tuple[str, ...], reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (place / "l.crt").write_bytes(certificate(LEAF, rsa_key("ours")))
    (place / "c.pem").touch(0o600)
    (place / "c.pem").write_bytes(pem(rsa_key("ours")))
    assert run(*arguments) == 2
    told = capfd.readouterr()
    assert re.search(reason, told.err), told.err
    assert not (place / "keys").exists()
    assert PLANTED not in told.out + told.err


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([certificate(LEAF, rsa_key("stranger"))], "none of the certificates belongs to the key"),
        ([*chain_of(LEAF, ROOT, "company")[:1]], "is missing"),
        ([*chain_of(LEAF, ROOT, "company"), certificate(VENDOR, rsa_key("vendor"))], "does not belong to its chain"),
        ([certificate("CN=a*b", rsa_key("company"))], "need escaping"),
    ],
    ids=range(4),
)
def test_what_comes_back_must_be_a_chain(
    place: Path, given: list[bytes], reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (place / "keys/private").mkdir(parents=True)
    (place / "keys/private/signer.pem").touch(0o600)
    (place / "keys/private/signer.pem").write_bytes(pem(rsa_key("company")))
    for number, der in enumerate(given):
        (place / f"{number}.crt").write_bytes(der)
    assert run("import", "signer", *(f"{number}.crt" for number in range(len(given)))) == 2
    assert reason in capfd.readouterr().err
    assert not (place / "keys/signer.crt").exists()


def test_a_name_that_doit_takes_for_a_variable(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Doit takes words with an equals sign away from every command line."""
    (place / "secret").touch(0o600)
    (place / "secret").write_text(PLANTED)
    words = ["new", "signer", "--dn", DN, "--from=2026-01-01", "--bits", "2048", "--passphrase", "file:secret"]
    monkeypatch.setattr("sys.argv", ["doit", "keys", *words])
    assert run(*(word for word in words if word != DN)) == 0
    assert x509.load_pem_x509_certificate((place / "keys/signer.crt").read_bytes()).subject.rfc4514_string() == DN
    told = capfd.readouterr().out
    assert 'passphrase = "file:../secret"' in told
    keys_toml('passphrase = "file:../secret"\n')
    assert open_bundle_signer(read_keys(place / "keys/keys.toml"), "signer")


def test_names_as_people_write_them() -> None:
    """keytool shows a blank behind each comma; the documents write none."""
    assert parse_name("CN=www.companyname.com, O=Company Name, C=US") == parse_name(DN)
    assert [one.value for one in parse_name(DN)] == ["US", "Company Name", "www.companyname.com"]
    with pytest.raises(PipelineError):
        parse_name("")


@pytest.mark.tools
def test_exported_as_keytool_and_the_console_want_it(place: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert new("--ca", "file:ca.pem", "--ca-cert", "ca.crt") == 0
    keys_toml()
    capfdbinary.readouterr()
    assert run("export", "signer", "--der") == 0
    der = capfdbinary.readouterr().out
    assert x509.load_der_x509_certificate(der).subject.rfc4514_string() == DN
    assert run("export", "signer", "--pem", "-o", "one.pem") == 0
    assert run("export", "signer", "--pem", "--chain", "-o", "all.pem") == 0
    assert [len(x509.load_pem_x509_certificates((place / name).read_bytes())) for name in ("one.pem", "all.pem")] == [
        1,
        2,
    ]
    shown = subprocess.run(["keytool", "-printcert", "-file", "one.pem"], check=True, capture_output=True, text=True)
    assert "Owner: CN=www.companyname.com, O=Company Name, C=US" in shown.stdout


def facts(text: str) -> list[str]:
    """The lines of a listing both programs write."""
    starts = (
        "Alias name:", "Entry type:", "Certificate chain length:", "Certificate[", "Owner:", "Issuer:",
        "Serial number:", "Valid from:", "SHA1:", "SHA256:", "Signature algorithm name:",
        "Subject Public Key Algorithm:", "Version:",
        "Creation date:", "Your keystore contains",
    )  # fmt: skip
    return [line.strip() for line in text.splitlines() if line.strip().startswith(starts)]


@pytest.mark.tools
def test_a_keystore_is_shown_as_keytool_shows_it(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    comma = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, 'Comma, "Inc."')])
    chain = tuple(one.der for one in a_chain_signer().certificates)
    pkcs8 = load_der(rsa_key("company"))
    store = jks.write_keystore(
        [
            jks.TrustedCertificate("elliptic", certificate("CN=EC", ec_key()), 1_700_000_000_000),
            jks.TrustedCertificate("comma", certificate(comma, rsa_key("ours"))),
            jks.PrivateKey("key", pkcs8, chain),
        ],
        "changeit",
        b"salt",
        "test.ks",
    )
    (place / "test.ks").write_bytes(store)
    keytool = ["keytool", "-J-Duser.timezone=UTC", "-J-Duser.language=en", "-list", "-v", "-storepass", "changeit"]
    theirs = subprocess.run([*keytool, "-keystore", "test.ks"], check=True, capture_output=True, text=True)
    assert run("show", "test.ks") == 0
    ours = capfd.readouterr().out
    assert "NOT verified" in ours
    assert sorted(facts(ours)) == sorted(facts(theirs.stdout))
    (place / "password").touch(0o600)
    (place / "password").write_text("changeit\n")
    assert run("show", "test.ks", "--password", "file:password") == 0
    assert "integrity is verified" in capfd.readouterr().out
    (place / "password").write_text("planted-wrong\n")
    assert run("show", "test.ks", "--password", "file:password") == 2
    told = capfd.readouterr()
    assert "the password is wrong" in told.err
    assert "planted" not in told.out + told.err


def load_der(key: object) -> bytes:
    assert hasattr(key, "private_bytes")
    made: bytes = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return made


def test_certificates_are_shown_too(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("show", "ca.crt") == 0
    assert "Owner: CN=Example CA, O=Example, C=US" in capfd.readouterr().out
    (place / "cut.ks").write_bytes(bytes.fromhex("feedfeed00000002"))
    assert run("show", "cut.ks") == 2
    assert "damaged or cut short" in capfd.readouterr().err
