"""What comes out, judged by the programs that will read it; none of them is ours."""

from __future__ import annotations

import io
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from pipeline.host.digests import sha256_of
from pipeline.manifest import from_bytes
from pipeline.verification.medium import read_medium
from tests.acceptance.conftest import GATEWAYS, Built
from tests.support.media import used_media
from tests.support.media.image_files import boot_file, check_filesystem, extract, extract_tree, read_file

pytestmark = [pytest.mark.appliance, pytest.mark.tools]

ESF = "/opt/eurotech/esf_5.0.0"
QUIET = {**os.environ, "JAVA_TOOL_OPTIONS": "", "LC_ALL": "C.UTF-8"}


def properties(text: bytes) -> dict[str, str]:
    lines = (line.split("=", 1) for line in text.decode().splitlines() if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, value in lines}


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_the_file_system_is_clean(built: Built, gateway: str) -> None:
    done = check_filesystem(built.image(gateway))
    assert done.returncode == 0, done.stdout.decode()


def test_the_release_directory_holds_what_the_readme_says(built: Built) -> None:
    assert sorted(path.name for path in built.release.iterdir()) == sorted(
        [
            *GATEWAYS,
            "SHA256SUMS",
            "allowed_signers",
            "junit.xml",
            "release-notes.txt",
            "release.json",
            "release.json.sig",
            "report.html",
            "report.json",
            "report.sarif",
        ]
    )
    for gateway in GATEWAYS:
        names = sorted(path.name for path in (built.release / gateway).iterdir())
        assert names == [
            "image.bmap", "image.img", "manifest.json", "manifest.json.sig",
            "provenance.json", "sbom.cdx.json", "sbom.spdx.json",
        ]  # fmt: skip
        assert built.image(gateway).stat().st_mode & 0o777 == 0o600
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=built.release,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    files = sum(path.is_file() for path in built.release.rglob("*"))
    assert done.stdout.count(": OK") == files - 1  # of everything but the list itself


def test_images_are_sparse(built: Built) -> None:
    about = built.image(GATEWAYS[0]).stat()
    assert about.st_blocks * 512 < about.st_size * 0.8


def test_stock_ssh_keygen_verifies_the_manifest(built: Built) -> None:
    directory = built.release / GATEWAYS[0]
    principal = (built.release / "allowed_signers").read_text().split()[0]
    command = [
        "ssh-keygen", "-Y", "verify", "-f", str(built.release / "allowed_signers"), "-I", principal,
        "-n", "gateway-image-manifest", "-s", str(directory / "manifest.json.sig"),
    ]  # fmt: skip
    content = (directory / "manifest.json").read_bytes()
    assert subprocess.run(command, input=content, capture_output=True, check=False).returncode == 0
    assert subprocess.run(command, input=content + b" ", capture_output=True, check=False).returncode != 0


def test_jarsigner_accepts_every_bundle(built: Built, tmp_path: Path) -> None:
    packages = extract_tree(built.image(GATEWAYS[0]), f"{ESF}/kura/packages", tmp_path)
    bundles = 0
    for package in sorted(packages.glob("*.dp")):
        with zipfile.ZipFile(package) as archive:
            assert not any(name.endswith((".SF", ".RSA")) for name in archive.namelist())
            for name in archive.namelist():
                if name.endswith(".jar"):
                    bundle = tmp_path / "bundle.jar"
                    bundle.write_bytes(archive.read(name))
                    verify_with_jarsigner(bundle)
                    bundles += 1
    assert bundles >= 2


def verify_with_jarsigner(bundle: Path) -> None:
    done = subprocess.run(
        ["jarsigner", "-verify", "-strict", "-verbose", str(bundle)],
        capture_output=True,
        text=True,
        check=False,
        env=QUIET,
    )
    # 4: the chain ends in a certificate this JDK does not know, as a self-signed one must; 16: unsigned entries.
    assert done.returncode in (0, 4), done.stdout
    assert "jar verified" in done.stdout
    with zipfile.ZipFile(bundle) as archive:
        assert any(name.endswith(".RSA") for name in archive.namelist())


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_keytool_lists_both_keystores_with_the_passwords_of_kura_properties(
    built: Built, gateway: str, tmp_path: Path
) -> None:
    image = built.image(gateway)
    known = properties(read_file(image, f"{ESF}/kura/kura.properties"))
    passwords = {
        f"{ESF}/kura/certificates.ks": known["kura.keystore.password"],
        f"{ESF}/security/cacerts.ks": known["kura.ssl.keyStorePassword"],
    }
    for path, password in passwords.items():
        assert password not in ("changeit", "defaultPassword")
        store = extract(image, path, tmp_path)
        done = subprocess.run(
            ["keytool", "-list", "-storetype", "JKS", "-keystore", str(store), "-storepass:env", "STORE"],
            capture_output=True,
            text=True,
            check=False,
            env={**QUIET, "STORE": password},
        )
        assert done.returncode == 0, done.stdout
        assert "trustedCertEntry" in done.stdout
    assert len(set(passwords.values())) == 2
    assert passwords[f"{ESF}/security/cacerts.ks"].encode() in read_file(image, f"{ESF}/data/snapshots/snapshot_0.xml")


