"""The gateway's own verdict: a real OSGi framework with an image's own keystore, security policy and bundles.

The framework is newer than that of ESF 5, and checks signatures by the JDK. What it cannot see, the shape of signature
blocks, is looked at beside it; the last column says what the pipeline itself makes of each bundle (`doit explain`).
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509 import load_pem_x509_certificate

from pipeline.formats.crypto import jks, signature_block
from pipeline.formats.esf.esf_policy import (
    SIGNER,
    Condition,
    Permission,
    Row,
    SecurityPolicy,
    read_policy,
    render_policy,
)
from pipeline.report.text.bundle_explanation import Ground, will_run
from pipeline.signing.bundles.bundle import sign_bundle
from pipeline.signing.bundles.platform import describe_bundle
from pipeline.signing.keys.signers import BundleSigner
from tests.acceptance.conftest import GATEWAYS, Built
from tests.support.media.image_files import extract, extract_tree, read_file
from tests.support.programs.framework import Run, Seen, archive_of, compile_classes, probe, run_framework, tampered
from tests.support.trust import a_signer, certificate, chain_of, rsa_key
from tests.support.workspaces import doit

pytestmark = [pytest.mark.appliance, pytest.mark.tools]

ESF = "/opt/eurotech/esf_5.0.0"
HEATER, METER = "org.example.heater_1.0.0.202401081530", "org.example.meter_1.1.0.202402140910"
US = "CN=Demo Bundle Signing,OU=Development,O=Demo,C=IT"
VENDOR, VENDOR_CA = "CN=Demo Vendor Software,O=Demo Vendor,C=IT", "CN=Demo Vendor Software CA,O=Demo Vendor,C=IT"


@dataclass(frozen=True)
class Expected:
    """What should become of a bundle.

    Attributes:
        framework: who is trusted to have signed it, permissions, whether it starts, whether its files are intact.
        runs: what the pipeline says; it is stricter than the framework where that fails to look.
    """

    framework: tuple[str, str, str, str]
    runs: bool


TRUSTED = Expected((US, "all", "started", "intact"), runs=True)
THE_VENDORS = Expected((f"{VENDOR};{VENDOR_CA}", "all", "started", "intact"), runs=True)
DENIED = Expected(("nobody", "none", "refused", "intact"), runs=False)
NOT_INSTALLED = Expected(("-", "-", "not installed", "-"), runs=False)

EXPECTED: Mapping[str, Expected] = {
    "ours, heater": TRUSTED,
    "ours, meter": TRUSTED,
    "vendor's, core": THE_VENDORS,
    "vendor's, net": THE_VENDORS,
    "unsigned": DENIED,
    "signed by a stranger": DENIED,
    "impostor under our name": DENIED,
    "impostor under the vendor's names": DENIED,
    "signature taken off": DENIED,
    "signature of another bundle": NOT_INSTALLED,
    "manifest changed": NOT_INSTALLED,
    "class changed": Expected(("nobody", "none", "refused", "changed"), runs=False),
    # Blind spots of every framework generation: files beside the signed ones are not looked at. The digest of the whole
    # package in our signed manifest sees it, and so does the pipeline.
    "class added": Expected(TRUSTED.framework, runs=False),
    # What JDK 17's jarsigner writes: the framework here takes it, the one of ESF 5 does not. Hence the shape test.
    "signed by jarsigner": Expected(TRUSTED.framework, runs=False),
}


@dataclass(frozen=True)
class GatewayFiles:
    """What the framework of a gateway reads, out of a finished image."""

    keystore: Path
    policy: Path
    password: str
    packages: Path
    plugins: Path


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_classes(tmp_path_factory.mktemp("framework"))


@pytest.fixture(scope="module")
def gateway(built: Built, tmp_path_factory: pytest.TempPathFactory) -> GatewayFiles:
    place, image = tmp_path_factory.mktemp("gateway"), built.image(GATEWAYS[0])
    properties = read_file(image, f"{ESF}/kura/kura.properties").decode().splitlines()
    return GatewayFiles(
        keystore=extract(image, f"{ESF}/kura/certificates.ks", place),
        policy=extract(image, f"{ESF}/kura/security.policy", place),
        password=next(line.split("=", 1)[1] for line in properties if line.startswith("kura.keystore.password=")),
        packages=extract_tree(image, f"{ESF}/kura/packages", place),
        plugins=extract_tree(image, f"{ESF}/plugins", place),
    )


def bundles_of(packages: Path) -> Iterator[tuple[str, bytes]]:
    for package in sorted(packages.glob("*.dp")):
        with zipfile.ZipFile(package) as archive:
            for name in archive.namelist():
                if name.endswith(".jar"):
                    yield Path(name).stem, archive.read(name)


def signed_by_jarsigner(bundle: bytes, demo_inputs: Path, place: Path) -> bytes:
    """By our own key, as the documents' command does it (B:606), with today's jarsigner."""
    key = load_pem_private_key((demo_inputs / "keys/bundle-signer.pem").read_bytes(), None)
    ours = load_pem_x509_certificate((demo_inputs / "keys/bundle-signer.crt").read_bytes())
    store = place / "signer.p12"
    store.touch(0o600)
    store.write_bytes(
        pkcs12.serialize_key_and_certificates(b"signer", key, ours, None, BestAvailableEncryption(b"secret"))  # type: ignore[arg-type]
    )
    jar = place / "jarsigner.jar"
    jar.write_bytes(bundle)
    command = ["jarsigner", "-keystore", str(store), "-storetype", "PKCS12", "-storepass:env", "STORE", str(jar)]
    environment = {**os.environ, "STORE": "secret", "JAVA_TOOL_OPTIONS": ""}
    subprocess.run([*command, "signer"], check=True, capture_output=True, env=environment)
    return jar.read_bytes()


def cases(gateway: GatewayFiles, demo_inputs: Path, place: Path) -> dict[str, bytes]:
    ours = dict(bundles_of(gateway.packages))
    unsigned = dict(bundles_of(demo_inputs / "golden/opt/eurotech/esf/kura/packages"))[HEATER]
    impostor = BundleSigner.of("impostor", rsa_key("impostor"), [certificate(US, rsa_key("impostor"))])
    vendors_names = BundleSigner.of("vendor", rsa_key("fake"), chain_of(VENDOR, VENDOR_CA, "fake"))

    def with_signature_of_meter(name: str, data: bytes) -> bytes:
        with zipfile.ZipFile(io.BytesIO(ours[METER])) as other:
            return other.read(name) if name.endswith((".SF", ".RSA")) else data

    heater = ours[HEATER]
    return {
        "ours, heater": heater,
        "ours, meter": ours[METER],
        "vendor's, core": (gateway.plugins / "org.example.platform.core_5.0.0.jar").read_bytes(),
        "vendor's, net": (gateway.plugins / "org.example.platform.net_5.0.0.jar").read_bytes(),
        "unsigned": unsigned,
        "signed by a stranger": sign_bundle(unsigned, a_signer()),
        "impostor under our name": sign_bundle(unsigned, impostor),
        "impostor under the vendor's names": sign_bundle(unsigned, vendors_names),
        "signature taken off": tampered(heater, lambda name, data: None if name.endswith(".RSA") else data),
        "signature of another bundle": tampered(heater, with_signature_of_meter),
        "manifest changed": tampered(
            heater, lambda name, data: data.replace(b"hall 3", b"hall 4") if name.endswith(".MF") else data
        ),
        "class changed": tampered(
            heater, lambda name, data: data.replace(b"started", b"stoked!") if name.endswith(".class") else data
        ),
        "class added": tampered(heater, lambda _, data: data, **{"org/example/Evil.class": b"\xca\xfe\xba\xbe"}),
        "signed by jarsigner": signed_by_jarsigner(unsigned, demo_inputs, place),
    }


def seen_in_brief(seen: Seen) -> tuple[str, str, str, str]:
    files = seen.files if seen.files in ("intact", "-") else "changed"
    return seen.signers, seen.permissions, seen.started.split(":")[0], files


def test_the_framework_lets_run_whom_it_should(
    gateway: GatewayFiles, java: Path, demo_inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = cases(gateway, demo_inputs, tmp_path)
    assert made.keys() == EXPECTED.keys()
    files = {name: tmp_path / f"{number:02}.jar" for number, name in enumerate(made)}
    for name, file in files.items():
        file.write_bytes(made[name])
    run = run_framework(java, gateway.keystore, gateway.policy, list(files.values()))
    known = frozenset(item.sha256 for item in jks.certificates_in(gateway.keystore.read_bytes()))
    ground = Ground("security.policy", read_policy(gateway.policy.read_bytes(), "security.policy"), known)
    found = {
        name: Expected(seen_in_brief(run.bundles[file.name]), runs=will_run(describe_bundle(name, made[name]), ground))
        for name, file in files.items()
    }
    with capsys.disabled():
        show(found, run, files)
    assert found == EXPECTED
    assert run.rows == 2
    assert f"{HEATER.replace('_', ' ')} started" in run.lines
    assert "org.example.platform.core 5.0.0 started" in run.lines


def show(found: Mapping[str, Expected], run: Run, files: Mapping[str, Path]) -> None:
    head = ("bundle", "trusted signer", "permissions", "start", "files", "pipeline", "as expected")
    lines = [head]
    for name, seen in found.items():
        signer = seen.framework[0].split(",")[0]
        pipeline = "runs" if seen.runs else "refuses"
        lines.append((name, signer, *seen.framework[1:], pipeline, "yes" if seen == EXPECTED[name] else "NO"))
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    sys.stdout.write("\n")
    for line in lines:
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n")
    for name, file in files.items():
        if found[name] != EXPECTED[name]:
            sys.stdout.write(f"{name}: {run.bundles[file.name]}\n")


def test_a_bundle_may_do_what_its_row_says_and_no_more(gateway: GatewayFiles, java: Path, tmp_path: Path) -> None:
    """A partner with two permissions, beside the image's own rows; the probe really tries what it may not."""
    partner = a_signer("partner")
    entries = jks.read_keystore(gateway.keystore.read_bytes(), gateway.password, "certificates.ks")
    trusted = jks.TrustedCertificate("partner", partner.certificates[0].der)
    keystore = tmp_path / "certificates.ks"
    keystore.write_bytes(jks.write_keystore([*entries, trusted], "for this test", b"salt", "certificates.ks"))
    rows = read_policy(gateway.policy.read_bytes(), "security.policy").rows
    limited = Row(
        "A partner may read properties", "ALLOW", Condition(SIGNER, partner.certificates[0].subject),
        (
            Permission("org.osgi.framework.PackagePermission", ("org.osgi.framework", "import")),
            Permission("java.util.PropertyPermission", ("user.*", "read")),
        ),
    )  # fmt: skip
    policy = tmp_path / "security.policy"
    policy.write_bytes(render_policy(SecurityPolicy(permit_debug=False, rows=(limited, *rows))))
    bundles = {"unsigned": probe(java), "partner": sign_bundle(probe(java), partner)}
    for name, content in bundles.items():
        (tmp_path / f"{name}.jar").write_bytes(content)
    run = run_framework(java, keystore, policy, [tmp_path / f"{name}.jar" for name in bundles])
    assert run.rows == 3
    assert run.bundles["unsigned.jar"].started.startswith("refused")
    assert run.bundles["partner.jar"].permissions == "none"
    assert run.bundles["partner.jar"].started == "started"
    assert [line.split("\t")[1:] for line in run.lines if line.startswith("probe\t")] == [
        ["reads a property", "allowed"],
        ["writes a file", "denied"],
    ]


