"""doit capture against a real sshd and a real image: what is listed comes, nothing else, and the build takes it."""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.inputs.golden_export import read_export
from tests.support.golden_gateway import a_gateway_root, expected_files, snapshot_file
from tests.support.programs.live_sshd import LiveSshd, live_sshd
from tests.support.workspaces import Ran, doit


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LiveSshd, Path]]:
    place = tmp_path_factory.mktemp("gateway")
    root = a_gateway_root(place / "root")
    with live_sshd(place / "sshd") as server:
        yield server, root


def capture(place: Path, server: LiveSshd, root: Path, *more: str, key: str = "login") -> Ran:
    (place / "dodo.py").write_text("from pipeline.tasks import *\n")
    login = server.key.with_name(key)
    return doit(place, "capture", "--root", str(root), "--key", str(login), *more, server.address)


def check(export: Path) -> None:
    """The export is what the gateway has of the documents' list, and only its owner can read it."""
    contents = read_export(export)
    files = {name: content for name, content in contents.files.items() if "/" in name}
    assert files == expected_files()
    assert contents.links == {"etc/ppp/peers/ppp0": "/etc/ppp/peers/LE910_2-1"}
    assert contents.esf_version == "5.0.0"
    assert contents.warnings == ()
    for path in [export, *export.rglob("*")]:
        if not path.is_symlink():
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.tools
def test_over_ssh_with_the_hosts_fingerprint(gateway: tuple[LiveSshd, Path], tmp_path: Path) -> None:
    server, root = gateway
    pin = ("--fingerprint", server.fingerprint)
    ran = capture(tmp_path, server, root, *pin, "--snapshot", str(snapshot_file()), "-o", "taken")
    assert ran.status == 0, ran.text
    check(tmp_path / "taken")
    assert (tmp_path / "taken" / snapshot_file().name).read_bytes() == snapshot_file().read_bytes()
    assert "not taken: etc/ppp/peers/LE910_2-1.store: a PKCS #12 keystore" in ran.text
    assert "missing = []" in (tmp_path / "taken/export.toml").read_text()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "dodo.py") == ["taken"]


@pytest.mark.tools
def test_over_ssh_with_known_hosts_and_without_a_snapshot(gateway: tuple[LiveSshd, Path], tmp_path: Path) -> None:
    server, root = gateway
    ran = capture(tmp_path, server, root, "--known-hosts", str(server.known_hosts))
    assert ran.status == 0, ran.text
    check(tmp_path / "golden")
    assert "the snapshot is still missing" in ran.text
    assert "snapshot_<id>.xml (A:137)" in (tmp_path / "golden/export.toml").read_text()


@pytest.mark.tools
def test_what_is_missing_is_recorded(gateway: tuple[LiveSshd, Path], tmp_path: Path) -> None:
    server, root = gateway
    poor = tmp_path / "poor"
    shutil.copytree(root, poor, symlinks=True)
    (poor / "etc/bind/named.conf").unlink()
    shutil.rmtree(poor / "etc/ppp")
    ran = capture(tmp_path, server, poor, "--known-hosts", str(server.known_hosts))
    assert ran.status == 0, ran.text
    assert "not on the gateway: /etc/ppp/ (A:189)" in ran.text
    assert '"/etc/bind/named.conf (A:185)",' in (tmp_path / "golden/export.toml").read_text()


@pytest.mark.tools
@pytest.mark.parametrize(
    ("more", "key", "said"),
    [
        (("--fingerprint", "SHA256:" + "A" * 43), "login", "does not have the host key"),
        ((), "login", "must be known before"),
        (("--known-hosts", "stranger"), "login", "Host key verification failed"),
        (("--known-hosts", ""), "stranger", "Permission denied"),
        (("--root", "/nowhere-at-all", "--known-hosts", ""), "login", "fix: "),
    ],
)
def test_what_is_refused(
    more: tuple[str, ...], key: str, said: str, gateway: tuple[LiveSshd, Path], tmp_path: Path
) -> None:
    server, root = gateway
    stranger = tmp_path / "stranger"
    public = server.key.with_name("stranger.pub").read_text()
    stranger.write_text(f"[127.0.0.1]:{server.port} {public}")
    given = [str(server.known_hosts) if word == "" else word.replace("stranger", str(stranger)) for word in more]
    ran = capture(tmp_path, server, root, *given, key=key)
    assert ran.status == 2, ran.text
    assert said in ran.text
    assert "Traceback" not in ran.text
    assert not (tmp_path / "golden").exists()


@pytest.mark.tools
def test_a_snapshot_from_the_gateways_disk_is_refused_before_anything_is_asked(
    gateway: tuple[LiveSshd, Path], tmp_path: Path
) -> None:
    server, root = gateway
    encrypted = root / "opt/eurotech/esf/data/snapshots/snapshot_1735689600000.xml"
    ran = capture(tmp_path, server, root, "--known-hosts", str(server.known_hosts), "--snapshot", str(encrypted))
    assert ran.status == 2
    assert "only that gateway can read it" in ran.text
    assert "console" in ran.text
    assert not (tmp_path / "golden").exists()


@pytest.mark.appliance
@pytest.mark.parametrize("form", ["file system", "qcow2"])
def test_from_an_image_of_the_disk(form: str, tmp_path: Path) -> None:
    root = a_gateway_root(tmp_path / "root")
    (root / "etc/fstab").write_text("/dev/sda / ext4 defaults 0 1\n")
    image = tmp_path / "disk.img"
    with image.open("wb") as stream:
        stream.truncate(32 << 20)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", str(root), str(image)], check=True)
    if form == "qcow2":
        raw, image = image, tmp_path / "disk.qcow2"
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(image)], check=True)
    before = image.read_bytes()
    (tmp_path / "dodo.py").write_text("from pipeline.tasks import *\n")
    ran = doit(tmp_path, "capture", "--snapshot", str(snapshot_file()), str(image))
    assert ran.status == 0, ran.text
    check(tmp_path / "golden")
    assert image.read_bytes() == before
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".capture")]


@pytest.mark.appliance
def test_the_demos_vanilla_image_has_little_of_the_list(demo_inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "dodo.py").write_text("from pipeline.tasks import *\n")
    ran = doit(tmp_path, "capture", str(demo_inputs / "vanilla.img"))
    assert ran.status == 0, ran.text
    assert "not on the gateway: packages/*.dp (A:171)" in ran.text
    names = {path.relative_to(tmp_path / "golden").as_posix() for path in (tmp_path / "golden").rglob("*.*")}
    assert not [name for name in names if name.endswith((".ks", "shadow", "store.save"))]
