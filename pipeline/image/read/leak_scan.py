"""Looks for byte patterns in a whole raw image: free space, journal, slack, and inside of what is compressed in it."""

from __future__ import annotations

import bisect
import os
import re
import subprocess
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import PipelineError
from pipeline.host import tools
from pipeline.image.containers import sparse

_REASON = "look for secrets in a finished image"
_PIECE = 1 << 20
_OVERLAP = 4096  # bytes; a pattern, in UTF-16 too, is shorter
_PACKED = 16 << 20  # bytes of one compressed stream that are looked at, and of what comes out of it
_UNPACKED = 32 << 20
_DEPTH = 2  # a deployment package holds JARs
_STARTS = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]|PK\x03\x04..[\x00-\xff]{2}\x08\x00|\x78[\x01\x5e\x9c\xda]", re.DOTALL)
_FOUND = re.compile(rb"(\d+):(.*)\n")


@dataclass(frozen=True)
class Hit:
    """A pattern that was found.

    Attributes:
        offset: in the image; of the compressed stream when it lies inside one.
        packed: whether it does.
    """

    pattern: bytes
    offset: int
    packed: bool


@dataclass(frozen=True)
class _Piece:
    start: int
    packed: bool
    source: int


def scan(image: Path, patterns: Collection[bytes], *, base: Path | None = None) -> tuple[Hit, ...]:
    """Every pattern that lies anywhere in an image, each place of it once.

    Zero bytes are taken out before, so that UTF-16 reads like plain text. Looks into gzip, zlib and ZIP streams, two
    deep, as far as their bytes lie together. The search itself is grep's: it takes thousands of patterns at once, and
    they reach it through a file in memory, never as arguments.

    Args:
        patterns: without zero bytes and line breaks.
        base: an image that was searched already; pieces that are the same in both are passed over.

    Raises:
        PipelineError: the image cannot be read, or grep is missing or fails.
    """
    if not patterns:
        return ()

    def feed(process: subprocess.Popen[bytes]) -> list[_Piece]:
        try:
            return _feed(process, image, base)
        except BrokenPipeError:
            return []
        except OSError as error:
            process.kill()
            raise PipelineError(f"{image}: cannot be read: {error.strerror}", "check the path") from None

    return _located(image, *_grep(patterns, feed))


def scan_parts(parts: Iterable[tuple[str, bytes]], patterns: Collection[bytes]) -> tuple[tuple[str, bytes], ...]:
    """The same search over many parts of many images in one pass: every pattern with the name of who has it, once.

    Args:
        parts: who has it, and bytes that lie together.
        patterns: without zero bytes and line breaks.
    """
    if not patterns:
        return ()
    owners: list[tuple[int, str]] = []

    def feed(process: subprocess.Popen[bytes]) -> list[_Piece]:
        written = 0
        with _input_of(process) as sink:
            for owner, data in parts:
                owners.append((written, owner))
                for text in _texts(data):
                    sink.write(text)
                    sink.write(b"\n")
                    written += len(text) + 1
        return []

    _, output = _grep(patterns, feed)
    starts = [start for start, _ in owners]
    found = ((owners[bisect.bisect_right(starts, int(match[1])) - 1][1], match[2]) for match in _FOUND.finditer(output))
    return tuple(sorted(set(found)))


def _texts(data: bytes) -> Iterator[bytes]:
    """Bytes as they are searched, and what is packed in them."""
    yield data.replace(b"\0", b"")
    done = 0
    for match in _STARTS.finditer(data):
        if match.start() < done:
            continue
        found = _inflate(data, match.start())
        if found is not None:
            done = match.start() + found[1]
            yield found[0].replace(b"\0", b"")
            for _, inner, _ in _inside(found[0], 1):
                yield inner.replace(b"\0", b"")


