"""libfsext reads an ext file system: names, metadata with extended attributes, content."""

from __future__ import annotations

from collections.abc import Iterator

import pyfsext

from pipeline.image.witness.found import KINDS, Found
from pipeline.image.witness.overlay import Section

NAME = "libfsext"
_KINDS = {bits: kind.value for bits, kind in KINDS.items()}
_MOST_DEEP = 128
_PIECE = 1 << 20


class Reader:
    """One file system."""

    def __init__(self, section: Section) -> None:
        """Open it; any exception of the library means that it cannot."""
        self._volume = pyfsext.volume()
        self._volume.open_file_object(section)

    def walk(self) -> Iterator[tuple[str, Found]]:
        """Every path below the root, the root as empty path."""
        root = self._volume.get_root_directory()
        yield "", self._found(root)
        waiting = [(root, "", 0)]
        while waiting:  # no recursion: each path would pass through all generators above it
            directory, path, depth = waiting.pop()
            if depth > _MOST_DEEP:
                raise ValueError("directories lie too deep in one another")
            for index in range(directory.get_number_of_sub_file_entries()):
                entry = directory.get_sub_file_entry(index)
                place = f"{path}/{entry.get_name()}"
                found = self._found(entry)
                yield place, found
                if found.kind == "d":
                    waiting.append((entry, place, depth + 1))

    def _found(self, entry: pyfsext.file_entry) -> Found:
        mode = entry.get_file_mode()
        kind = _KINDS[mode & 0o170000]
        device = ":".join(str(number) for number in entry.get_device_number()) if kind in ("c", "b") else ""
        return Found(
            kind,
            mode & 0o7777,
            entry.get_owner_identifier(),
            entry.get_group_identifier(),
            entry.get_size() if kind == "f" else 0,
            entry.get_symbolic_link_target() if kind == "l" else "",
            device,
            _attributes(entry),
            entry.get_inode_number(),
        )

    def content(self, inode: int) -> Iterator[bytes]:
        """A regular file's bytes in pieces."""
        entry = self._volume.get_file_entry_by_inode(inode)
        size, place = entry.get_size(), 0
        while place < size:
            piece = entry.read_buffer_at_offset(min(_PIECE, size - place), place)
            if not piece:
                raise ValueError("a file ends early")
            yield piece
            place += len(piece)


def _attributes(entry: pyfsext.file_entry) -> tuple[tuple[str, str], ...]:
    count = entry.get_number_of_extended_attributes()
    found = []
    for index in range(count):
        attribute = entry.get_extended_attribute(index)
        found.append((attribute.get_name(), attribute.read_buffer(attribute.get_size()).hex()))
    return tuple(sorted(found))
