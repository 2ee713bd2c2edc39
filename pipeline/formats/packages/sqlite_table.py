"""Rows of one table of an SQLite database file (sqlite.org/fileformat2.html).

Read by ourselves, without SQLite: the file comes out of somebody's image, and a database can hold views, triggers and
virtual tables that run when they are looked at. This reads ordinary tables only and visits no page twice.
"""

from __future__ import annotations

from collections.abc import Iterator

Value = int | bytes | str | None

_MAGIC = b"SQLite format 3\0"
_LEAF, _INTERIOR = 0x0D, 0x05
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # serial type to bytes


class SqliteError(ValueError):
    """Not such a file, or a damaged one; the text is one line."""


def rows(data: bytes, table: str) -> Iterator[tuple[Value, ...]]:
    """The rows of a table in the order of their numbers; a column that repeats the row's number is None.

    Raises:
        SqliteError: the file is damaged, or has no such table.
    """
    for row in _Database(data).rows(1):
        if row[:2] == ("table", table) and isinstance(row[3], int) and row[3] > 0:
            yield from _Database(data).rows(row[3])
            return
    raise SqliteError(f"no table {table}")


class _Database:
    def __init__(self, data: bytes) -> None:
        size = int.from_bytes(data[16:18], "big")
        self._page = 65536 if size == 1 else size
        if not data.startswith(_MAGIC) or len(data) < 100 or self._page < 512 or self._page & (self._page - 1):
            raise SqliteError("not an SQLite database")
        if int.from_bytes(data[56:60], "big") != 1:
            raise SqliteError("text in another encoding than UTF-8")
        self._data = data
        self._usable = self._page - data[20]
        self._seen: set[int] = set()

    def rows(self, root: int) -> Iterator[tuple[Value, ...]]:
        waiting = [root]
        while waiting:
            number = waiting.pop()
            page = self._take(number)
            start = 100 if number == 1 else 0  # the first page begins with the file's header
            kind, cells = page[start], _number(page, start + 3, 2)
            pointers = start + (12 if kind == _INTERIOR else 8)
            places = [_number(page, pointers + 2 * index, 2) for index in range(cells)]
            if kind == _INTERIOR:
                children = [_number(page, place, 4) for place in places]
                waiting += reversed([*children, _number(page, start + 8, 4)])
            elif kind == _LEAF:
                yield from (_record(self._payload(page, place)) for place in places)
            else:
                raise SqliteError(f"page {number} is not of a table")

    def _take(self, number: int) -> bytes:
        """A page, once: a ring of pages must not keep us for ever."""
        if number in self._seen or not 0 < number <= len(self._data) // self._page:
            raise SqliteError(f"page {number} does not exist or is used twice")
        self._seen.add(number)
        return self._data[(number - 1) * self._page : number * self._page]

    def _payload(self, page: bytes, place: int) -> bytes:
        """A cell's content, gathered from its overflow pages (section 1.6 of the format)."""
        size, place = _varint(page, place)
        _, place = _varint(page, place)
        local = size
        if size > self._usable - 35:
            least = (self._usable - 12) * 32 // 255 - 23
            local = least + (size - least) % (self._usable - 4)
            local = local if local <= self._usable - 35 else least
        parts = [page[place : place + local]]
        missing = size - local
        following = _number(page, place + local, 4) if missing else 0
        while missing > 0:
            more = self._take(following)
            parts.append(more[4 : 4 + min(missing, self._usable - 4)])
            following = _number(more, 0, 4)
            missing -= len(parts[-1])
        content = b"".join(parts)
        if len(content) != size:
            raise SqliteError("a row reaches beyond its page")
        return content


def _record(content: bytes) -> tuple[Value, ...]:
    header, place = _varint(content, 0)
    kinds: list[int] = []
    while place < header:
        kind, place = _varint(content, place)
        kinds.append(kind)
    values: list[Value] = []
    for kind in kinds:
        size = _INTEGERS.get(kind, (kind - 12) // 2 if kind >= 12 else 8 if kind == 7 else 0)
        raw = content[place : place + size]
        if len(raw) != size:
            raise SqliteError("a row is cut off")
        place += size
        if kind in _INTEGERS:
            values.append(int.from_bytes(raw, "big", signed=True))
        elif kind >= 12:
            values.append(raw if kind % 2 == 0 else raw.decode("utf-8", "replace"))
        else:
            values.append({8: 0, 9: 1}.get(kind))  # NULL, and fractions, which nobody here asks for
    return tuple(values)


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """A number of up to nine bytes, seven bits each but eight of the ninth, and where the next thing begins."""
    value = 0
    for index in range(9):
        if place + index >= len(data):
            raise SqliteError("a number is cut off")
        byte = data[place + index]
        if index == 8:
            return value << 8 | byte, place + 9
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            return value, place + index + 1
    raise AssertionError("the ninth byte ends every number")


def _number(data: bytes, place: int, size: int) -> int:
    if place + size > len(data):
        raise SqliteError("a page is cut off")
    return int.from_bytes(data[place : place + size], "big")
