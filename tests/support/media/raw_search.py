"""Looks for byte strings in raw images, in every form a file could hold them in: plain, Base64, hex, UTF-16, gzip.

The search knows nothing of file systems: deleted files, journals and slack space are searched, too.
"""

from __future__ import annotations

import base64
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

_PIECE = 8 << 20
_MOST_UNPACKED = 64 << 20
_PACKED = re.compile(rb"\x1f\x8b\x08|PK\x03\x04")


def forms(needle: bytes) -> dict[str, bytes]:
    """A byte string in all forms that are looked for."""
    found = {"plain": needle, "hex": needle.hex().encode(), "HEX": needle.hex().upper().encode()}
    for shift in range(3):
        # Only what the bytes around it cannot change: whole groups of three bytes, wherever they begin.
        core = needle[shift:]
        core = core[: len(core) // 3 * 3]
        found[f"Base64 shifted by {shift}"] = base64.b64encode(core)
    try:
        text = needle.decode("ascii")
    except UnicodeDecodeError:
        return found
    return {**found, "UTF-16LE": text.encode("utf-16-le"), "UTF-16BE": text.encode("utf-16-be")}


def search(path: Path, needles: Mapping[str, bytes]) -> list[str]:
    """Where a file holds any of the needles: name, form and offset; packed data in it is unpacked and searched, too."""
    wanted = [(f"{name} as {form}", text) for name, needle in needles.items() for form, text in forms(needle).items()]
    overlap = max((len(text) for _, text in wanted), default=0)
    found: set[str] = set()
    with path.open("rb") as stream:
        handle = stream.fileno()

        def read(offset: int, length: int) -> bytes:
            return os.pread(handle, length, offset)

        for start, piece in _pieces(handle, overlap):
            found.update(f"{path.name}: {name} at {start + place}" for name, place in _in(piece, wanted))
            for match in _PACKED.finditer(piece):
                unpacked = _unpacked(read, start + match.start(), is_zip=match[0].startswith(b"PK"))
                where = f"{path.name}: packed data at {start + match.start()}"
                found.update(f"{where}: {name}" for name in _inside(unpacked, wanted, 3))
    return sorted(found)


def _inside(content: bytes, wanted: Iterable[tuple[str, bytes]], depth: int) -> Iterator[str]:
    """Needles in unpacked data, and in what is packed in it: bundles lie in packages."""

    def read(offset: int, length: int) -> bytes:
        return content[offset : offset + length]

    yield from (name for name, _ in _in(content, wanted))
    for match in _PACKED.finditer(content) if depth else ():
        yield from _inside(_unpacked(read, match.start(), is_zip=match[0].startswith(b"PK")), wanted, depth - 1)


def search_text(text: bytes, needles: Mapping[str, bytes]) -> list[str]:
    """The same for bytes in memory, without unpacking."""
    wanted = [(f"{name} as {form}", found) for name, needle in needles.items() for form, found in forms(needle).items()]
    return sorted(f"{name} at {place}" for name, place in _in(text, wanted))


def _in(piece: bytes, wanted: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, int]]:
    for name, text in wanted:
        place = piece.find(text)
        if place >= 0:
            yield name, place


def _pieces(handle: int, overlap: int) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of everything that is no hole; neighbours overlap, so that nothing is cut in two."""
    size = os.fstat(handle).st_size
    place = 0
    while place < size:
        try:
            place = os.lseek(handle, place, os.SEEK_DATA)
            end = os.lseek(handle, place, os.SEEK_HOLE)
        except OSError:  # nothing but holes to the end
            return
        while place < end:
            start = max(0, place - overlap)
            yield start, os.pread(handle, min(_PIECE, end - place) + (place - start), start)
            place = min(place + _PIECE, end)


def _unpacked(read: Callable[[int, int], bytes], offset: int, *, is_zip: bool) -> bytes:
    """What a gzip member or a member of a zip archive at an offset holds, as far as it can be unpacked."""
    head = read(offset, 30)
    if is_zip:
        offset += 30 + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
        if head[8:10] != b"\x08\x00":
            return b""  # stored: it is searched where it lies
    stream = zlib.decompressobj(-zlib.MAX_WBITS if is_zip else 31)
    unpacked = bytearray()
    try:
        while not stream.eof and len(unpacked) < _MOST_UNPACKED:
            piece = read(offset, 1 << 18)
            if not piece:
                break
            offset += len(piece)
            unpacked += stream.decompress(piece)
    except zlib.error:
        pass  # no packed data, or cut by the layout of the disk: what came before is searched
    return bytes(unpacked)
