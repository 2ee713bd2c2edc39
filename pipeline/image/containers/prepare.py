"""Turns what a user calls a vanilla image into a private raw disk that is safe to open."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import PipelineError
from pipeline.host import tools
from pipeline.image.containers import sparse, unpack
from pipeline.image.containers.disk import DiskError, parse_disk
from pipeline.image.containers.sniff import Container, head_of, read_qcow2_header, what_is

Say = Callable[[str], None]

# Bytes of the largest disk accepted from a compressed stream; a few kilobytes can unpack to anything.
LARGEST = 64 << 30

_REMEDIES = {
    Container.UNKNOWN: "give a raw disk image with a partition table or a Linux file system",
    Container.EMPTY: "get the image again; the download or copy failed",
    Container.LUKS: "give an unencrypted vanilla image",
    Container.SQUASHFS: "give an image whose root file system can be written, such as ext4",
    Container.ISO9660: "give the disk image of the gateway, not an installer",
    Container.UBI: "give a block device image; raw flash images are not supported",
    Container.JFFS2: "give a block device image; raw flash images are not supported",
    Container.ANDROID_SPARSE: "convert it first: simg2img IMAGE vanilla.img",
    Container.ZIP: "unzip it and give the image inside",
    Container.SEVEN_ZIP: "unpack it and give the image inside",
    Container.TAR: "unpack it and give the image inside",
    Container.LZ4: "decompress it first: lz4 -d IMAGE vanilla.img",
}


def prepare_raw(source: Path, target: Path, say: Say, *, largest: int = LARGEST) -> str:
    """Write a vanilla image as a private sparse raw disk (mode 0600) and return the SHA-256 of the raw bytes.

    Raw images are copied, gzip, xz, zstd and bzip2 decompressed, qcow2 without dependencies converted. The source is
    only read. Nothing is left at the target when it fails.

    Raises:
        PipelineError: the file is no such image, is cut off, unpacks to more than ``largest`` bytes, changes while it
            is read, or the disk is full.
    """
    head = head_of(source)
    container = what_is(head)
    before = _identity(source)
    with _growing(target) as stream:
        if container is Container.DISK:
            say(f"copying {source.name}")
            digest = _copy(source, stream)
        elif container in unpack.KINDS:
            say(f"decompressing {source.name} ({container})")
            digest = _decompress(source, container, stream, largest)
        elif container is Container.QCOW2:
            digest = _convert(source, head, target, stream, say, largest)
        else:
            raise PipelineError(f"{source}: {_describe(container)}", _remedy(container))
        if _identity(source) != before:
            raise PipelineError(
                f"{source}: changed while it was read", "wait until nobody writes to it, then try again"
            )
        _require_disk(source, container, target, stream)
    return digest


def copy_sparse(source: Path, target: Path) -> None:
    """A private copy (mode 0600) of a large file; holes stay holes, and space is shared where the file system can.

    Raises:
        PipelineError: the disk is full; nothing is left at the target then.
    """
    with _growing(target) as stream, source.open("rb") as original:
        sparse.copy_file(original.fileno(), stream.fileno())


@contextmanager
def _growing(target: Path) -> Iterator[BinaryIO]:
    """A new private file that is removed again when its making fails."""
    try:
        stream = sparse.open_private(target)
    except OSError as error:
        raise PipelineError(
            f"{target}: cannot be made: {error.strerror}", "check the directory's permissions"
        ) from None
    try:
        with stream:
            yield stream
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            free = shutil.disk_usage(target.parent).free >> 20
            raise PipelineError(
                f"{target.parent}: disk full while an image was written ({free} MiB free now)",
                "free some space, or put the workspace on a larger disk",
            ) from None
        raise


def _copy(source: Path, stream: BinaryIO) -> str:
    writer = sparse.SparseWriter(stream)
    with source.open("rb") as original:
        for piece, hole in sparse.pieces(original.fileno(), 0, os.fstat(original.fileno()).st_size):
            writer.write(piece, hole=hole)
    return writer.finish()


def _decompress(source: Path, container: Container, stream: BinaryIO, largest: int) -> str:
    writer = sparse.SparseWriter(stream)
    try:
        with closing(unpack.pieces(source, container)) as parts:  # a refusal half-way must not leave zstd running
            for piece in parts:
                writer.write(piece)
                if writer.size > largest:
                    raise PipelineError(
                        f"{source}: unpacks to more than {largest >> 20} MiB", "check that it is the image of a gateway"
                    )
    except unpack.DamagedError as error:
        raise PipelineError(
            f"{source}: the {container} data is damaged or cut off ({error})",
            "get the image again and compare its digest with the vendor's",
        ) from None
    return writer.finish()


def _convert(source: Path, head: bytes, target: Path, stream: BinaryIO, say: Say, largest: int) -> str:
    """Convert a qcow2 that stands alone; qemu-img is told the format, so that it guesses nothing."""
    try:
        header = read_qcow2_header(head)
    except ValueError as error:
        raise PipelineError(f"{source}: damaged qcow2: {error}", "get the image again") from None
    if header.features:
        raise PipelineError(
            f"{source}: is a qcow2 with {' and '.join(header.features)}",
            f"make one that stands alone where it came from: qemu-img convert -O raw {source.name} vanilla.img",
        )
    if header.size > largest:
        raise PipelineError(f"{source}: a disk of {header.size >> 20} MiB", f"at most {largest >> 20} MiB are accepted")
    say(f"converting {source.name} (qcow2)")
    tools.run(
        "qemu-img",
        *("convert", "-f", "qcow2", "-O", "raw", "-n", source.resolve(), _sized(target, stream, header.size)),
        reason="convert the vanilla image to a raw disk",
    )
    return _hash(stream)


def _sized(target: Path, stream: BinaryIO, size: int) -> Path:
    """The target as a file of its final size, which ``qemu-img convert -n`` writes into and so keeps its mode."""
    os.ftruncate(stream.fileno(), size)
    return target.resolve()


def _hash(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    for piece, _ in sparse.pieces(stream.fileno(), 0, os.fstat(stream.fileno()).st_size):
        digest.update(piece)
    return digest.hexdigest()


def _require_disk(source: Path, container: Container, target: Path, stream: BinaryIO) -> None:
    """What came out must be a disk with a sound partition table, or one bare file system."""
    if container is not Container.DISK:
        inner = what_is(os.pread(stream.fileno(), 1 << 17, 0))
        if inner is not Container.DISK:
            raise PipelineError(f"{source}: unpacked, {_describe(inner)}", _remedy(inner))
    try:
        parse_disk(lambda offset, length: os.pread(stream.fileno(), length, offset), target.stat().st_size)
    except DiskError as error:
        raise PipelineError(f"{source}: {error}", error.remedy) from None


def _identity(path: Path) -> tuple[int, ...]:
    about = path.stat()
    return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns


def _describe(container: Container) -> str:
    if container is Container.EMPTY:
        return "is empty (0 bytes)"
    if container is Container.UNKNOWN:
        return "is not a disk image: neither a partition table nor a file system is in it"
    return f"is {container}, which cannot be used as it is"


def _remedy(container: Container) -> str:
    if container in unpack.KINDS:
        return "decompress it once; only one layer of compression is removed here"
    return _REMEDIES.get(container, "convert it first: qemu-img convert -O raw IMAGE vanilla.img")
