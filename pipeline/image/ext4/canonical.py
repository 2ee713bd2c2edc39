"""Rewrites what an ext file system remembers of when and how it was written. Pure: bytes in, bytes out.

Metadata checksums must be off while this is done; nothing here computes them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_EXTRA_SIZE = 128  # offset of i_extra_isize: how far beyond the first 128 bytes the fields go
_EA_INODE = 0x200000  # its times are a reference count and a hash, not times


def inode_table(table: bytes, used: bytes | None, inode_size: int, count: int, epoch: int) -> bytes:
    """An inode table in canonical form.

    Used inodes: generation 0, changed and created at the epoch, read and written at the epoch or before, whole
    seconds. Everything else is zeros, so that nothing of a removed file is left.

    Args:
        used: the group's inode bitmap; None when no inode of the group was ever used.
    """
    result = bytearray(len(table))
    for index in _set_bits(used, count) if used is not None else ():
        inode = bytearray(table[index * inode_size : (index + 1) * inode_size])
        if any(inode):  # reserved inodes are marked as used and most are empty
            _inode(inode, epoch)
            result[index * inode_size : (index + 1) * inode_size] = inode
    return bytes(result)


def superblock(data: bytes, epoch: int) -> bytes:
    """A superblock, or a backup of one, in canonical form: counters zero, times at the epoch, no errors remembered."""
    result = bytearray(data)
    for offset in (44, 48, 64, 264):  # s_mtime, s_wtime, s_lastcheck, s_mkfs_time
        struct.pack_into("<I", result, offset, epoch)
    for start, end in (
        (52, 54),  # s_mnt_count
        (136, 200),  # s_last_mounted: the appliance's directory, not the gateway's
        (376, 384),  # s_kbytes_written
        (404, 512),  # s_error_count to s_last_error_block: only where and when an error was seen
        (628, 636),  # the high bytes of the times above
    ):
        result[start:end] = bytes(end - start)
    return bytes(result)


def _inode(inode: bytearray, epoch: int) -> None:
    if struct.unpack_from("<I", inode, 32)[0] & _EA_INODE:
        return
    extra = struct.unpack_from("<H", inode, _EXTRA_SIZE)[0] if len(inode) > _EXTRA_SIZE else 0
    end = _EXTRA_SIZE + extra
    for offset, extra_offset in ((8, 140), (16, 136)):  # atime, mtime: kept when older
        seconds = struct.unpack_from("<i", inode, offset)[0]
        if extra_offset + 4 <= end:
            seconds += (struct.unpack_from("<I", inode, extra_offset)[0] & 3) << 32
            struct.pack_into("<I", inode, extra_offset, 0)
        struct.pack_into("<i", inode, offset, min(max(seconds, -(1 << 31)), epoch))
    struct.pack_into("<i", inode, 12, epoch)  # ctime
    struct.pack_into("<I", inode, 100, 0)  # generation: random
    if end >= 136:
        struct.pack_into("<I", inode, 132, 0)  # ctime_extra
    if end >= 148:
        struct.pack_into("<i", inode, 144, epoch)  # crtime
    if end >= 152:
        struct.pack_into("<I", inode, 148, 0)  # crtime_extra


def _set_bits(bitmap: bytes, count: int) -> Iterator[int]:
    for place, byte in enumerate(bitmap):
        if byte:
            for bit in range(8):
                if byte >> bit & 1 and place * 8 + bit < count:
                    yield place * 8 + bit
