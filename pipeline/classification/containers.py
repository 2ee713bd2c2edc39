"""Reads what is inside archives: bundles in deployment packages, compressed files; limited in depth, number, size."""

from __future__ import annotations

import bz2
import io
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator

from pipeline.classification.closed import closed
from pipeline.errors import PipelineError
from pipeline.formats.archive.zip_archive import MemorySource, read_archive

MOST_DEPTH = 5
MOST_BYTES = 96 << 20
MOST_MEMBERS = 20_000
_ZIP_END = b"PK\x05\x06"
_ZIP_END_SIZE = 22
_MOST_COMMENT = 0xFFFF
_ZSTD = b"\x28\xb5\x2f\xfd"
_DAMAGE = (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError, ValueError, OverflowError, RecursionError)


class NotSearchedError(Exception):
    """A container that could not be looked into completely; the text says why and holds nothing of it."""


Unzstd = Callable[[bytes, int], bytes]
"""Unpacks zstd, which Python 3.11 cannot: content and the most bytes it may become; raises `NotSearchedError`."""


class Budget:
    """How much may still be unpacked of one export's file, all its containers together.

    Args:
        unzstd: who unpacks zstd; without it such data is not searched.
    """

    def __init__(self, unzstd: Unzstd | None = None) -> None:
        self.unzstd = unzstd
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
    if content.startswith((b"PK\x03\x04", _ZIP_END)):
        return _zip(content, budget)
    if _is_tar(content):
        return _tar(content, budget)
    if content.startswith((b"\x1f\x8b\x08", b"\xfd7zXZ\x00", b"BZh", b"\x5d\0\0", b"\x78\x9c", b"\x78\xda", _ZSTD)):
        return _compressed(content, budget)
    if kind := closed(content):
        return _closed(kind)
    start = _zip_start(content)
    return _behind(content, start, budget) if start else None


def _is_tar(content: bytes) -> bool:
    """By its mark, or where there is none, as the oldest have it, by the sum over its first header."""
    if content[257:262] == b"ustar":
        return True
    header, written = content[:512], content[148:156].strip(b" \0")
    if len(header) < 512 or not written or not header[0] or written.strip(b"01234567"):
        return False
    return sum(header) - sum(header[148:156]) + 8 * 32 == int(written, 8)


def _zip_start(content: bytes) -> int:
    """Where an archive begins that has something in front of it, as one that unpacks itself has; 0 for none."""
    end = content.rfind(_ZIP_END, max(0, len(content) - _ZIP_END_SIZE - _MOST_COMMENT))
    if end < 0 or end + _ZIP_END_SIZE > len(content):
        return 0
    size = int.from_bytes(content[end + 12 : end + 16], "little")
    offset = int.from_bytes(content[end + 16 : end + 20], "little")
    directory = end - size
    start = directory - offset
    return start if start > 0 and content.startswith(b"PK\x01\x02", directory) else 0


def _behind(content: bytes, start: int, budget: Budget) -> Iterator[tuple[str, bytes]]:
    budget.spend(start)
    yield "(in front)", content[:start]
    yield from _zip(content[start:], budget)


def _closed(kind: str) -> Iterator[tuple[str, bytes]]:
    # Raised when iterated over, where the others raise.
    return (_refuse(kind) for _ in (kind,))


def _refuse(kind: str) -> tuple[str, bytes]:
    raise NotSearchedError(f"{kind}, which is not opened here")


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
    if content.startswith(_ZSTD):
        if budget.unzstd is None:
            raise NotSearchedError("zstd data")
        unpacked = budget.unzstd(content, budget.left)
        budget.spend(len(unpacked))
        yield "content", unpacked
        return
    unpacker: zlib._Decompress | lzma.LZMADecompressor | bz2.BZ2Decompressor
    if content.startswith(b"BZh"):
        unpacker = bz2.BZ2Decompressor()
    elif content.startswith((b"\x1f\x8b", b"\x78")):
        unpacker = zlib.decompressobj(31 if content.startswith(b"\x1f\x8b") else 15)
    else:
        unpacker = lzma.LZMADecompressor()
    try:
        unpacked = unpacker.decompress(content, budget.left + 1)
    except _DAMAGE:
        raise NotSearchedError("damaged compressed data") from None
    budget.spend(len(unpacked))
    if not unpacker.eof or unpacker.unused_data:
        raise NotSearchedError("compressed data that is cut off, or followed by something")
    yield "content", unpacked
