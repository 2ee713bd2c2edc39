"""What dpkg, opkg and rpm wrote is read as they read it themselves, and nothing damaged is read at all."""

from __future__ import annotations

import random
import sqlite3
import struct
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.formats.packages import bdb_hash, dpkg_status, rpm_header, sqlite_table
from tests.support.jars.packages import DPKG, OPKG, berkeley_db, header, rpm_database

SIZES = [0, 1, 5, 400, 470, 480, 500, 1000, 4000, 4060, 4090, 5000, 70000]


def blobs(count: int) -> list[bytes]:
    """Values around every boundary of pages."""
    seeded = random.Random(1)
    return [seeded.randbytes(seeded.choice(SIZES)) for _ in range(count)]


def a_database(place: Path, values: list[bytes], *, page: int = 512, journal: str = "wal") -> bytes:
    """Made by SQLite itself, as rpm has it do."""
    file = place / "rpmdb.sqlite"
    connection = sqlite3.connect(file)
    connection.execute(f"PRAGMA page_size = {page}")
    connection.execute(f"PRAGMA journal_mode = {journal}")
    connection.execute("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
    connection.execute("CREATE TABLE mixed (a, b TEXT, c REAL)")
    connection.execute("CREATE VIEW trap AS SELECT * FROM mixed")
    connection.executemany("INSERT INTO Packages (blob) VALUES (?)", [(value,) for value in values])
    connection.execute("INSERT INTO mixed VALUES (-5, 'é', 1.5), (0, '', NULL), (1, 'x', 3), (1099511627776, 'y', 4)")
    connection.commit()
    connection.close()
    return file.read_bytes()


def test_dpkg_counts_what_is_installed_and_names_its_source() -> None:
    found = dpkg_status.installed(DPKG)
    assert [(one.name, one.version, one.source, one.source_version) for one in found] == [
        ("dash", "0.5.12-2", "dash", "0.5.12-2"),
        ("libc6", "2.36-9+deb12u9", "glibc", "2.36-9"),
        ("epochal", "1:2.0~rc1-1", "epochal", "1:2.0~rc1-1"),
    ]
    assert dpkg_status.versions(DPKG)["libc6"] == "2.36-9+deb12u9"


def test_opkg_keeps_the_same_form() -> None:
    (package,) = dpkg_status.installed(OPKG)
    assert (package.name, package.architecture) == ("base-files", "cortexa9t2hf-neon")


@pytest.mark.parametrize(
    "content", [b"", b"\0\xff\xfe", b"Package: x\n", b"Package: x\n\nVersion: 1\nStatus: a b installed"]
)
def test_a_status_file_of_nothing_lists_nothing(content: bytes) -> None:
    assert dpkg_status.installed(content) == ()


@pytest.mark.tools
def test_dpkg_itself_agrees() -> None:
    status = Path("/var/lib/dpkg/status").read_bytes()
    form = "${db:Status-Status} ${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\n"
    said = subprocess.run(["dpkg-query", "-W", "-f", form], capture_output=True, text=True, check=True).stdout
    ours = [
        f"installed {one.name} {one.version} {one.architecture} {one.source} {one.source_version}"
        for one in dpkg_status.installed(status)
    ]
    assert sorted(ours) == sorted(line for line in said.splitlines() if line.startswith("installed "))
    assert ours


@pytest.mark.parametrize("page", [512, 1024, 4096, 65536])
@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_rows_of_sqlite_are_read_through_inner_and_overflow_pages(tmp_path: Path, page: int, journal: str) -> None:
    values = blobs(200)
    data = a_database(tmp_path, values, page=page, journal=journal)
    assert [row[1] for row in sqlite_table.rows(data, "Packages")] == values


def test_columns_of_every_type(tmp_path: Path) -> None:
    rows = list(sqlite_table.rows(a_database(tmp_path, []), "mixed"))
    assert rows == [(-5, "é", None), (0, "", None), (1, "x", 3), (2**40, "y", 4)]


@pytest.mark.parametrize("name", ["nothing", "trap"])
def test_a_view_is_no_table(tmp_path: Path, name: str) -> None:
    with pytest.raises(sqlite_table.SqliteError, match="no table"):
        list(sqlite_table.rows(a_database(tmp_path, []), name))


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"SQLite format 3\0",
        lambda data: b"x" + data[1:],
        lambda data: data[:16] + b"\0\7" + data[18:],
        lambda data: data[:56] + b"\0\0\0\2" + data[60:],
        lambda data: data[:1024],
        lambda data: data[:512] + bytes(len(data) - 512),
    ],
)
def test_a_damaged_sqlite_file_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(sqlite_table.SqliteError):
        list(sqlite_table.rows(damage(a_database(tmp_path, blobs(50))), "Packages"))


