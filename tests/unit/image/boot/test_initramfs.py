"""The RAM disk: the archive the kernel unpacks, and the order in which modules are loaded."""

from __future__ import annotations

import lzma
import subprocess
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.image.boot.boot import newest_kernel
from pipeline.image.boot.initramfs import MODULES, _has_interpreter, cpio, initramfs, load_order


def modules(directory: Path) -> Path:
    """Modules of a kernel that packs them and has one of the needed drivers built in."""
    names = {
        "kernel/virtio.ko.xz": "",
        "kernel/virtio_ring.ko.xz": "kernel/virtio.ko.xz",
        "kernel/virtio-blk.ko.xz": "kernel/virtio_ring.ko.xz kernel/virtio.ko.xz",
        "kernel/virtio_net.ko.xz": "kernel/virtio_ring.ko.xz kernel/virtio.ko.xz",
        "kernel/ext4.ko.xz": "kernel/jbd2.ko.xz",
        "kernel/jbd2.ko.xz": "",
        "kernel/unwanted.ko.xz": "",
    }
    for name in names:
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_bytes(lzma.compress(name.encode()))
    (directory / "modules.dep").write_text("".join(f"{name}: {needs}\n" for name, needs in names.items()))
    (directory / "modules.builtin").write_text("kernel/drivers/virtio/virtio_pci.ko\n")
    return directory


def test_dependencies_come_first_and_once(tmp_path: Path) -> None:
    order = [path.split("/")[1].removesuffix(".ko.xz") for path in load_order(modules(tmp_path))]
    assert order == ["virtio", "virtio_ring", "virtio-blk", "virtio_net", "jbd2", "ext4"]


def test_a_kernel_without_a_needed_driver_is_refused(tmp_path: Path) -> None:
    (modules(tmp_path) / "modules.builtin").write_text("")
    with pytest.raises(PipelineError, match="no module virtio_pci"):
        load_order(tmp_path)


def test_a_directory_without_modules_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="not the modules of a kernel"):
        load_order(tmp_path)


@pytest.mark.tools
def test_cpio_reads_the_archive(tmp_path: Path) -> None:
    archive = cpio([("a", 0o040755, b""), ("a/b", 0o100755, b"content"), ("init", 0o100644, b"")])
    listing = subprocess.run(["cpio", "-itv"], input=archive, capture_output=True, check=True).stdout.decode()
    assert [(line.split()[0], line.split()[-1]) for line in listing.splitlines()] == [
        ("drwxr-xr-x", "a"),
        ("-rwxr-xr-x", "a/b"),
        ("-rw-r--r--", "init"),
    ]
    subprocess.run(["cpio", "-id", "--quiet"], input=archive, check=True, cwd=tmp_path)
    assert (tmp_path / "a" / "b").read_bytes() == b"content"


@pytest.mark.tools
def test_it_unpacks_modules_and_holds_a_static_busybox(tmp_path: Path) -> None:
    archive = initramfs(modules(tmp_path))
    assert b"virtio-blk.ko\0" in archive
    assert b"kernel/virtio-blk.ko.xz" in archive  # the module's content in this test
    assert b"virtio.ko\nvirtio_ring.ko\nvirtio-blk.ko\n" in archive
    assert archive == initramfs(tmp_path)


@pytest.mark.tools
def test_a_dynamic_program_is_recognised() -> None:
    assert _has_interpreter(Path("/bin/sh").read_bytes())
    assert not _has_interpreter(b"")


@pytest.mark.tools
def test_this_machines_kernel_has_what_is_wanted() -> None:
    found = {path.rsplit("/", 1)[1].split(".")[0] for path in load_order(newest_kernel().modules)}
    assert {"virtio_blk", "virtio_net", "ext4", "nf_tables"} <= found
    assert len(set(MODULES)) == len(MODULES)