def _grep(
    patterns: Collection[bytes], feed: Callable[[subprocess.Popen[bytes]], list[_Piece]]
) -> tuple[list[_Piece], bytes]:
    """What feeding told, and each match behind its offset in what was fed."""
    grep = tools.require("grep", reason=_REASON)
    wanted, output = os.memfd_create("patterns"), os.memfd_create("found")
    try:
        with os.fdopen(os.dup(wanted), "wb") as stream:
            stream.writelines(b"%s\n" % pattern for pattern in sorted(patterns))
        os.lseek(wanted, 0, os.SEEK_SET)
        process = subprocess.Popen(  # noqa: S603 - argument list, closed environment
            [str(grep), "-a", "-o", "-b", "-F", "-f", f"/dev/fd/{wanted}"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.PIPE,
            pass_fds=(wanted,),
            env=tools.closed_environment({"LC_ALL": "C"}),
        )
        try:
            pieces = feed(process)
        finally:
            _, complaint = process.communicate()
        if process.returncode not in (0, 1) or complaint:
            raise PipelineError(f"failed to {_REASON}: grep ended with status {process.returncode}", "run doit doctor")
        return pieces, os.pread(output, os.fstat(output).st_size, 0)
    finally:
        os.close(wanted)
        os.close(output)


def _feed(process: subprocess.Popen[bytes], image: Path, base: Path | None) -> list[_Piece]:
    """Write everything there is to search to grep, and remember where each piece of its input comes from."""
    pieces: list[_Piece] = []
    written = 0
    with ExitStack() as stack:
        sink = stack.enter_context(_input_of(process))
        source = stack.enter_context(image.open("rb", buffering=0))
        known = stack.enter_context(base.open("rb", buffering=0)).fileno() if base is not None else None
        for place, packed, data in _stream(source.fileno(), known):
            text = data.replace(b"\0", b"")
            pieces.append(_Piece(written, packed, place))
            sink.write(text)
            sink.write(b"\n")
            written += len(text) + 1
    return pieces


def _input_of(process: subprocess.Popen[bytes]) -> BinaryIO:
    if process.stdin is None:
        raise AssertionError("grep is started with a pipe")
    stream: BinaryIO = process.stdin  # type: ignore[assignment]
    process.stdin = None
    return stream


def _stream(handle: int, known: int | None) -> Iterator[tuple[int, bool, bytes]]:
    """Offset, whether unpacked, and content: all data of the file in overlapping pieces, and what is packed in it."""
    done = 0  # compressed streams are unpacked once, though pieces overlap
    for start, end in sparse.extents(handle, 0, os.fstat(handle).st_size):
        for place in range(start, end, _PIECE):
            data = os.pread(handle, min(_PIECE + _OVERLAP, end - place), place)
            if known is not None and os.pread(known, len(data), place) == data:
                continue
            yield place, False, data
            for match in _STARTS.finditer(data):
                offset = place + match.start()
                if offset < done:
                    continue
                for depth, unpacked, used in _unpacked(data, match.start(), handle, place):
                    if depth == 0:
                        done = offset + used
                    yield offset, True, unpacked


def _unpacked(data: bytes, at: int, handle: int, place: int) -> Iterator[tuple[int, bytes, int]]:
    """What a compressed stream gives, and what compressed streams in that give: depth, content, bytes it took."""
    found = _inflate(data, at)
    if found is not None and found[1] >= len(data) - at:
        # It goes on after this piece.
        found = _inflate(os.pread(handle, _PACKED, place + at), 0)
    if found is not None:
        yield 0, *found
        yield from _inside(found[0], 1)


def _inside(data: bytes, depth: int) -> Iterator[tuple[int, bytes, int]]:
    done = 0
    for match in _STARTS.finditer(data) if depth < _DEPTH else ():
        found = _inflate(data, match.start()) if match.start() >= done else None
        if found is not None:
            done = match.start() + found[1]
            yield depth, *found
            yield from _inside(found[0], depth + 1)


def _inflate(data: bytes, at: int) -> tuple[bytes, int] | None:
    """What a stream gives as far as it is sound, and how many bytes it took; None when it is none."""
    start, bits = at, 15
    if data.startswith(b"PK", at):
        if at + 30 > len(data):
            return None
        start, bits = at + 30 + _number(data, at + 26) + _number(data, at + 28), -15
    elif data.startswith(b"\x1f\x8b", at):
        bits = 31
    machine = zlib.decompressobj(bits)
    given = memoryview(data)[start : start + _PACKED]
    out = bytearray()
    try:
        # A little first: most of what looks like a stream is none, and says so soon.
        out += machine.decompress(given[:1024], _UNPACKED)
        out += machine.decompress(bytes(machine.unconsumed_tail) + bytes(given[1024:]), _UNPACKED - len(out))
    except zlib.error:
        return None
    if len(out) < 16:
        return None
    rest = len(machine.unused_data) + len(machine.unconsumed_tail)
    return bytes(out), start - at + len(given) - rest


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


def _located(image: Path, pieces: list[_Piece], output: bytes) -> tuple[Hit, ...]:
    starts = [piece.start for piece in pieces]
    hits: dict[Hit, None] = {}
    for match in _FOUND.finditer(output):
        piece = pieces[bisect.bisect_right(starts, int(match[1])) - 1]
        offset = piece.source if piece.packed else _exactly(image, piece.source, match[2])
        hits[Hit(match[2], offset, piece.packed)] = None
    return tuple(hits)


def _exactly(image: Path, place: int, pattern: bytes) -> int:
    """Where a pattern lies in a piece, zero bytes between its own or not."""
    with image.open("rb") as stream:
        stream.seek(place)
        data = stream.read(_PIECE + _OVERLAP)
    found = re.search(b"\0*".join(re.escape(pattern[index : index + 1]) for index in range(len(pattern))), data)
    return place + (found.start() if found else 0)
