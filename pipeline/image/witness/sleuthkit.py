"""The Sleuth Kit reads an ext file system: names, metadata, content, and which blocks belong to what."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytsk3

from pipeline.image.witness.found import KINDS, Found
from pipeline.image.witness.overlay import Section

NAME = "The Sleuth Kit"
_MOST_DEEP = 128  # directories in one another; Linux's longest path has no more than 2,048, trees have a dozen
_PIECE = 1 << 20
_TYPES = {
    int(pytsk3.TSK_FS_META_TYPE_REG): 0o100000,
    int(pytsk3.TSK_FS_META_TYPE_DIR): 0o040000,
    int(pytsk3.TSK_FS_META_TYPE_LNK): 0o120000,
    int(pytsk3.TSK_FS_META_TYPE_CHR): 0o020000,
    int(pytsk3.TSK_FS_META_TYPE_BLK): 0o060000,
    int(pytsk3.TSK_FS_META_TYPE_FIFO): 0o010000,
    int(pytsk3.TSK_FS_META_TYPE_SOCK): 0o140000,
}
_KINDS = {number: KINDS[bits].value for number, bits in _TYPES.items()}
_ALLOCATED = int(pytsk3.TSK_FS_NAME_FLAG_ALLOC)


class _Image(pytsk3.Img_Info):  # type: ignore[misc]
    def __init__(self, section: Section) -> None:
        self._section = section
        super().__init__(url="", type=pytsk3.TSK_IMG_TYPE_EXTERNAL)

    def close(self) -> None:
        """Nothing is open here."""

    def read(self, offset: int, size: int) -> bytes:
        return self._section.at(offset, size)

    def get_size(self) -> int:
        return self._section.get_size()


class Reader:
    """One file system."""

    def __init__(self, section: Section) -> None:
        """Open it; any exception of the library means that it cannot."""
        self._image = _Image(section)
        self._fs = pytsk3.FS_Info(self._image)

    def walk(self) -> Iterator[tuple[str, Found]]:
        """Every path below the root, the root as empty path."""
        root = int(self._fs.info.root_inum)
        yield "", self._found(self._fs.open_meta(root).info.meta)
        # The number after the last inode is a directory The Sleuth Kit makes up for orphans.
        last = int(self._fs.info.last_inum) - 1
        waiting = [(root, "", frozenset({root}))]
        while waiting:  # no recursion: each path would pass through all generators above it
            inode, path, above = waiting.pop()
            if len(above) > _MOST_DEEP:
                raise ValueError("directories lie too deep in one another")
            for entry in self._fs.open_dir(inode=inode):
                info = entry.info
                name, meta = info.name, info.meta
                text = os.fsdecode(name.name)
                if text in (".", "..") or not int(name.flags) & _ALLOCATED or int(name.meta_addr) > last:
                    continue
                if meta is None:
                    raise ValueError("a name without an inode")
                found = self._found(meta)
                place = f"{path}/{text}"
                yield place, found
                if found.kind == "d":
                    if found.inode in above:
                        raise ValueError("a directory contains itself")
                    waiting.append((found.inode, place, above | {found.inode}))

    def _found(self, meta: pytsk3.TSK_FS_META) -> Found:
        kind = _KINDS[int(meta.type)]
        return Found(
            kind,
            int(meta.mode) & 0o7777,
            int(meta.uid),
            int(meta.gid),
            int(meta.size) if kind == "f" else 0,
            os.fsdecode(meta.link) if kind == "l" and meta.link is not None else "",
            None,
            None,
            int(meta.addr),
        )

    def content(self, inode: int) -> Iterator[bytes]:
        """A regular file's bytes in pieces."""
        entry = self._fs.open_meta(inode)
        size, place = int(entry.info.meta.size), 0
        while place < size:
            piece = entry.read_random(place, min(_PIECE, size - place))
            if not piece:
                raise ValueError("a file ends early")
            yield piece
            place += len(piece)

    def blocks(self, inode: int) -> list[tuple[int, int]]:
        """Where content of an inode and what finds it lie: offset and length in bytes, from the file system's start."""
        size = int(self._fs.info.block_size)
        return [
            (int(run.addr) * size, int(run.len) * size)
            for attribute in self._fs.open_meta(inode)
            for run in attribute
            if not int(run.flags) & int(pytsk3.TSK_FS_ATTR_RUN_FLAG_SPARSE)
        ]
