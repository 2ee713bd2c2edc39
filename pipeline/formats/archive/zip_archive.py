"""ZIP archives read with suspicion, and rewritten without touching what is kept (PKWARE APPNOTE 6.3).

`zipfile` believes the central directory, Java's `JarInputStream` believes the local headers. An archive in which the
two can disagree means different things to the signer and to the gateway, so it is refused here by name.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from pipeline.errors import PipelineError

STORED = 0
DEFLATED = 8
HAS_DESCRIPTOR = 0x0008

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_KNOWN_FLAGS = 0x080E  # deflate level (1, 2), data descriptor (3), UTF-8 names (11)
_NEW_YEAR_1980 = (0, 0x0021)  # the earliest DOS time and date
_CHUNK = 64 * 1024
_MOST_AT_ONCE = 1024 * 1024
_LARGEST_TOTAL = 2 * 1024**3
_LARGEST_UNSUSPECTED = 64 * 1024**2
_HIGHEST_RATIO = 200  # class files and text stay below 20
_LARGEST_ARCHIVE = 0xF0000000  # leaves room for the central directory below four gigabytes
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Source(Protocol):
    """Bytes that are read in pieces, so that an archive need not be in memory."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    def read(self, offset: int, length: int) -> bytes:
        """At most ``length`` bytes from ``offset``."""


@dataclass(frozen=True)
class MemorySource:
    """An archive that is in memory already."""

    data: bytes = field(repr=False)

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        """A slice."""
        return self.data[offset : offset + length]


@dataclass(frozen=True)
class ZipEntry:
    """One member; offsets count from the beginning of the archive.

    Attributes:
        packed: bytes as compressed.
        offset / data / end: of the local header, of the compressed bytes, and after the data descriptor if any.
        central: its record of the central directory, as read.
    """

    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    data: int
    end: int
    central: bytes = field(repr=False)

    @property
    def is_directory(self) -> bool:
        """Whether the name says that it is a directory."""
        return self.name.endswith("/")


@dataclass(frozen=True)
class ZipArchive:
    """A checked archive: entries in the order of their bytes."""

    name: str
    source: Source = field(repr=False)
    entries: tuple[ZipEntry, ...]

    def find(self, name: str) -> ZipEntry | None:
        """The entry of this name."""
        return next((entry for entry in self.entries if entry.name == name), None)

    def read(self, entry: ZipEntry, *, limit: int = 64 * 1024**2) -> bytes:
        """The whole content of one entry; `PipelineError` beyond the limit or when it is damaged."""
        if entry.size > limit:
            _refuse(self.name, f"{entry.name} is {entry.size} bytes, more than {limit} for a file of this kind")
        return b"".join(self.chunks(entry))

    def chunks(self, entry: ZipEntry) -> Iterator[bytes]:
        """The content in pieces of bounded size; size and CRC are checked at the end."""
        crc, total = 0, 0
        for piece in self._inflated(entry) if entry.method == DEFLATED else self._packed(entry):
            total += len(piece)
            if total > entry.size:
                _refuse(self.name, f"{entry.name} unpacks to more than the {entry.size} bytes it states")
            crc = zlib.crc32(piece, crc)
            yield piece
        if total != entry.size:
            _refuse(self.name, f"{entry.name} unpacks to {total} bytes and states {entry.size}")
        if crc != entry.crc:
            _refuse(self.name, f"the checksum of {entry.name} is wrong")

    def _packed(self, entry: ZipEntry) -> Iterator[bytes]:
        for offset in range(entry.data, entry.data + entry.packed, _CHUNK):
            yield self.source.read(offset, min(_CHUNK, entry.data + entry.packed - offset))

    def _inflated(self, entry: ZipEntry) -> Iterator[bytes]:
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for piece in self._packed(entry):
                while piece and not stream.eof:
                    yield stream.decompress(piece, _MOST_AT_ONCE)
                    piece = stream.unconsumed_tail
                if stream.eof and (piece or stream.unused_data):
                    _refuse(self.name, f"{entry.name} is followed by bytes inside its own compressed data")
            while not stream.eof:
                # zlib may hold back output when the last call filled its share exactly
                rest = stream.decompress(b"", _MOST_AT_ONCE)
                if not rest:
                    _refuse(self.name, f"the compressed data of {entry.name} ends early")
                yield rest
        except zlib.error:
            _refuse(self.name, f"the compressed data of {entry.name} is damaged")