def test_our_own_bundle_may_do_what_the_probe_tries(
    gateway: GatewayFiles, java: Path, demo_inputs: Path, tmp_path: Path
) -> None:
    key = load_pem_private_key((demo_inputs / "keys/bundle-signer.pem").read_bytes(), None)
    ours = load_pem_x509_certificate((demo_inputs / "keys/bundle-signer.crt").read_bytes())
    signer = BundleSigner.of("bundle-signer", key, [ours.public_bytes(Encoding.DER)])  # type: ignore[arg-type]
    jar = tmp_path / "ours.jar"
    jar.write_bytes(sign_bundle(probe(java), signer))
    run = run_framework(java, gateway.keystore, gateway.policy, [jar])
    assert run.bundles["ours.jar"] == Seen(US, "all", "started", "intact")
    outcomes = [line.split("\t")[2] for line in run.lines if line.startswith("probe\t")]
    assert outcomes == ["allowed", "allowed"]


def test_without_the_keystore_nobody_is_trusted(gateway: GatewayFiles, java: Path, tmp_path: Path) -> None:
    """PKCS #12 or a file cut short: the framework sees no certificates in it, and says nothing."""
    jar = tmp_path / "ours.jar"
    jar.write_bytes(dict(bundles_of(gateway.packages))[HEATER])
    keystore = tmp_path / "certificates.ks"
    keystore.write_bytes(gateway.keystore.read_bytes()[:-40])
    run = run_framework(java, keystore, gateway.policy, [jar])
    assert run.bundles["ours.jar"].signers == "nobody"
    assert run.bundles["ours.jar"].started.startswith("refused")


