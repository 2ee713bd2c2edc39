"""A vanilla image in any form becomes the same raw disk; what is none is refused, and nothing is left."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import stat
import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.image.containers import prepare, sparse
from tests.support import disks


def quiet(_: str) -> None:
    return None


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("raw")
    tree = disks.tree_on_host(directory / "tree", {"/etc/hello": b"hello\n"})
    return disks.mbr_disk(
        directory / "disk.img", [(0x83, disks.ext_image(directory / "fs.img", tree, size=8 * disks.MIB))]
    )


def compressed(raw: Path, form: str, target: Path) -> Path:
    data = raw.read_bytes()
    match form:
        case "gz":
            target.write_bytes(gzip.compress(data))
        case "xz":
            target.write_bytes(lzma.compress(data, preset=0))
        case "bz2":
            target.write_bytes(bz2.compress(data))
        case "zst":
            disks.run("zstd", "-q", "-o", target, raw)
        case "qcow2":
            disks.run("qemu-img", "convert", "-O", "qcow2", raw, target)
        case "qcow2c":
            disks.run("qemu-img", "convert", "-c", "-O", "qcow2", raw, target)
    return target


@pytest.mark.tools
@pytest.mark.parametrize("form", ["raw", "gz", "xz", "bz2", "zst", "qcow2", "qcow2c"])
def test_every_form_gives_the_same_disk(raw: Path, form: str, tmp_path: Path) -> None:
    # The name says nothing: a qcow2 called .img is one too.
    source = raw if form == "raw" else compressed(raw, form, tmp_path / "vanilla.img")
    before = source.read_bytes()
    source.chmod(0o444)
    target = tmp_path / "private.raw"
    digest = prepare.prepare_raw(source, target, quiet)
    assert digest == hashlib.sha256(raw.read_bytes()).hexdigest()
    assert target.read_bytes() == raw.read_bytes()
    assert source.read_bytes() == before
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert target.stat().st_blocks * 512 < target.stat().st_size / 2, "the copy is sparse"


@pytest.mark.tools
def test_what_cannot_be_used_says_why(raw: Path, tmp_path: Path) -> None:
    data = raw.read_bytes()
    backed = tmp_path / "backed.img"
    disks.run("qemu-img", "create", "-q", "-f", "qcow2", "-b", "/etc/passwd", "-F", "raw", backed)
    beyond = bytearray(512)
    beyond[510:] = b"\x55\xaa"
    struct.pack_into("<4xB3xII", beyond, 446, 5, 90, 100)  # an extended partition after the end
    cases: dict[str, tuple[bytes, str]] = {
        "empty": (b"", r"is empty \(0 bytes\)"),
        "text": (b"this is no image\n" * 100, "neither a partition table nor a file system"),
        "cut": (data[: len(data) // 2], r"partition 1 ends at \d+, but the file has"),
        "cut gzip": (gzip.compress(data)[:-20], "gzip data is damaged or cut off"),
        "gzip with rubbish": (gzip.compress(data) + b"rubbish", "gzip data is damaged"),
        "bad xz": (lzma.compress(data, preset=0)[:-30], "xz data is damaged or cut off"),
        "bad bz2": (bz2.compress(data)[:-10], "bzip2 data is damaged or cut off"),
        "bad zstd": (b"\x28\xb5\x2f\xfd" + b"rubbish" * 40, "zstd data is damaged or cut off"),
        "gzip in gzip": (gzip.compress(gzip.compress(data)), "unpacked, is gzip"),
        "text in gzip": (gzip.compress(b"text" * 1000), "neither a partition table"),
        "vmdk": (b"KDMV" + bytes(2000), "is VMDK"),
        "luks": (b"LUKS\xba\xbe" + bytes(2000), "is LUKS"),
        "squashfs": (b"hsqs" + bytes(2000), "is squashfs"),
        "zip": (b"PK\x03\x04" + bytes(200), "is zip"),
        "no partitions": (bytes(510) + b"\x55\xaa" + bytes(5000), "the partition table is empty"),
        "extended": (bytes(beyond), "lies beyond the end of the image"),
        "backing file": (backed.read_bytes(), "qcow2 with a backing file"),
    }
    for name, (content, message) in cases.items():
        source, target = tmp_path / "vanilla.img", tmp_path / "target"
        source.write_bytes(content)
        with pytest.raises(PipelineError, match=message) as caught:
            prepare.prepare_raw(source, target, quiet)
        assert caught.value.problems[0].remedy, name
        assert not target.exists(), name
        assert source.read_bytes() == content, name


def test_a_stream_may_not_unpack_to_anything(raw: Path, tmp_path: Path) -> None:
    source = compressed(raw, "gz", tmp_path / "vanilla.gz")
    with pytest.raises(PipelineError, match="unpacks to more than 1 MiB"):
        prepare.prepare_raw(source, tmp_path / "target", quiet, largest=1 << 20)
    assert not (tmp_path / "target").exists()


def test_a_source_that_changes_is_noticed(raw: Path, tmp_path: Path) -> None:
    source = tmp_path / "vanilla.img"
    source.write_bytes(raw.read_bytes())

    def meddle(_: str) -> None:
        os.utime(source, (1, 1))

    with pytest.raises(PipelineError, match="changed while it was read"):
        prepare.prepare_raw(source, tmp_path / "target", meddle)
    assert not (tmp_path / "target").exists()


def test_a_full_disk_is_a_clear_message(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sparse.SparseWriter, "write", full)
    with pytest.raises(PipelineError, match="disk full"):
        prepare.prepare_raw(raw, tmp_path / "target", quiet)
    assert not (tmp_path / "target").exists()


def test_copies_are_equal_sparse_and_private(raw: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    target.write_bytes(b"something else that was there")
    prepare.copy_sparse(raw, target)
    assert target.read_bytes() == raw.read_bytes()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert target.stat().st_blocks <= raw.stat().st_blocks + 64


@given(st.lists(st.tuples(st.integers(0, 5000), st.booleans()), max_size=12))
def test_writing_and_reading_sparse_files_is_exact(parts: list[tuple[int, bool]]) -> None:
    content = b"".join((b"\0" if hole else b"x") * (length * 64) for length, hole in parts)
    with tempfile.TemporaryFile("w+b") as stream:
        writer = sparse.SparseWriter(stream)  # type: ignore[arg-type]
        for start in range(0, len(content), 100_003):
            writer.write(content[start : start + 100_003])
        assert writer.finish() == hashlib.sha256(content).hexdigest()
        back = b"".join(piece for piece, _ in sparse.pieces(stream.fileno(), 0, len(content)))
        assert back == content
        middle = len(content) // 3
        assert b"".join(p for p, _ in sparse.pieces(stream.fileno(), middle, len(content) - 1)) == content[middle:-1]
        sparse.zero(stream.fileno(), middle, len(content))
        assert b"".join(p for p, _ in sparse.pieces(stream.fileno(), 0, len(content))) == content[:middle].ljust(
            len(content), b"\0"
        )
