"""Archives that mean two things are refused by name; what is kept stays as it was."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.formats.archive.zip_archive import Kept, MemorySource, NewFile, read_archive, write_archive
from tests.support.trust import a_jar, archive_of

GOOD = a_jar({"a.txt": b"alpha " * 50, "dir/": b"", "dir/b.bin": bytes(range(256))}, "Manifest-Version: 1.0\r\n\r\n")


def central(data: bytes, index: int = 0) -> int:
    """Where a record of the central directory begins."""
    at = -1
    for _ in range(index + 1):
        at = data.index(b"PK\1\2", at + 1)
    return at


def patched(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


def streamed() -> bytes:
    """As a tool writes that cannot seek: sizes follow the data."""

    class Unseekable(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation

        def tell(self) -> int:
            raise io.UnsupportedOperation

    target = Unseekable()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"alpha " * 50)
    return target.getvalue()


def moved(data: bytes, prefix: bytes) -> bytes:
    """Behind a prefix, with every offset corrected: a valid archive for most readers, and a script as well."""
    directory, size = data.index(b"PK\1\2"), len(prefix)
    end = data.rindex(b"PK\5\6")
    changed, at = bytearray(data), directory
    while changed[at : at + 4] == b"PK\1\2":
        lengths = struct.unpack_from("<3H", changed, at + 28)
        struct.pack_into("<I", changed, at + 42, struct.unpack_from("<I", changed, at + 42)[0] + size)
        at += 46 + sum(lengths)
    struct.pack_into("<I", changed, end + 16, directory + size)
    whole = prefix + bytes(changed)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.testzip() is None
    return whole


def both(data: bytes, old: bytes, new: bytes) -> bytes:
    assert len(old) == len(new)
    return data.replace(old, new)


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "not a ZIP archive"),
    "text": (lambda: b"hello" * 50, "not a ZIP archive"),
    "empty archive": (lambda: b"PK\5\6" + bytes(18), "empty"),
    "cut short": (lambda: GOOD[:-7], "not a ZIP archive"),
    "prefix": (lambda: b"#!/bin/sh\n" + GOOD, "belong to none"),
    "prefix with adjusted offsets": (lambda: moved(GOOD, b"#!/bin/sh\nrm -rf /\n"), "begins with bytes"),
    "suffix": (lambda: GOOD + b"x", "not a ZIP archive"),
    "duplicate": (lambda: both(a_jar({"a": b"1", "b": b"2"}), b"b", b"a"), "a is there twice"),
    "climbing": (lambda: a_jar({"../evil": b"1"}), "climbs out"),
    "climbing inside": (lambda: a_jar({"a/../../evil": b"1"}), "climbs out"),
    "absolute": (lambda: a_jar({"/etc/passwd": b"1"}), "absolute"),
    "drive": (lambda: a_jar({"C:evil": b"1"}), "absolute"),
    "backslash": (lambda: both(a_jar({"a/b": b"1"}), b"a/b", b"a\\b"), "backslash"),
    "control": (lambda: both(a_jar({"a\u0062c": b"1"}), b"abc", b"a\nc"), "control characters"),
    "not UTF-8": (lambda: both(a_jar({"abc": b"1"}), b"abc", b"a\xffc"), "not UTF-8"),
    "local name": (lambda: GOOD.replace(b"a.txt", b"z.txt", 1), "has another name"),
    "encrypted": (lambda: patched(GOOD, central(GOOD) + 8, b"\1\0"), "encrypted"),
    "method": (lambda: patched(GOOD, central(GOOD) + 10, b"\x0c\0"), "method 12"),
    "local size": (lambda: patched(GOOD, 22, b"\x01"), "contradicts"),
    "central size": (lambda: patched(GOOD, central(GOOD, 1) + 24, b"\xff\xff\x01\0"), "contradicts"),
    "overlap": (lambda: patched(GOOD, central(GOOD) + 20, b"\xff\0\0\0"), "overlaps|contradicts"),
    "zip64": (lambda: patched(GOOD, central(GOOD) + 24, b"\xff\xff\xff\xff"), "zip64"),
    "count": (lambda: patched(GOOD, len(GOOD) - 14, struct.pack("<2H", 9, 9)), "damaged"),
    "fewer": (lambda: patched(GOOD, len(GOOD) - 14, struct.pack("<2H", 1, 1)), "more than the entries"),
    "split": (lambda: patched(GOOD, len(GOOD) - 18, b"\1\0"), "set of several"),
    "directory with content": (lambda: a_jar({"a/": b"content"}), "directory with content"),
    "two ends": (lambda: GOOD[:-2] + struct.pack("<H", 22) + b"PK\5\6" + bytes(18), "two ends"),
    "bomb": (lambda: a_jar({"zeros": bytes(70 << 20)}), "bomb"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_are_refused(name: str) -> None:
    make, reason = HOSTILE[name]
    with pytest.raises(PipelineError, match=reason) as caught:
        archive_of(make(), "evil.jar")
    assert caught.value.problems[0].what.startswith("evil.jar: ")


def test_bytes_between_entries_are_refused() -> None:
    """A stream reader would see an entry that the central directory does not have."""
    second = central(GOOD, 1)
    start = struct.unpack_from("<I", GOOD, second + 42)[0]
    hidden = b"PK\3\4 hidden"
    moved = bytearray(GOOD[:start] + hidden + GOOD[start:])
    for index in range(1, 4):
        at = central(bytes(moved), index) + 42
        struct.pack_into("<I", moved, at, struct.unpack_from("<I", moved, at)[0] + len(hidden))
    struct.pack_into("<I", moved, len(moved) - 6, struct.unpack_from("<I", moved, len(moved) - 6)[0] + len(hidden))
    with pytest.raises(PipelineError, match="belong to no entry"):
        archive_of(bytes(moved))


def test_content_is_read_and_checked() -> None:
    archive = archive_of(GOOD)
    entry = archive.find("a.txt")
    assert entry is not None
    assert archive.read(entry) == b"alpha " * 50
    assert [found.name for found in archive.entries] == ["META-INF/MANIFEST.MF", "a.txt", "dir/", "dir/b.bin"]
    with pytest.raises(PipelineError, match="more than 10"):
        archive.read(entry, limit=10)


def test_damaged_content_is_noticed() -> None:
    entry = archive_of(GOOD).find("a.txt")
    assert entry is not None
    for at in range(entry.data, entry.data + entry.packed):
        broken = archive_of(patched(GOOD, at, bytes([GOOD[at] ^ 0x55])))
        with pytest.raises(PipelineError, match=r"damaged|checksum|ends early|unpacks to|followed by"):
            broken.read(entry)


def test_large_entries_come_in_pieces() -> None:
    content = random.Random(1).randbytes(3 << 20) + b"a" * (2 << 20)
    archive = archive_of(a_jar({"large": content}))
    pieces = list(archive.chunks(archive.entries[0]))
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) <= 1 << 20


@pytest.mark.parametrize("data", [GOOD, streamed()], ids=["seekable", "streamed"])
def test_kept_entries_keep_their_bytes(data: bytes) -> None:
    archive = archive_of(data)
    written = b"".join(write_archive([NewFile("new.txt", b"new"), *(Kept(archive, e) for e in archive.entries)], "x"))
    with zipfile.ZipFile(io.BytesIO(written)) as again:
        assert again.testzip() is None
        assert again.namelist() == ["new.txt", *(entry.name for entry in archive.entries)]
        assert again.getinfo("new.txt").date_time == (1980, 1, 1, 0, 0, 0)
    after = archive_of(written)
    for entry in archive.entries:
        kept = after.find(entry.name)
        assert kept is not None
        assert written[kept.offset : kept.end] == data[entry.offset : entry.end]


def test_all_kept_is_the_same_archive() -> None:
    archive = archive_of(GOOD)
    assert b"".join(write_archive([Kept(archive, entry) for entry in archive.entries], "x")) == GOOD


@given(
    st.dictionaries(
        st.from_regex(r"[a-zé]{1,8}(/[a-z]{1,4})?", fullmatch=True), st.binary(max_size=300), min_size=1, max_size=6
    )
)
@settings(max_examples=60)
def test_what_is_written_is_read(files: dict[str, bytes]) -> None:
    data = b"".join(write_archive([NewFile(name, content) for name, content in files.items()], "x"))
    archive = archive_of(data)
    assert {entry.name: archive.read(entry) for entry in archive.entries} == files
    with zipfile.ZipFile(io.BytesIO(data)) as theirs:
        assert {name: theirs.read(name) for name in theirs.namelist()} == files


def test_changed_bytes_give_our_errors_only() -> None:
    """A seeded fuzz: whatever is changed, the archive is read or refused, never anything else."""
    source = random.Random(20)
    for data in (GOOD, streamed()):
        for _ in range(1500):
            broken = bytearray(data)
            for _ in range(source.randint(1, 4)):
                broken[source.randrange(len(broken))] = source.randrange(256)
            cut = bytes(broken[: source.randint(1, len(broken))] if source.random() < 0.2 else broken)
            try:
                archive = read_archive(MemorySource(cut), "fuzz")
                for entry in archive.entries:
                    archive.read(entry)
            except PipelineError:
                pass
