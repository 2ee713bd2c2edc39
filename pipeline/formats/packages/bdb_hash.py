"""Values of a Berkeley DB hash file, in which rpm kept its packages until 2020 (db 4 and 5, dbinc/db_page.h)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_HASH_MAGIC = 0x061561
_UNSORTED, _OVERFLOW, _SORTED = 2, 7, 13  # types of pages
_DATA, _OFFPAGE = 1, 3  # types of items: in the page, or in a chain of overflow pages
_HEADER = 26  # bytes before a page's index


class BdbError(ValueError):
    """Not such a file, or a damaged one; the text is one line."""


def values(data: bytes) -> Iterator[bytes]:
    """The value of each pair, in the order of the pages.

    Raises:
        BdbError: the file is damaged, of another access method, or encrypted.
    """
    if len(data) < 72:
        raise BdbError("not a Berkeley DB file")
    order = next((mark for mark in "<>" if struct.unpack_from(f"{mark}I", data, 12)[0] == _HASH_MAGIC), None)
    if order is None:
        raise BdbError("not a Berkeley DB file of type hash")
    size = struct.unpack_from(f"{order}I", data, 20)[0]
    if size < 512 or size > 65536 or size & (size - 1) or data[24]:
        raise BdbError("its page size cannot be, or it is encrypted")
    reader = _Reader(data, order, size)
    for number in range(1, len(data) // size):
        yield from reader.values_of(number)


class _Reader:
    def __init__(self, data: bytes, order: str, size: int) -> None:
        self._data, self._order, self._size = data, order, size
        self._taken: set[int] = set()

    def values_of(self, number: int) -> Iterator[bytes]:
        page = self._page(number)
        if page[25] not in (_UNSORTED, _SORTED):
            return
        count = self._number(page, 20, 2)
        places = [self._number(page, _HEADER + 2 * index, 2) for index in range(count)]
        for index in range(1, count, 2):  # keys and values take turns
            place, end = places[index], places[index - 1]  # items grow downwards from the end of the page
            if not _HEADER <= place < end <= self._size:
                raise BdbError(f"page {number}: an item lies outside")
            if page[place] == _DATA:
                yield page[place + 1 : end]
            elif page[place] == _OFFPAGE:
                yield self._chain(self._number(page, place + 4, 4), self._number(page, place + 8, 4))
            else:
                raise BdbError(f"page {number}: an item of unknown type {page[place]}")

    def _chain(self, number: int, length: int) -> bytes:
        parts: list[bytes] = []
        while number:
            page = self._page(number)
            # No page twice, in this chain or another, so that the work is bounded by the file.
            if page[25] != _OVERFLOW or number in self._taken:
                raise BdbError(f"page {number} is no overflow page, or is used twice")
            self._taken.add(number)
            parts.append(page[_HEADER : _HEADER + self._number(page, 22, 2)])  # the free-area offset is the length here
            number = self._number(page, 16, 4)
        value = b"".join(parts)
        if len(value) != length:
            raise BdbError("a value is cut off")
        return value

    def _page(self, number: int) -> bytes:
        page = self._data[number * self._size : (number + 1) * self._size]
        if len(page) != self._size:
            raise BdbError(f"page {number} does not exist")
        return page

    def _number(self, page: bytes, place: int, size: int) -> int:
        if place + size > len(page):
            raise BdbError("an item is cut off")
        return int(struct.unpack_from(f"{self._order}{'H' if size == 2 else 'I'}", page, place)[0])
