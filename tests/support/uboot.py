"""U-Boot environments by the rules of the format, independent of the code under test."""

from __future__ import annotations

import zlib

SIZE = 0x400


def an_environment(pairs: dict[str, str], *, flags: int | None = None, size: int = SIZE, fill: bytes = b"\0") -> bytes:
    """One copy; with flags it is one of a redundant environment."""
    body = b"".join(f"{name}={value}".encode() + b"\0" for name, value in pairs.items()) + b"\0"
    head = b"" if flags is None else bytes([flags])
    body = body.ljust(size - 4 - len(head), fill)
    return zlib.crc32(body).to_bytes(4, "little") + head + body
