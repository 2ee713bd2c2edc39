"""The process in which a reader works: a C library reads foreign bytes here, with limits, away from every secret.

Started as a program of its own with the reader's name; descriptor 0 is the base image, descriptor 1 a socket. Messages
are two lengths (8 bytes each, big endian), JSON and a payload. What is answered about an image is where it differs from
the base, so that a gateway costs its walk and little more.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import resource
import socket
import struct
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

from pipeline.image.witness.found import Found
from pipeline.image.witness.overlay import BLOCK, Overlay, Section

READERS = ("sleuthkit", "libfsext")
MEMORY = 2 << 30
"""Bytes of address space a reader may have; shared libraries and the interpreter count."""
MOST_PATHS = 1_000_000
_MOST_CONTENT = 64 << 20
_HEAD = struct.Struct(">QQ")


class _Walk(NamedTuple):
    """An image as this reader sees it: what is at each path, and in which partition."""

    paths: dict[str, Found]
    where: dict[str, int]
    readers: list[Any]


class Worker:
    """One reader over one base image."""

    def __init__(self, name: str, handle: int) -> None:
        """Import the library only here."""
        if name not in READERS:
            raise ValueError("no such reader")
        self._open = import_module(f"pipeline.image.witness.{name}").Reader
        self._handle, self._size = handle, os.fstat(handle).st_size
        self._partitions: list[Mapping[str, Any]] = []
        self._base: dict[str, Found] = {}
        self._known: dict[int, bytes] = {}

    def answer(self, request: Mapping[str, Any], payload: bytes) -> dict[str, Any]:
        """What a request wants to know of the base, or of the base with the blocks that came along."""
        if "partitions" in request:
            self._partitions = request["partitions"]
            seen = self._walk({})
            self._base = seen.paths
            answer: dict[str, Any] = {"paths": seen.paths, "owners": self._owners(seen)}
        else:
            numbers = request["blocks"]
            blocks = {number: payload[at * BLOCK : (at + 1) * BLOCK] for at, number in enumerate(numbers)}
            seen, base = self._walk(blocks), self._base
            answer = {
                "changed": {path: found for path, found in seen.paths.items() if base.get(path) != found},
                "gone": sorted(base.keys() - seen.paths.keys()),
            }
        files = {path for path in (*request["digest"], *request["read"]) if _is_file(seen.paths.get(path))}
        answer["digests"] = {
            path: self._digest(seen, path) for path in (files if request["digest"] != ["*"] else _all_files(seen))
        }
        answer["contents"] = {
            path: base64.b64encode(self._content(seen, path)).decode("ascii")
            for path in request["read"]
            if path in files
        }
        return answer

    def _walk(self, blocks: Mapping[int, bytes]) -> _Walk:
        image = Overlay(self._handle, self._size, blocks, self._known)
        paths: dict[str, Found] = {}
        where: dict[str, int] = {}
        readers = []
        for index, part in enumerate(self._partitions):
            reader = self._open(Section(image, part["start"], part["size"]))
            readers.append(reader)
            prefix = part["mountpoint"].rstrip("/")
            for path, found in reader.walk():
                paths[f"{prefix}{path}" or "/"] = found
                where[f"{prefix}{path}" or "/"] = index
                if len(paths) > MOST_PATHS:
                    raise ValueError("more paths than anybody reads")
        return _Walk(paths, where, readers)

    def _digest(self, seen: _Walk, path: str) -> str:
        digest = hashlib.sha256()
        for piece in seen.readers[seen.where[path]].content(seen.paths[path].inode):
            digest.update(piece)
        return digest.hexdigest()

    def _content(self, seen: _Walk, path: str) -> bytes:
        if seen.paths[path].size > _MOST_CONTENT:
            raise ValueError("a file is larger than anybody reads")
        return b"".join(seen.readers[seen.where[path]].content(seen.paths[path].inode))

    def _owners(self, seen: _Walk) -> dict[str, list[tuple[int, int]]]:
        """Byte ranges of the image that hold a file's content, or lead to it; only one of the readers can tell."""
        if not hasattr(self._open, "blocks"):
            return {}
        return {
            path: [
                (self._partitions[seen.where[path]]["start"] + start, length)
                for start, length in seen.readers[seen.where[path]].blocks(found.inode)
            ]
            for path, found in seen.paths.items()
            if found.kind == "f"
        }


def _is_file(found: Found | None) -> bool:
    return found is not None and found.kind == "f"


def _all_files(seen: _Walk) -> list[str]:
    return [path for path, found in seen.paths.items() if found.kind == "f"]


def receive(channel: socket.socket) -> tuple[dict[str, Any], bytes] | None:
    """The next message; None when the other side is gone."""
    head = _exactly(channel, _HEAD.size)
    if head is None:
        return None
    length, more = _HEAD.unpack(head)
    text, payload = _exactly(channel, length), _exactly(channel, more)
    return None if text is None or payload is None else (json.loads(text), payload)


def send(channel: socket.socket, message: object, payload: bytes = b"") -> None:
    """One message; names that are no UTF-8 travel as escapes."""
    text = json.dumps(message).encode("ascii")
    channel.sendall(_HEAD.pack(len(text), len(payload)) + text + payload)


def _exactly(channel: socket.socket, length: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < length:
        piece = channel.recv(min(1 << 20, length - len(parts)))
        if not piece:
            return None
        parts += piece
    return bytes(parts)


def main() -> None:
    """Answer until the other side goes away; a failure is an answer too."""
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(limit, (value, value))
    channel = socket.socket(fileno=1)
    worker = Worker(sys.argv[1], 0)
    while (message := receive(channel)) is not None:
        try:
            answer = worker.answer(*message)
        except Exception as error:  # noqa: BLE001 - whatever a library says of an image: it could not be read
            answer = {"failed": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}
        send(channel, answer)


if __name__ == "__main__":
    main()