def test_doit_explain_says_so_too(built: Built, gateway: GatewayFiles, demo_inputs: Path, tmp_path: Path) -> None:
    """Of a signed package out of the image and an unsigned one, under the policy in the image itself."""
    signed = gateway.packages / "heater_1.0.0.dp"
    unsigned = demo_inputs / "golden/opt/eurotech/esf/kura/packages/heater_1.0.0.dp"
    results = f"out/demo-1.0/{GATEWAYS[0]}"
    ran = doit(built.workspace, "explain", str(signed), "--policy", results)
    assert ran.status == 0, ran.text
    assert f"signed by {US}" in ran.stdout
    assert "certificates.ks has a certificate of this chain" in ran.stdout
    assert f"row 2 'All permissions to bundles signed by {US}' allows everything" in ran.stdout
    ran = doit(built.workspace, "explain", str(signed), str(unsigned))
    assert ran.status == 1, ran.text
    assert "takes it for unsigned: it is not signed" in ran.stdout
    assert ran.stdout.count("WILL NOT RUN") == 1


@pytest.mark.parametrize("name", GATEWAYS)
def test_the_shape_of_every_signature_in_the_image(built: Built, name: str, tmp_path: Path) -> None:
    """What the newer framework above does not look at, and that of ESF 5 does."""
    packages = extract_tree(built.image(name), f"{ESF}/kura/packages", tmp_path)
    plugins = extract_tree(built.image(name), f"{ESF}/plugins", tmp_path)
    found = [*bundles_of(packages), *((path.stem, path.read_bytes()) for path in sorted(plugins.glob("*.jar")))]
    assert len(found) == 4
    for label, content in found:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            blocks = [entry for entry in archive.namelist() if entry.upper().endswith((".RSA", ".DSA", ".EC"))]
            assert len(blocks) == 1, label
            assert signature_block.check_shape(archive.read(blocks[0])) == [], label


def test_the_shape_test_sees_what_jarsigner_does_differently(demo_inputs: Path, tmp_path: Path) -> None:
    unsigned = dict(bundles_of(demo_inputs / "golden/opt/eurotech/esf/kura/packages"))[HEATER]
    with zipfile.ZipFile(io.BytesIO(signed_by_jarsigner(unsigned, demo_inputs, tmp_path))) as archive:
        block = next(archive.read(name) for name in archive.namelist() if name.endswith(".RSA"))
    assert any("signed attributes" in problem for problem in signature_block.check_shape(block))


def test_the_harness_tells_a_sound_archive_from_none(gateway: GatewayFiles, java: Path, tmp_path: Path) -> None:
    (tmp_path / "none.jar").write_bytes(b"no archive")
    (tmp_path / "plain.jar").write_bytes(archive_of({"a": b"b"}))
    run = run_framework(java, gateway.keystore, gateway.policy, [tmp_path / "none.jar", tmp_path / "plain.jar"])
    assert run.bundles["none.jar"].started.startswith("not installed: ")
    assert run.bundles["plain.jar"] == Seen("nobody", "none", "started", "intact")
