"""Long runs of zeros as zstd frames, made by hand: any zstd unpacks them, and nobody has to compress the zeros.

RFC 8878: a frame is magic, a descriptor (0: no checksum, no size), a window descriptor (0x38: 128 KiB) and blocks. The
header of a block has three bytes, little endian: last block, type (1: one byte repeated) and size; a block of zeros has
one byte of content. 128 KiB of zeros are four bytes.
"""

from __future__ import annotations

import struct

MAGIC = b"\x28\xb5\x2f\xfd"
_HEAD = MAGIC + b"\x00\x38"
_MOST = 128 << 10
_RLE = 1
_FULL = struct.pack("<I", _MOST << 3 | _RLE << 1)[:3] + b"\0"


def zeros(length: int) -> bytes:
    """One frame that unpacks to so many zeros; at least one."""
    whole, rest = divmod(length - 1, _MOST)
    last = struct.pack("<I", (rest + 1) << 3 | _RLE << 1 | 1)[:3] + b"\0"
    return _HEAD + _FULL * whole + last


def zeros_at(data: bytes, place: int) -> tuple[int, int] | None:
    """How many zeros the frame at a place stands for and where it ends; None when it is another kind of frame."""
    if data[place : place + len(_HEAD)] != _HEAD:
        return None
    at, length = place + len(_HEAD), 0
    while at + 4 <= len(data):
        header = int.from_bytes(data[at : at + 3], "little")
        if header >> 1 & 3 != _RLE or data[at + 3]:
            return None
        length += header >> 3
        at += 4
        if header & 1:
            return length, at
    return None