def test_the_policy_is_valid_by_the_documents_schema(built: Built, tmp_path: Path) -> None:
    policy = extract(built.image(GATEWAYS[0]), f"{ESF}/kura/security.policy", tmp_path)
    schema = Path(__file__).parents[2] / "pipeline/formats/esf/security-policy.xsd"
    done = subprocess.run(
        ["xmllint", "--nonet", "--noout", "--schema", str(schema), str(policy)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "<esf:value>false</esf:value>" in policy.read_text()


def test_sshd_takes_the_configuration_as_the_documents_ask(built: Built, tmp_path: Path) -> None:
    ssh = extract_tree(built.image(GATEWAYS[0]), "/etc/ssh", tmp_path)
    for key in ssh.glob("ssh_host_*_key"):
        key.chmod(0o600)
    script = (
        'mount --bind "$1" /etc/ssh && mount -t tmpfs none /run && mkdir /run/sshd && '
        "/usr/sbin/sshd -T -C user=operator,host=h,addr=192.0.2.1,laddr=192.0.2.2,lport=49153"
    )
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", str(ssh)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    effective = done.stdout.splitlines()
    assert [line for line in effective if line.startswith("port ")] == ["port 49153"]
    for line in (
        "permitrootlogin no", "pubkeyauthentication yes", "passwordauthentication no",
        "kbdinteractiveauthentication no", "usepam no", "permitemptypasswords no", "authenticationmethods publickey",
    ):  # fmt: skip
        assert line in effective


def test_fw_printenv_reads_the_environment(built: Built, tmp_path: Path) -> None:
    (tmp_path / "uboot.env").write_bytes(boot_file(built.image(GATEWAYS[0]), "uboot.env"))
    size = (tmp_path / "uboot.env").stat().st_size
    (tmp_path / "fw_env.config").write_text(f"{tmp_path / 'uboot.env'} 0x0 {size:#x}\n")
    done = subprocess.run(
        ["fw_printenv", "-c", str(tmp_path / "fw_env.config")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "bootdelay=0" in done.stdout.splitlines()
    assert len(done.stdout.splitlines()) > 3


def test_each_gateway_is_its_own(built: Built) -> None:
    for path in ("/etc/hostname", "/etc/machine-id", "/etc/ssh/ssh_host_ed25519_key.pub"):
        assert len({read_file(built.image(gateway), path) for gateway in GATEWAYS}) == 3
    for gateway in GATEWAYS:
        assert read_file(built.image(gateway), "/etc/hostname") == f"{gateway}\n".encode()


def test_bmaptool_copies_by_our_block_map(built: Built, tmp_path: Path) -> None:
    """Onto a device of 0xFF where there may be one: a new file would hide what the map leaves out."""
    image = built.image(GATEWAYS[0])
    manifest = from_bytes((image.parent / "manifest.json").read_bytes(), name="manifest.json")
    medium, copy = tmp_path / "medium", tmp_path / "copy"
    with medium.open("wb") as stream:
        for _ in range(0, manifest.disk.size, 1 << 20):
            stream.write(b"\xff" * (1 << 20))
    if used_media.loop_devices_work():
        used_media.flash(image, image.with_name("image.bmap"), medium)
    else:
        bmaptool = ["bmaptool", "copy", "--bmap", str(image.with_name("image.bmap")), str(image), str(medium)]
        subprocess.run(bmaptool, check=True, capture_output=True)
    told = read_medium(medium, manifest.disk, copy)
    assert ("older bytes" in told) == used_media.loop_devices_work()
    assert sha256_of(copy) == manifest.image.sha256
    subprocess.run(["e2fsck", "-fn", f"{medium}?offset={manifest.disk.root.start}"], check=True, capture_output=True)


def test_zip_reader_can_open_what_was_installed(built: Built) -> None:
    dpa = read_file(built.image(GATEWAYS[0]), f"{ESF}/kura/dpa.properties").decode()
    for line in dpa.splitlines():
        name, url = line.split("=", 1)
        path = url.replace("\\:", ":").removeprefix("file:").replace("/opt/eurotech/esf/", f"{ESF}/")
        with zipfile.ZipFile(io.BytesIO(read_file(built.image(GATEWAYS[0]), path))) as archive:
            assert archive.namelist()[0] == "META-INF/MANIFEST.MF"
            assert f"DeploymentPackage-SymbolicName: {name}" in archive.read("META-INF/MANIFEST.MF").decode()
