"""A base image with changed blocks over it, read as one file; nothing is materialised."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping

BLOCK = 4096
_MOST_KNOWN = 8192  # blocks, 32 MiB


class Overlay:
    """Bytes of a base image, with some of its blocks replaced.

    Attributes:
        blocks: whole blocks of `BLOCK` bytes by their number; the image's last one may be shorter.
    """

    def __init__(
        self, handle: int, size: int, blocks: Mapping[int, bytes], known: dict[int, bytes] | None = None
    ) -> None:
        """Name what is read; the descriptor stays the caller's.

        Args:
            known: blocks of the base that were read in parts, kept for other overlays of the same base: libraries ask
                for inodes one by one.
        """
        self._handle, self.size, self.blocks = handle, size, blocks
        self._known = {} if known is None else known

    def read(self, offset: int, length: int) -> bytes:
        """As `os.pread`; shorter at the image's end."""
        length = max(0, min(length, self.size - offset))
        first, last = offset // BLOCK, (offset + length - 1) // BLOCK
        blocks = self.blocks
        if last == first and length:
            start = offset - first * BLOCK
            return (blocks.get(first) or self._whole(first))[start : start + length]
        data = os.pread(self._handle, length, offset)
        if len(data) < length:  # a base image that ends early reads as zeros; its digest is somebody else's business
            data += bytes(length - len(data))
        if not blocks or not length:
            return data
        touched = [number for number in range(first, last + 1) if number in blocks]
        if not touched:
            return data
        patched = bytearray(data)
        for number in touched:
            start = number * BLOCK - offset
            piece = blocks[number]
            low, high = max(0, start), min(length, start + len(piece))
            patched[low:high] = piece[low - start : high - start]
        return bytes(patched)

    def _whole(self, number: int) -> bytes:
        block = self._known.get(number)
        if block is None:
            block = os.pread(self._handle, BLOCK, number * BLOCK).ljust(BLOCK, b"\0")
            if len(self._known) < _MOST_KNOWN:
                self._known[number] = block
        return block


class Section(io.RawIOBase):
    """One partition of an overlay as a file object that libraries can read and seek."""

    def __init__(self, image: Overlay, start: int, size: int) -> None:
        """Both in bytes."""
        super().__init__()
        self._image, self._start, self._size, self._place = image, start, size, 0

    def get_size(self) -> int:
        """As libyal asks for it."""
        return self._size

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As any file."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = base + offset
        return self._place

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        data = self.at(self._place, self._size - self._place if size < 0 else size)
        self._place += len(data)
        return data

    def at(self, offset: int, length: int) -> bytes:
        """Bytes at an offset of the partition."""
        return self._image.read(self._start + offset, min(length, self._size - offset)) if offset < self._size else b""