def read_archive(source: Source, name: str) -> ZipArchive:
    """Read and check the directory of an archive.

    Args:
        name: what the user calls the archive, for messages.

    Raises:
        PipelineError: not a ZIP archive, or one that could be understood in two ways: duplicate, climbing or
            unprintable names, overlapping entries, bytes that belong to no entry, local headers that contradict the
            central directory, encryption, zip64, unknown methods, sizes of a decompression bomb.
    """
    count, start, size = _end_record(source, name)
    directory = source.read(start, size)
    records, position = [], 0
    for _ in range(count):
        if position + _CENTRAL.size > len(directory) or directory[position : position + 4] != b"PK\1\2":
            _refuse(name, "its central directory is damaged")
        lengths = struct.unpack_from("<3H", directory, position + 28)
        following = position + _CENTRAL.size + sum(lengths)
        if following > len(directory):
            _refuse(name, "its central directory is damaged")
        records.append(directory[position:following])
        position = following
    if position != len(directory):
        _refuse(name, "its central directory holds more than the entries it counts")
    records.sort(key=_offset_of)
    bounds = [_offset_of(record) for record in records] + [start]
    if bounds[0] != 0:
        _refuse(name, "it begins with bytes that belong to no entry")
    entries = tuple(_entry(source, name, record, bounds[index + 1]) for index, record in enumerate(records))
    _check_whole(entries, name)
    return ZipArchive(name, source, entries)


@dataclass(frozen=True)
class NewFile:
    """A file to be written.

    It is stored, not deflated, so that the bytes do not depend on a zlib version; its time is the earliest there is.
    """

    name: str
    content: bytes = field(repr=False)

    def records(self, offset: int) -> tuple[bytes, bytes]:
        """Local header with content, and central record, of the file lying at an offset."""
        label = self.name.encode("utf-8")
        flags = 0 if self.name.isascii() else 0x0800
        size = len(self.content)
        middle = (flags, STORED, *_NEW_YEAR_1980, zlib.crc32(self.content), size, size, len(label), 0)
        local = _LOCAL.pack(b"PK\3\4", 10, *middle) + label + self.content
        return local, _CENTRAL.pack(b"PK\1\2", 20, 10, *middle, 0, 0, 0, 0, offset) + label


@dataclass(frozen=True)
class Kept:
    """An entry taken over with its local header and compressed bytes as they are."""

    archive: ZipArchive
    entry: ZipEntry


def write_archive(parts: Sequence[NewFile | Kept], name: str) -> Iterator[bytes]:
    """An archive of these parts in this order, in pieces; of a kept central record only the offset changes."""
    offset, central = 0, []
    for part in parts:
        if isinstance(part, NewFile):
            local, record = part.records(offset)
            yield local
            offset += len(local)
        else:
            entry = part.entry
            for position in range(entry.offset, entry.end, _CHUNK):
                yield part.archive.source.read(position, min(_CHUNK, entry.end - position))
            record = entry.central[:42] + struct.pack("<I", offset) + entry.central[46:]
            offset += entry.end - entry.offset
        central.append(record)
        if offset > _LARGEST_ARCHIVE:
            _refuse(name, "it would be larger than a ZIP archive without zip64 extensions can be")
    directory = b"".join(central)
    yield directory
    yield _END.pack(b"PK\5\6", 0, 0, len(central), len(central), len(directory), offset, 0)


def _offset_of(record: bytes) -> int:
    offset: int = struct.unpack_from("<I", record, 42)[0]
    return offset


def _end_record(source: Source, name: str) -> tuple[int, int, int]:
    """Number of entries, offset and size of the central directory."""
    tail_size = min(source.size, _END.size + 0xFFFF + 20)
    tail = source.read(source.size - tail_size, tail_size)
    fits = [
        found.start()
        for found in re.finditer(rb"(?=PK\x05\x06)", tail)
        if found.start() + _END.size <= len(tail)
        and found.start() + _END.size + struct.unpack_from("<H", tail, found.start() + 20)[0] == len(tail)
    ]
    if not fits:
        _refuse(name, "it is not a ZIP archive, or it is cut short or followed by other bytes")
    if len(fits) > 1:
        _refuse(name, "it has two ends, so it can be read as two different archives")
    _, disk, first_disk, here, count, size, start, _ = _END.unpack_from(tail, fits[0])
    if (
        tail[max(0, fits[0] - 20) : fits[0]].startswith(b"PK\6\7")
        or 0xFFFF in (here, count)
        or 0xFFFFFFFF in (size, start)
    ):
        _refuse(name, "it uses zip64 extensions")
    if disk or first_disk or here != count:
        _refuse(name, "it is part of a set of several archives")
    if start + size != source.size - tail_size + fits[0]:
        _refuse(name, "bytes lie before or behind its entries that belong to none of them")
    if count == 0:
        _refuse(name, "it is empty")
    return count, start, size