def test_a_ring_of_pages_ends(tmp_path: Path) -> None:
    data = bytearray(a_database(tmp_path, [b"x" * 5000]))
    for number in range(2, len(data) // 512):  # every overflow page leads to the first one
        if data[number * 512 : number * 512 + 3] == b"\0\0\0":
            data[number * 512 : number * 512 + 4] = struct.pack(">I", 6)
    with pytest.raises(sqlite_table.SqliteError):
        list(sqlite_table.rows(bytes(data), "Packages"))


def test_no_damage_of_a_byte_makes_a_reader_stumble(tmp_path: Path) -> None:
    data = a_database(tmp_path, blobs(12))
    seeded = random.Random(2)
    for _ in range(400):
        broken = bytearray(data)
        for _ in range(3):
            broken[seeded.randrange(min(len(data), 4096))] = seeded.randrange(256)
        with suppress(sqlite_table.SqliteError):  # nothing else, and it ends
            list(sqlite_table.rows(bytes(broken), "Packages"))


@pytest.mark.tools
@pytest.mark.parametrize("big_endian", [False, True])
def test_values_of_berkeley_db_are_read(tmp_path: Path, big_endian: bool) -> None:
    values = blobs(150)
    found = list(bdb_hash.values(berkeley_db(values, tmp_path, big_endian=big_endian)))
    assert sorted(found) == sorted(values)


@pytest.mark.tools
def test_a_damaged_berkeley_db_is_refused_or_read(tmp_path: Path) -> None:
    data = berkeley_db(blobs(30), tmp_path)
    for broken in (b"", data[:50], bytes(len(data)), data[:20] + b"\1\2\3\4" + data[24:], data[: len(data) // 2]):
        with pytest.raises(bdb_hash.BdbError):
            list(bdb_hash.values(broken))
    seeded = random.Random(3)
    for _ in range(300):
        changed = bytearray(data)
        changed[seeded.randrange(len(data))] = seeded.randrange(256)
        with suppress(bdb_hash.BdbError):
            list(bdb_hash.values(bytes(changed)))


def test_a_header_says_what_a_package_is() -> None:
    blob = header(name="bash", version="5.2", release="1", epoch=2, arch="x86_64", sourcerpm="bash-5.2-1.src.rpm")
    assert rpm_header.parse(blob) == rpm_header.RpmPackage("bash", "5.2", "1", 2, "x86_64", "bash-5.2-1.src.rpm")
    assert rpm_header.parse(header(name="gpg-pubkey", version="1", release="2")).architecture == ""


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\0" * 8,
        header(version="1", release="1"),
        header(name="", version="1", release="1"),
        header(name="x", version="1", release="1")[:-1],
        struct.pack(">II", 0xFFFFFFFF, 0) + bytes(16),
        struct.pack(">IIIIiI", 1, 4, 1000, 6, 99, 1) + b"abc\0",
        struct.pack(">IIIIiI", 1, 4, 1000, 6, -1, 1) + b"abc\0",
        struct.pack(">IIIIiI", 1, 3, 1000, 6, 0, 1) + b"abc",
        struct.pack(">IIIIiI", 1, 4, 1003, 4, 2, 1) + b"abc\0",
    ],
)
def test_a_damaged_header_is_refused(blob: bytes) -> None:
    with pytest.raises(rpm_header.RpmHeaderError):
        rpm_header.parse(blob)


@pytest.mark.tools
def test_rpm_itself_agrees(tmp_path: Path) -> None:
    database = rpm_database(["one", "two"], tmp_path)
    form = "%{NAME} %{VERSION} %{RELEASE} %{EPOCH} %{ARCH} %{SOURCERPM}\n"
    command = ["rpm", "--dbpath", str(database), "-qa", "--qf", form]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    ours = []
    for row in sqlite_table.rows((database / "rpmdb.sqlite").read_bytes(), "Packages"):
        assert isinstance(row[1], bytes)
        one = rpm_header.parse(row[1])
        ours.append(f"{one.name} {one.version} {one.release} {one.epoch} {one.architecture} {one.source}")
    assert sorted(ours) == sorted(said.splitlines())
    assert len(ours) == 2
