"""Wrong input ends in one clear message with its remedy, a status that is not 0, and nothing in out/."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.workspaces import Ran, a_workspace, doit, edit

pytestmark = pytest.mark.appliance

VANILLA = 'image = ".demo/vanilla.img"'


def refused(workspace: Path, ran: Ran, *words: str) -> None:
    assert ran.status != 0
    assert "Traceback" not in ran.text
    assert "fix: " in ran.text
    for word in words:
        assert word in ran.text, ran.text
    assert not (workspace / "out").exists()


@pytest.fixture
def workspace(demo_inputs: Path, tmp_path: Path) -> Path:
    return a_workspace(tmp_path / "w", demo_inputs)


def with_vanilla(workspace: Path, make: Callable[[Path], None]) -> None:
    image = workspace / "given.img"
    make(image)
    edit(workspace / "gateway.toml", VANILLA, 'image = "given.img"')


def test_no_image(workspace: Path) -> None:
    edit(workspace / "gateway.toml", VANILLA, 'image = "nothing.img"')
    refused(workspace, doit(workspace, "build"), "nothing.img")


def test_an_empty_image(workspace: Path) -> None:
    with_vanilla(workspace, Path.touch)
    refused(workspace, doit(workspace, "build"), "given.img", "empty")


def test_a_truncated_image(workspace: Path, demo_inputs: Path) -> None:
    def make(image: Path) -> None:
        with (demo_inputs / "vanilla.img").open("rb") as source:
            image.write_bytes(source.read(64 << 20))

    with_vanilla(workspace, make)
    refused(workspace, doit(workspace, "build"), "given.img", "truncated")


def test_a_truncated_compressed_image(workspace: Path) -> None:
    with_vanilla(workspace, lambda image: image.write_bytes(gzip.compress(os.urandom(1 << 20))[:5000]) and None)
    refused(workspace, doit(workspace, "build"), "given.img")


def test_an_image_that_is_really_a_qcow2_on_top_of_another_file(workspace: Path, tmp_path: Path) -> None:
    def make(image: Path) -> None:
        (tmp_path / "secret").write_bytes(b"x" * 65536)
        subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(tmp_path / "secret"), str(image)],
            check=True,
        )

    with_vanilla(workspace, make)
    refused(workspace, doit(workspace, "build"), "given.img", "backing")


def test_an_image_without_esf(workspace: Path, tmp_path: Path) -> None:
    def make(image: Path) -> None:
        tree = tmp_path / "tree"
        (tree / "etc").mkdir(parents=True)
        (tree / "etc/os-release").write_text('ID=debian\nPRETTY_NAME="Debian"\n')
        (tree / "etc/fstab").write_text("/dev/sda / ext4 defaults 0 1\n")
        (tree / "sbin").mkdir()
        (tree / "sbin/init").write_text("#!/bin/sh\n")
        with image.open("wb") as stream:
            stream.truncate(16 << 20)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", str(tree), str(image)], check=True)

    with_vanilla(workspace, make)
    refused(workspace, doit(workspace, "build"), "given.img")


def change_image(demo_inputs: Path, script: str) -> Callable[[Path], None]:
    def make(image: Path) -> None:
        subprocess.run(["cp", "--sparse=always", str(demo_inputs / "vanilla.img"), str(image)], check=True)
        from pipeline.image.containers.disk import parse_disk  # noqa: PLC0415

        with image.open("rb") as stream:

            def read(offset: int, length: int) -> bytes:
                stream.seek(offset)
                return stream.read(length)

            disk = parse_disk(read, image.stat().st_size)
        start = disk.partitions[-1].start
        done = subprocess.run(
            ["/usr/sbin/debugfs", "-w", "-f", "/dev/stdin", f"{image}?offset={start}"],
            input=script.encode(), capture_output=True, check=True,
        )  # fmt: skip
        assert b"File not found" not in done.stderr, done.stderr

    return make


def test_a_booted_image(workspace: Path, demo_inputs: Path) -> None:
    script = "write /etc/hostname /opt/eurotech/esf_5.0.0/data/store.save\n"
    with_vanilla(workspace, change_image(demo_inputs, script))
    refused(workspace, doit(workspace, "build"), "store.save")


def test_an_image_this_product_built(workspace: Path, built: object) -> None:
    from tests.acceptance.conftest import Built  # noqa: PLC0415

    assert isinstance(built, Built)
    with_vanilla(workspace, lambda image: shutil.copy(built.image("gw-lab-03"), image) and None)
    refused(workspace, doit(workspace, "build"), "given.img", "already")


def test_a_golden_sample_of_another_release(workspace: Path) -> None:
    edit(workspace / "gateway.toml", 'esf_version = "5.0.0"', 'esf_version = "5.1.0"')
    ran = doit(workspace, "build")
    refused(workspace, ran, "5.1.0", "5.0.0")


def test_a_missing_golden_item(workspace: Path, demo_inputs: Path) -> None:
    shutil.copytree(demo_inputs / "golden", workspace / "export", symlinks=True)
    for snapshot in (workspace / "export").glob("snapshot_*.xml"):
        snapshot.unlink()
    edit(workspace / "gateway.toml", 'export = ".demo/golden"', 'export = "export"')
    refused(workspace, doit(workspace, "build"), "snapshot")


def test_a_malformed_inventory_lists_all_that_is_wrong(workspace: Path) -> None:
    edit(workspace / "devices.toml", 'name = "gw-north-01"', 'name = "gw north"')
    edit(workspace / "devices.toml", 'address = "192.168.11.1/24"', 'address = "192.168.11.300/24"')
    refused(workspace, doit(workspace, "build"), "devices.toml", "gw north", "192.168.11.300")


def test_an_inventory_that_is_no_toml(workspace: Path) -> None:
    (workspace / "devices.toml").write_text("[[gateway]\nname = 1\n")
    ran = doit(workspace, "list")
    assert (ran.status, "Traceback" in ran.text) == (3, False)
    assert "devices.toml" in ran.text


def test_no_gateway_toml(tmp_path: Path) -> None:
    (tmp_path / "dodo.py").write_text("from pipeline.tasks import *\n")
    ran = doit(tmp_path, "build")
    refused(tmp_path, ran, "gateway.toml")


def test_a_full_disk(demo_inputs: Path, tmp_path: Path) -> None:
    """A workspace on a file system with less room than an image takes, in a mount namespace of its own."""
    place = tmp_path / "small"
    place.mkdir()
    filled = a_workspace(tmp_path / "w", demo_inputs)
    script = (
        'mount -t tmpfs -o size=150m none "$1" && cp -a "$2/." "$1/" && cd "$1" && "$3" -m doit build; status=$?; '
        'test ! -e "$1/out" || status=0; exit $status'
    )
    import sys  # noqa: PLC0415

    from tests.support.workspaces import CHECKOUT  # noqa: PLC0415

    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", str(place), str(filled), sys.executable],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
        timeout=600,
    )  # fmt: skip
    refused(filled, Ran(done.returncode, done.stdout, done.stderr), "MiB")


def test_a_second_build_is_told_who_holds_the_workspace(workspace: Path) -> None:
    from pipeline.host.locks import WorkspaceLock  # noqa: PLC0415

    (workspace / ".build").mkdir(mode=0o700)
    lock = WorkspaceLock(workspace / ".build" / "lock")
    lock.acquire()
    try:
        ran = doit(workspace, "build")
        assert ran.status == 3
        assert f"process {os.getpid()} " in ran.text
    finally:
        lock.release()
