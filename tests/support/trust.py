"""Keys, certificates, bundles and packages for tests; keys are made once in a test run and never written down."""

from __future__ import annotations

import datetime
import io
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pipeline.formats.archive import zip_archive
from pipeline.formats.crypto import jks
from pipeline.model.golden import Golden
from pipeline.model.trust import Trust
from pipeline.signing.bundles.packages import sign_packages
from pipeline.signing.keys.signers import BundleSigner

START = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
END = datetime.datetime(2044, 1, 1, tzinfo=datetime.UTC)
_KINDS = {"CN": NameOID.COMMON_NAME, "OU": NameOID.ORGANIZATIONAL_UNIT_NAME, "O": NameOID.ORGANIZATION_NAME,
          "C": NameOID.COUNTRY_NAME}  # fmt: skip


@cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """An RSA key, the same for the same name all through a test run."""
    del name
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pkcs8_of(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as keystores hold it."""
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def name_of(text: str) -> x509.Name:
    """A name of ``CN=…,O=…`` text without escapes, most specific part first."""
    parts = [part.split("=", 1) for part in text.split(",")]
    return x509.Name([x509.NameAttribute(_KINDS[kind], value) for kind, value in reversed(parts)])


def certificate(
    subject: str | x509.Name,
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    issuer: str | x509.Name | None = None,
    issuer_key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | None = None,
    *,
    ca: bool = False,
    serial: int = 4711,
) -> bytes:
    """A certificate as DER; self-signed unless an issuer is given."""
    subject = name_of(subject) if isinstance(subject, str) else subject
    issuer = subject if issuer is None else name_of(issuer) if isinstance(issuer, str) else issuer
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(START)
        .not_valid_after(END)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if not ca:
        usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        builder = builder.add_extension(usage, critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
    signed = builder.sign(issuer_key or key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)


LEAF, ROOT = "CN=Bundle Signing,O=Example,C=US", "CN=Example CA,O=Example,C=US"
VENDOR, VENDOR_CA = "CN=Vendor Software,O=Vendor,C=IT", "CN=Vendor Software CA,O=Vendor,C=IT"


def chain_of(leaf: str, root: str, key: str) -> tuple[bytes, bytes]:
    """Two certificates: a leaf and the root that issued it."""
    return (
        certificate(leaf, rsa_key(key), root, rsa_key(f"{key} ca"), serial=2),
        certificate(root, rsa_key(f"{key} ca"), ca=True, serial=1),
    )


@cache
def a_signer(name: str = "bundle-signer") -> BundleSigner:
    """Our signer: self-signed, as the documents suggest to begin with."""
    return BundleSigner.of(name, rsa_key("ours"), [certificate(LEAF, rsa_key("ours"))])


@cache
def a_chain_signer() -> BundleSigner:
    """Our signer with a company's certificate."""
    return BundleSigner.of("company", rsa_key("company"), chain_of(LEAF, ROOT, "company"))


@cache
def a_vendor() -> BundleSigner:
    """The vendor's signer."""
    return BundleSigner.of("vendor", rsa_key("vendor"), chain_of(VENDOR, VENDOR_CA, "vendor"))


def a_jar(
    files: Mapping[str, bytes | str], manifest: str | bytes | None = None, *, method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """A JAR in the order given; ``manifest`` goes first, None writes none."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        first = {} if manifest is None else {"META-INF/MANIFEST.MF": manifest}
        for name, content in {**first, **files}.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 2, 3, 4, 6)), content, compress_type=method)
    return target.getvalue()


def a_bundle(symbolic_name: str = "org.example.heater", version: str = "1.0.0", **files: str) -> bytes:
    """A bundle with a class-like file."""
    manifest = (
        "Manifest-Version: 1.0\r\nBundle-ManifestVersion: 2\r\n"
        f"Bundle-SymbolicName: {symbolic_name};singleton:=true\r\nBundle-Version: {version}\r\n\r\n"
    )
    return a_jar({"org/example/Activator.class": b"\xca\xfe\xba\xbe" + b"code" * 50, **files}, manifest)


def a_package(
    bundles: Mapping[str, bytes], name: str = "heater", version: str = "1.0.0", *, manifest: str | None = None
) -> bytes:
    """A deployment package of bundles by their path; bundle versions are 1.0.0, symbolic names those of the files."""
    if manifest is None:
        manifest = f"Manifest-Version: 1.0\r\nDeploymentPackage-SymbolicName: {name}\r\n"
        manifest += f"DeploymentPackage-Version: {version}\r\n\r\n"
        for path in bundles:
            symbolic = path.rsplit("/", 1)[-1].removesuffix(".jar")
            manifest += f"Name: {path}\r\nBundle-SymbolicName: {symbolic}\r\nBundle-Version: 1.0.0\r\n\r\n"
    return a_jar(bundles, manifest)


HEATER = "bundles/org.example.heater.jar"


def a_golden(
    packages: Mapping[str, bytes] | None = None, dpa: str | None = None, policy: bytes | None = None
) -> Golden:
    """A golden sample's export with what concerns trust."""
    packages = {"heater_1.0.0.dp": a_package({HEATER: a_bundle()})} if packages is None else packages
    listed = "".join(f"{name.split('_')[0]}=file\\:/opt/eclipse/kura/packages/{name}\n" for name in packages)
    return Golden("5.0.0", b"", (listed if dpa is None else dpa).encode(), packages, policy, {}, {}, (), (), "00" * 32)


def a_trust(golden: Golden | None = None, signer: BundleSigner | None = None) -> Trust:
    """Trust as `prepare_trust` makes it."""
    signer = signer or a_signer()
    return Trust(sign_packages((golden or a_golden()).packages, signer, "keep"), signer.certificates)


def archive_of(data: bytes, name: str = "test.jar") -> zip_archive.ZipArchive:
    """A checked archive in memory."""
    return zip_archive.read_archive(zip_archive.MemorySource(data), name)


def names_of(data: bytes) -> Sequence[str]:
    """The names in an archive, in the order of its bytes."""
    return [entry.name for entry in archive_of(data).entries]


def jarsigner(jar: Path, store: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """What jarsigner says of a signed JAR when it trusts what is in a keystore of password ``changeit``."""
    command = ["jarsigner", "-verify", "-strict", "-certs", *options, "-keystore", store, "-storepass", "changeit", jar]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def trusting(directory: Path, signer: BundleSigner) -> Path:
    """A keystore that trusts a signer's root, written by us."""
    root = signer.certificates[-1]
    store = directory / "trust.ks"
    store.write_bytes(jks.write_keystore([jks.TrustedCertificate(root.alias, root.der)], "changeit", b"", "trust.ks"))
    return store
