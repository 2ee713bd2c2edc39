"""Exports in one file: tar, also compressed, and zip; read as a stream of members, never extracted."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import IO

from pipeline.errors import PipelineError
from pipeline.host import tools
from pipeline.image.containers import unpack
from pipeline.image.containers.sniff import Container
from pipeline.inputs.export_members import MOST_BYTES, Kind, Member

# What the libraries raise on bytes that are not what they say; a chain of long names even exhausts the stack.
_DAMAGE = (
    tarfile.TarError, zipfile.BadZipFile, unpack.DamagedError, gzip.BadGzipFile, lzma.LZMAError, zlib.error,
    EOFError, ValueError, OverflowError, NotImplementedError, RecursionError,
)  # fmt: skip
_COMPRESSED = {
    b"\x1f\x8b": Container.GZIP,
    b"\xfd7zXZ\x00": Container.XZ,
    b"\x28\xb5\x2f\xfd": Container.ZSTD,
}
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
# What tar adds to the content: a header and padding for each member, and the end.
_MOST_STREAM = MOST_BYTES + (64 << 20)
_FORMS = "give a directory, a .tar, .tar.gz, .tar.xz or .tar.zst, or a .zip"


def archive_members(path: Path) -> Iterator[Member]:
    """The members of an archive, in its order.

    Raises:
        PipelineError: no archive of a known kind, damaged, encrypted, or with entries that overlap.
    """
    with path.open("rb") as stream:
        head = stream.read(512)
    if head.startswith(_ZIP):
        yield from _zip_members(path)
        return
    container = next((kind for magic, kind in _COMPRESSED.items() if head.startswith(magic)), None)
    if container is None and head[257:262] != b"ustar":
        raise PipelineError(f"{path}: {_what(head)}", _FORMS)
    if container is Container.ZSTD:
        tools.require("zstd", reason="read the golden sample's export")
    try:
        with path.open("rb") as plain:
            stream = plain if container is None else io.BufferedReader(_Unpacked(unpack.pieces(path, container)))
            yield from _tar_members(stream, path)
    except _DAMAGE as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> PipelineError:
    return PipelineError(f"{path}: is cut off or damaged: {error}", "copy or make the export again")


def _guarded(path: Path, read: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """A member's content is read by who collects it, so damage shows there, too."""

    def guarded(most: int) -> bytes:
        try:
            return read(most)
        except _DAMAGE as error:
            raise _damaged(path, error) from None

    return guarded


def _what(head: bytes) -> str:
    if head.startswith(b"QFI\xfb") or head[510:512] == b"\x55\xaa":
        return "is a disk image, not an export; disks of a golden sample cannot be cloned (A:129)"
    return "is empty" if not head else "is not an archive of a known kind"


class _Unpacked(io.RawIOBase):
    """A decompressed stream that ends with an error where no export goes."""

    def __init__(self, pieces: Generator[bytes, None, None]) -> None:
        self._pieces = pieces
        self._rest = b""
        self._total = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        """Fill a buffer as far as one piece goes."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
            self._total += len(piece)
            if self._total > _MOST_STREAM:
                raise PipelineError(f"the archive unpacks to more than {_MOST_STREAM >> 20} MiB", _FORMS)
        view = memoryview(buffer)  # type: ignore[arg-type]
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        """Stop the program behind it, too."""
        self._pieces.close()
        super().close()


def _tar_members(stream: IO[bytes], path: Path) -> Iterator[Member]:
    # As a stream: nothing is looked up by an offset that the archive itself states.
    with tarfile.open(fileobj=stream, mode="r|", errors="surrogateescape") as archive:
        for entry in archive:
            mode = entry.mode & 0o7777
            if entry.isdir():
                yield Member(f"{entry.name}/", Kind.DIRECTORY, mode)
            elif entry.issym():
                yield Member(entry.name, Kind.LINK, mode, entry.linkname)
            elif entry.isreg() and not entry.issparse():
                yield Member(entry.name, Kind.FILE, mode, read=_guarded(path, _tar_reader(archive, entry, path)))
            else:
                yield Member(entry.name, Kind.OTHER, mode)


def _tar_reader(archive: tarfile.TarFile, entry: tarfile.TarInfo, path: Path) -> Callable[[int], bytes]:
    def read(most: int) -> bytes:
        if not 0 <= entry.size < most:
            raise PipelineError(f"{path}: {ascii(entry.name)}: says it has {entry.size} bytes", _FORMS)
        content = archive.extractfile(entry)
        return content.read(most) if content else b""

    return read


def _zip_members(path: Path) -> Iterator[Member]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _refuse_overlaps(entries, path, archive.start_dir)
            for entry in entries:
                yield _zip_member(archive, entry, path)
    except _DAMAGE as error:
        raise _damaged(path, error) from None


def _refuse_overlaps(entries: list[zipfile.ZipInfo], path: Path, end: int) -> None:
    """Entries that share bytes are how a small archive becomes a huge one."""
    place = -1
    for entry in sorted(entries, key=lambda found: found.header_offset):
        if entry.header_offset < place or entry.header_offset + entry.compress_size > end:
            raise PipelineError(f"{path}: {ascii(entry.filename)}: overlaps another entry", "make the export again")
        place = entry.header_offset + entry.compress_size


def _zip_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> Member:
    # A name with a NUL is cut there by the library; what the archive really says is judged.
    name = entry.orig_filename
    mode = entry.external_attr >> 16
    if entry.flag_bits & 1:
        raise PipelineError(f"{path}: {ascii(name)}: is encrypted", "make the export without a password")
    if stat.S_ISLNK(mode):
        return Member(name, Kind.LINK, stat.S_IMODE(mode), os.fsdecode(_read_entry(archive, entry, 4097)))
    if name.endswith("/"):
        return Member(name, Kind.DIRECTORY, stat.S_IMODE(mode))
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return Member(name, Kind.OTHER, stat.S_IMODE(mode))
    return Member(
        name, Kind.FILE, stat.S_IMODE(mode), read=_guarded(path, lambda most: _read_entry(archive, entry, most))
    )


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    with archive.open(entry) as stream:
        return stream.read(most)
