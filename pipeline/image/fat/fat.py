"""FAT12, FAT16 and FAT32 as they lie in an image: brought into canonical form without mounting.

Layout as in Microsoft's "FAT: General Overview of On-Disk Format".
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.image.containers import sparse
from pipeline.model.disk import Partition

_ENTRY = 32
_LONG_NAME, _DIRECTORY, _LABEL = 0x0F, 0x10, 0x08
_DELETED, _END = 0xE5, 0x00


@dataclass(frozen=True)
class _Geometry:
    """Where things lie; offsets and sizes in bytes from the start of the partition."""

    bits: int
    cluster: int
    table: int
    table_size: int
    root: int
    root_size: int
    root_cluster: int
    data: int
    clusters: int


class FatError(ValueError):
    """Not a FAT file system, or one whose structure cannot be."""


def seal_fat(raw: Path, partition: Partition, *, epoch: int) -> None:
    """Times of all entries become the epoch; what removed files left in directories and clusters becomes zeros.

    Raises:
        PipelineError: the partition holds no sound FAT file system.
    """
    with raw.open("r+b") as stream:
        try:
            _Fat(stream.fileno(), partition).seal(epoch)
        except FatError as error:
            raise PipelineError(
                f"partition {partition.number}: {error}", "run fsck.vfat on a copy of the vanilla image"
            ) from None
        os.fsync(stream.fileno())


def data_area(raw: Path, partition: Partition) -> tuple[int, int]:
    """Where the clusters of a FAT file system begin, in bytes of the partition, and how large each of them is.

    Raises:
        PipelineError: the partition holds no sound FAT file system.
    """
    with raw.open("rb") as stream:
        try:
            geometry = _geometry(os.pread(stream.fileno(), 512, partition.start), partition.size)
        except (FatError, struct.error) as error:
            raise PipelineError(
                f"partition {partition.number}: {error}", "doit verify says what is wrong with the image"
            ) from None
    return geometry.data, geometry.cluster


def free_areas(handle: int, partition: Partition) -> list[tuple[int, int]]:
    """Runs of free clusters as half-open ranges of bytes in the partition, in order.

    Raises:
        FatError: the partition holds no sound FAT file system.
    """
    try:
        return _Fat(handle, partition).free_areas()
    except struct.error as error:
        raise FatError(f"the FAT boot sector is damaged: {error}") from None


def fat_time(epoch: int) -> tuple[int, int]:
    """FAT's date and time of day of a moment in UTC; FAT begins in 1980 and counts two seconds at a time."""
    moment = datetime.fromtimestamp(max(epoch, 315532800), UTC)
    date = (moment.year - 1980) << 9 | moment.month << 5 | moment.day
    return date, moment.hour << 11 | moment.minute << 5 | moment.second // 2


