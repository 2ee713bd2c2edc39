"""What a file really is, whatever it is called."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.image.containers.sniff import Container, read_qcow2_header, sniff, what_is
from tests.support import disks


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"", Container.EMPTY),
        (b"hello world", Container.UNKNOWN),
        (bytes(4096), Container.UNKNOWN),
        (b"\x1f\x8b\x08", Container.GZIP),
        (b"\xfd7zXZ\0", Container.XZ),
        (b"\x28\xb5\x2f\xfd", Container.ZSTD),
        (b"BZh9", Container.BZIP2),
        (b"PK\x03\x04", Container.ZIP),
        (b"QFI\xfb\0\0\0\x03", Container.QCOW2),
        (b"QFI\xfb\0\0\0\x01", Container.QCOW1),
        (b"KDMV", Container.VMDK),
        (b"# Disk DescriptorFile\n", Container.VMDK),
        (b"vhdxfile", Container.VHDX),
        (bytes(0x40) + b"\x7f\x10\xda\xbe", Container.VDI),
        (b"LUKS\xba\xbe", Container.LUKS),
        (b"hsqs", Container.SQUASHFS),
        (bytes(510) + b"\x55\xaa", Container.DISK),
        (bytes(512) + b"EFI PART", Container.DISK),
        (bytes(1080) + b"\x53\xef", Container.DISK),
        # A mark of a container counts first, whatever else the file also looks like.
        (b"QFI\xfb\0\0\0\x03".ljust(510, b"\0") + b"\x55\xaa", Container.QCOW2),
        (bytes(510) + b"\x55\xaa" + bytes(0x8001 - 512) + b"CD001", Container.ISO9660),
    ],
)
def test_first_bytes_decide(head: bytes, expected: Container) -> None:
    assert what_is(head) is expected


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="no such image"):
        sniff(tmp_path / "missing.img")
    with pytest.raises(PipelineError, match="is a directory"):
        sniff(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(PipelineError, match="not a regular file"):
        sniff(pipe)


@pytest.mark.tools
def test_qcow2_of_qemu_img(tmp_path: Path) -> None:
    plain, backed, external = (tmp_path / name for name in ("plain", "backed", "external"))
    disks.run("qemu-img", "create", "-q", "-f", "qcow2", plain, "10M")
    disks.run("qemu-img", "create", "-q", "-f", "qcow2", "-b", plain, "-F", "qcow2", backed)
    disks.run("qemu-img", "create", "-q", "-f", "qcow2", "-o", f"data_file={tmp_path / 'data'}", external, "1M")
    headers = [read_qcow2_header(path.read_bytes()) for path in (plain, backed, external)]
    assert headers[0].size == 10 << 20
    assert [header.features for header in headers] == [(), ("a backing file",), ("an external data file",)]
    disks.run("qemu-img", "snapshot", "-c", "before", plain)
    assert read_qcow2_header(plain.read_bytes()).features == ("internal snapshots",)


def test_damaged_qcow2_headers() -> None:
    with pytest.raises(ValueError, match="no qcow2"):
        read_qcow2_header(b"QFI\xfb")
    with pytest.raises(ValueError, match="version 9"):
        read_qcow2_header(b"QFI\xfb" + struct.pack(">I", 9) + bytes(100))
    with pytest.raises(ValueError, match="cut off"):
        read_qcow2_header(b"QFI\xfb" + struct.pack(">I", 3) + bytes(70))
    encrypted = bytearray(b"QFI\xfb" + struct.pack(">I", 2) + bytes(72))
    struct.pack_into(">I", encrypted, 32, 1)
    assert read_qcow2_header(bytes(encrypted)).features == ("encryption",)