def _entry(source: Source, archive: str, record: bytes, bound: int) -> ZipEntry:
    """One entry from its central record, checked against its local header; ``bound`` is where the next one begins."""
    (_, _, _, flags, method, _, _, crc, packed, size, name_size, extra_size, _, disk, _, _, offset) = (
        _CENTRAL.unpack_from(record)
    )
    raw_name = record[_CENTRAL.size : _CENTRAL.size + name_size]
    name = _decoded(raw_name, archive)
    if 0xFFFFFFFF in (packed, size, offset) or disk == 0xFFFF or _has_zip64(record[46 + name_size :][:extra_size]):
        _refuse(archive, f"{name} uses zip64 extensions")
    if flags & 0x2041:
        _refuse(archive, f"{name} is encrypted")
    if flags & ~_KNOWN_FLAGS or disk:
        _refuse(archive, f"{name} uses ZIP features that Java does not know")
    if method not in (STORED, DEFLATED):
        _refuse(archive, f"{name} is compressed by method {method}; Java knows 0 (stored) and 8 (deflated)")
    if method == STORED and packed != size:
        _refuse(archive, f"{name} is stored, with two different sizes")
    if name.endswith("/") and size:
        _refuse(archive, f"{name} is a directory with content")
    if size > _LARGEST_UNSUSPECTED and size > packed * _HIGHEST_RATIO:
        _refuse(archive, f"{name} unpacks to {size // max(packed, 1)} times its size: a decompression bomb")
    header = source.read(offset, _LOCAL.size + name_size)
    if len(header) < _LOCAL.size + name_size or header[:4] != b"PK\3\4":
        _refuse(archive, f"the local header of {name} is missing")
    (_, _, local_flags, local_method, _, _, *local_sizes, local_name, local_extra) = _LOCAL.unpack_from(header)
    data = offset + _LOCAL.size + local_name + local_extra
    trailing = bound - data - packed
    if trailing < 0:
        _refuse(archive, f"{name} overlaps what follows it")
    if (local_name, header[_LOCAL.size :]) != (name_size, raw_name):
        _refuse(archive, f"the local header of {name} has another name")
    stated = [crc, packed, size]
    expected = [stated, [0, 0, 0]] if flags & HAS_DESCRIPTOR else [stated]
    if (local_flags, local_method) != (flags, method) or local_sizes not in expected:
        _refuse(archive, f"the local header of {name} contradicts the central directory")
    if trailing:
        descriptor = source.read(data + packed, min(trailing, 16))
        bare = struct.pack("<3I", *stated)
        if not flags & HAS_DESCRIPTOR or trailing > 16 or descriptor not in (bare, b"PK\7\x08" + bare):
            _refuse(archive, f"bytes that belong to no entry lie behind {name}")
    elif flags & HAS_DESCRIPTOR:
        _refuse(archive, f"the data descriptor of {name} is missing")
    return ZipEntry(name, flags, method, crc, packed, size, offset, data, bound, record)


def _decoded(raw: bytes, archive: str) -> str:
    """An entry's name; Java reads names as UTF-8 whatever the flag says."""
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        _refuse(archive, f"the name {raw!r} is not UTF-8")
    if not name or _CONTROL.search(name):
        _refuse(archive, f"the name {name!r} is empty or has control characters")
    if name.startswith("/") or "\\" in name or re.match(r"[A-Za-z]:", name):
        _refuse(archive, f"the name {name!r} is absolute or has a backslash")
    if any(part in ("", ".", "..") for part in name.removesuffix("/").split("/")):
        _refuse(archive, f"the name {name!r} climbs out of its directory or has empty parts")
    return name


def _has_zip64(extra: bytes) -> bool:
    position = 0
    while position + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, position)
        if kind == 1:
            return True
        position += 4 + size
    return False


def _check_whole(entries: tuple[ZipEntry, ...], name: str) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.name in seen:
            _refuse(name, f"{entry.name} is there twice")
        seen.add(entry.name)
    total = sum(entry.size for entry in entries)
    if total > _LARGEST_TOTAL:
        _refuse(name, f"it unpacks to {total} bytes, more than {_LARGEST_TOTAL}")


def _refuse(archive: str, problem: str) -> NoReturn:
    raise PipelineError(
        f"{archive}: {problem}", "build the archive anew with the jar tool, and look where it came from"
    )