class _Fat:
    def __init__(self, handle: int, partition: Partition) -> None:
        self._handle = handle
        self._start = partition.start
        self._geometry = _geometry(self._read(0, 512), partition.size)
        self._next = self._table()
        self._seen: set[int] = set()

    def seal(self, epoch: int) -> None:
        date, time = fat_time(epoch)
        stamp = struct.pack("<BHHH", 0, time, date, date), struct.pack("<HH", time, date)
        geometry = self._geometry
        if geometry.bits == 32:
            waiting = [geometry.root_cluster]
        else:
            data = self._read(geometry.root, geometry.root_size)
            changed, waiting = self._entries(data, stamp)
            self._write(geometry.root, data, changed)
        while waiting:
            waiting += self._seal_directory(waiting.pop(), stamp)
        for begin, end in self.free_areas():
            sparse.zero(self._handle, self._start + begin, self._start + end)

    def free_areas(self) -> list[tuple[int, int]]:
        """Runs of free clusters, in bytes of the partition."""
        return [(self._offset(begin), self._offset(end)) for begin, end in self._free_clusters()]

    def _seal_directory(self, first: int, stamp: tuple[bytes, bytes]) -> list[int]:
        """Seal a directory that lies in clusters; returns where those below it begin."""
        clusters, size = list(self._chain(first)), self._geometry.cluster
        data = b"".join(self._read(self._offset(cluster), size) for cluster in clusters)
        changed, below = self._entries(data, stamp)
        for index, cluster in enumerate(clusters):
            span = slice(index * size, (index + 1) * size)
            self._write(self._offset(cluster), data[span], changed[span])
        return below

    def _entries(self, data: bytes, stamp: tuple[bytes, bytes]) -> tuple[bytes, list[int]]:
        """A directory's entries in canonical form, and the first clusters of the directories in it."""
        result, below = bytearray(data), list[int]()
        for place in range(0, len(data), _ENTRY):
            entry = data[place : place + _ENTRY]
            if entry[0] == _END:
                result[place:] = bytes(len(result) - place)
                break
            if entry[0] == _DELETED:
                result[place + 1 : place + _ENTRY] = bytes(_ENTRY - 1)
                continue
            attributes = entry[11]
            if attributes & 0x3F == _LONG_NAME:
                continue
            result[place + 13 : place + 20] = stamp[0]  # created: tenths, time, date; accessed: date
            result[place + 22 : place + 26] = stamp[1]  # written: time, date
            first = struct.unpack_from("<H", entry, 26)[0]
            if self._geometry.bits == 32:
                first |= struct.unpack_from("<H", entry, 20)[0] << 16
            if attributes & _LABEL or entry[:2] in (b". ", b".."):
                continue
            if attributes & _DIRECTORY:
                below.append(first)
            elif first:
                self._seal_tail(first, struct.unpack_from("<I", entry, 28)[0])
        return bytes(result), below

    def _seal_tail(self, first: int, size: int) -> None:
        """Zero what lies behind the end of a file in its last clusters."""
        cluster = self._geometry.cluster
        for index, number in enumerate(self._chain(first)):
            keep = min(max(size - index * cluster, 0), cluster)
            if keep < cluster:
                place = self._offset(number) + keep
                self._write(place, self._read(place, cluster - keep), bytes(cluster - keep))

    def _chain(self, first: int) -> Iterator[int]:
        """The clusters of a file or directory; each cluster may belong to one only."""
        number = first
        while 2 <= number < self._geometry.clusters + 2:
            if number in self._seen:
                raise FatError(f"cluster {number} belongs to two files")
            self._seen.add(number)
            yield number
            number = self._next[number]
        if number < {12: 0xFF8, 16: 0xFFF8, 32: 0xFFFFFF8}[self._geometry.bits]:
            raise FatError(f"the chain of cluster {first} leads to cluster {number}, which is not there")

    def _free_clusters(self) -> Iterator[tuple[int, int]]:
        begin: int | None = None
        for number in range(2, self._geometry.clusters + 2):
            if self._next[number] == 0:
                begin = number if begin is None else begin
            elif begin is not None:
                yield begin, number
                begin = None
        if begin is not None:
            yield begin, self._geometry.clusters + 2

    def _table(self) -> list[int]:
        geometry = self._geometry
        data = self._read(geometry.table, geometry.table_size)
        count = geometry.clusters + 2
        if geometry.bits == 32:
            return [value & 0x0FFFFFFF for value in struct.unpack_from(f"<{count}I", data)]
        if geometry.bits == 16:
            return list(struct.unpack_from(f"<{count}H", data))
        values = []
        for number in range(count):
            pair = struct.unpack_from("<H", data, number * 3 // 2)[0]
            values.append(pair >> 4 if number & 1 else pair & 0xFFF)
        return values

    def _offset(self, cluster: int) -> int:
        return self._geometry.data + (cluster - 2) * self._geometry.cluster

    def _read(self, place: int, length: int) -> bytes:
        data = os.pread(self._handle, length, self._start + place)
        if len(data) != length:
            raise FatError("the image ends inside the file system")
        return data

    def _write(self, place: int, old: bytes, new: bytes) -> None:
        if old != new:
            os.pwrite(self._handle, new, self._start + place)


def _geometry(boot: bytes, size: int) -> _Geometry:
    sector, per_cluster, reserved, tables, root_entries, sectors16 = struct.unpack_from("<HBHBHH", boot, 11)
    (table16,) = struct.unpack_from("<H", boot, 22)
    (sectors32, table32) = struct.unpack_from("<II", boot, 32)
    sectors, table = sectors16 or sectors32, table16 or table32
    sound = sector in (512, 1024, 2048, 4096) and per_cluster and not per_cluster & per_cluster - 1
    if boot[510:512] != b"\x55\xaa" or not sound or not reserved or tables not in (1, 2) or not table:
        raise FatError("the FAT boot sector is damaged")
    root_size = -(-root_entries * _ENTRY // sector) * sector
    data = (reserved + tables * table) * sector + root_size
    clusters = (sectors * sector - data) // (per_cluster * sector)
    bits = 12 if clusters < 4085 else 16 if clusters < 65525 else 32
    if sectors * sector > size or clusters < 1 or (bits == 32) != (root_entries == 0):
        raise FatError("the FAT boot sector describes a file system that cannot be")
    if (clusters + 2) * bits > table * sector * 8:
        raise FatError("the allocation table is too short for the clusters")
    return _Geometry(
        bits=bits,
        cluster=per_cluster * sector,
        table=reserved * sector,
        table_size=table * sector,
        root=data - root_size,
        root_size=root_size,
        root_cluster=struct.unpack_from("<I", boot, 44)[0] if bits == 32 else 0,
        data=data,
        clusters=clusters,
    )
