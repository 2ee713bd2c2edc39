"""What lies inside archives: bundles in deployment packages, compressed files; bounded in depth, number and size."""

from __future__ import annotations

import bz2
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator

from pipeline.errors import PipelineError
from pipeline.formats.zip_archive import MemorySource, read_archive

MOST_DEPTH = 5
MOST_BYTES = 96 << 20
MOST_MEMBERS = 20_000
_DAMAGE = (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError, ValueError, OverflowError, RecursionError)


class NotSearchedError(Exception):
    """A container that could not be looked into completely; the text says why and holds nothing of it."""


class Budget:
    """How much may still be unpacked of one export's file, all its containers together."""

    def __init__(self) -> None:
        self._bytes = MOST_BYTES
        self._members = MOST_MEMBERS

    def spend(self, size: int) -> None:
        """Take a member of this size; `NotSearchedError` when it is too much."""
        self._bytes -= size
        self._members -= 1
        if self._bytes < 0 or self._members < 0:
            raise NotSearchedError(f"unpacks to more than {MOST_BYTES >> 20} MiB or {MOST_MEMBERS} members")

    @property
    def left(self) -> int:
        """Bytes that may still be unpacked."""
        return self._bytes


def members(content: bytes, budget: Budget) -> Iterator[tuple[str, bytes]] | None:
    """Names and content of what is in a container; None for a file that is none.

    Raises:
        NotSearchedError: while iterating: damaged, encrypted, of a kind that is not read here, or too large.
    """
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip(content, budget)
    if content[257:262] == b"ustar":
        return _tar(content, budget)
    for magic in (b"\x1f\x8b\x08", b"\xfd7zXZ\x00", b"BZh"):
        if content.startswith(magic):
            return _compressed(content, budget)
    for magic, kind in ((b"\x28\xb5\x2f\xfd", "zstd"), (b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!\x1a\x07", "RAR")):
        if content.startswith(magic):
            return _closed(kind)
    return None


def _closed(kind: str) -> Iterator[tuple[str, bytes]]:
    # Raised when iterated over, where the others raise.
    return (_refuse(kind) for _ in (kind,))


def _refuse(kind: str) -> tuple[str, bytes]:
    raise NotSearchedError(f"{kind} is not looked into")


def _zip(content: bytes, budget: Budget) -> Iterator[tuple[str, bytes]]:
    try:
        archive = read_archive(MemorySource(content), "archive")
        for entry in archive.entries:
            if not entry.is_directory:
                budget.spend(entry.size)
                yield entry.name, archive.read(entry, limit=MOST_BYTES)
    except PipelineError as error:
        raise NotSearchedError(f"an archive that cannot be read: {error.problems[0].what}") from None


def _tar(content: bytes, budget: Budget) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:", errors="surrogateescape") as archive:
            for entry in archive:
                if entry.isreg():
                    budget.spend(entry.size)
                    stream = archive.extractfile(entry)
                    yield entry.name, stream.read() if stream else b""
    except _DAMAGE:
        raise NotSearchedError("a damaged tar archive") from None


def _compressed(content: bytes, budget: Budget) -> Iterator[tuple[str, bytes]]:
    unpacker: zlib._Decompress | lzma.LZMADecompressor | bz2.BZ2Decompressor
    if content.startswith(b"BZh"):
        unpacker = bz2.BZ2Decompressor()
    else:
        unpacker = zlib.decompressobj(31) if content.startswith(b"\x1f\x8b") else lzma.LZMADecompressor()
    try:
        unpacked = unpacker.decompress(content, budget.left + 1)
    except _DAMAGE:
        raise NotSearchedError("damaged compressed data") from None
    budget.spend(len(unpacked))
    if not unpacker.eof or unpacker.unused_data:
        raise NotSearchedError("compressed data that is cut off, or followed by something")
    yield "content", unpacked
