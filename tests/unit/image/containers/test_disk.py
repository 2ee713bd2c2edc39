"""Partition tables, sound and damaged, read from bytes alone; sfdisk is the judge."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from pipeline.image.containers.disk import DiskError, filesystem_at, parse_disk
from pipeline.model.disk import Disk
from tests.support import disks


def read_of(data: bytes) -> tuple[object, int]:
    return (lambda offset, length: data[offset : offset + length]), len(data)


def parse(data: bytes) -> Disk:
    return parse_disk(lambda offset, length: data[offset : offset + length], len(data))


def mbr(*entries: tuple[int, int, int], size: int = 64 << 10) -> bytearray:
    data = bytearray(size)
    data[510:512] = b"\x55\xaa"
    for number, (kind, first, count) in enumerate(entries):
        struct.pack_into("<4xB3xII", data, 446 + 16 * number, kind, first, count)
    return data


def sfdisk(path: Path, script: str) -> list[tuple[int, int]]:
    disks.run("sfdisk", "-q", path, stdin=script.encode())
    table = json.loads(disks.run("sfdisk", "-J", path))["partitiontable"]
    return [(part["start"] * 512, part["size"] * 512) for part in table["partitions"]]


@pytest.mark.tools
@pytest.mark.parametrize(
    ("kind", "script"),
    [
        ("mbr", "label: dos\nsize=4M,type=e\nsize=8M,type=83\ntype=83\n"),
        ("mbr", "label: dos\nsize=4M,type=c\ntype=5\nsize=3M,type=83\nsize=4M,type=83\nsize=5M,type=82\n"),
        ("gpt", "label: gpt\nsize=4M,name=boot\nsize=8M,name=root\n"),
    ],
)
def test_agrees_with_sfdisk(kind: str, script: str, tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    with path.open("wb") as stream:
        stream.truncate(40 << 20)
    expected = sfdisk(path, script)
    disk = parse(path.read_bytes())
    assert disk.table == kind
    found = [(part.start, part.size) for part in disk.partitions]
    # sfdisk lists the extended partition too; it holds others and is none itself.
    assert found == [span for span in expected if not any(span != other and _within(other, span) for other in expected)]
    if kind == "gpt":
        assert [part.label for part in disk.partitions] == ["boot", "root"]


@pytest.mark.tools
@pytest.mark.parametrize("removed", [(5,), (6,), (5, 6), ()])
def test_logical_partitions_have_the_numbers_sfdisk_gives(removed: tuple[int, ...], tmp_path: Path) -> None:
    """A removed first logical partition leaves an empty sector in the chain, which takes no number."""
    path = tmp_path / "disk.img"
    with path.open("wb") as stream:
        stream.truncate(60 << 20)
    sizes = "size=3M,type=83\nsize=4M,type=83\nsize=5M,type=82\nsize=6M,type=83\n"
    disks.run("sfdisk", "-q", path, stdin=f"label: dos\nsize=4M,type=c\ntype=5\n{sizes}".encode())
    for number in sorted(removed, reverse=True):
        data = bytearray(path.read_bytes())
        place = base = next(
            struct.unpack_from("<I", data, 446 + 16 * slot + 8)[0]
            for slot in range(4)
            if data[446 + 16 * slot + 4] == 5
        )
        for _ in range(number - 5):  # along the chain to the sector that holds it
            place = base + struct.unpack_from("<I", data, place * 512 + 462 + 8)[0]
        data[place * 512 + 446 : place * 512 + 462] = bytes(16)
        path.write_bytes(bytes(data))
    said = disks.run("sfdisk", "-J", path)  # of an empty sector it says a line of prose in front of the JSON
    table = json.loads(said[said.index(b"{") :])["partitiontable"]
    expected = {
        int(part["node"].removeprefix(str(path))): (part["start"] * 512, part["size"] * 512)
        for part in table["partitions"]
        if part["type"] != "5"
    }
    assert {part.number: (part.start, part.size) for part in parse(path.read_bytes()).partitions} == expected


@pytest.mark.tools
@pytest.mark.parametrize("kind", ["ext2", "ext4"])
def test_a_sound_table_wins_over_a_superblock_left_in_front_of_it(kind: str, tmp_path: Path) -> None:
    """A card that was formatted as a whole once and partitioned later still has the old superblock at byte 1024."""
    whole, root = tmp_path / "disk.img", tmp_path / "root.img"
    disks.ext_image(whole, None, size=40 * disks.MIB, kind=kind)
    disks.ext_image(root, None, size=16 * disks.MIB)
    disks.run("sfdisk", "-q", "--wipe", "never", whole, stdin=b"label: dos\nsize=4M,type=c\nsize=16M,type=83\n")
    data = bytearray(whole.read_bytes())
    start = struct.unpack_from("<I", data, 446 + 16 + 8)[0] * 512
    data[start : start + 16 * disks.MIB] = root.read_bytes()
    assert data[1080:1082] == b"\x53\xef"
    disk = parse(bytes(data))
    assert (disk.table, [part.number for part in disk.partitions]) == ("mbr", [1, 2])
    assert disk.partitions[1].filesystem == "ext4"


@pytest.mark.tools
def test_a_file_system_with_boot_code_in_front_of_it_is_no_table(tmp_path: Path) -> None:
    data = bytearray(disks.ext_image(tmp_path / "bare", None, size=8 * disks.MIB).read_bytes())
    data[:440] = b"\xfa" * 440
    data[510:512] = b"\x55\xaa"
    assert parse(bytes(data)).table == "none"
    fat = bytearray(disks.fat_image(tmp_path / "fat", {}, size=4 * disks.MIB).read_bytes())
    assert parse(bytes(fat)).table == "none"
    # entries that overlap, or with nothing behind them, divide nothing
    for first, count in ((2048, 4096), (1, 1 << 30)):
        for slot in range(2):
            struct.pack_into("<4xB3xII", data, 446 + 16 * slot, 0x83, first, count)
        assert parse(bytes(data)).table == "none"


@pytest.mark.tools
def test_a_gpt_that_nothing_protects_is_a_remnant(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    with path.open("wb") as stream:
        stream.truncate(40 << 20)
    disks.run("sfdisk", "-q", path, stdin=b"label: gpt\nsize=4M\nsize=8M\n")
    gpt = path.read_bytes()
    disks.run("sfdisk", "-q", "--wipe", "never", path, stdin=b"label: dos\nsize=16M,type=83\n")
    root = disks.ext_image(tmp_path / "root.img", None, size=16 * disks.MIB).read_bytes()
    data = bytearray(path.read_bytes())
    data[512:1024], start = gpt[512:1024], struct.unpack_from("<I", data, 446 + 8)[0] * 512
    data[start : start + len(root)] = root
    assert parse(bytes(data)).table == "mbr"
    assert parse(gpt).table == "gpt"


def _within(inner: tuple[int, int], outer: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[0] + inner[1] <= outer[0] + outer[1]


def test_a_bare_file_system_is_partition_0() -> None:
    data = bytearray(8192)
    data[1080:1082] = b"\x53\xef"
    disk = parse(bytes(data))
    assert (disk.table, [(p.number, p.start, p.size, p.filesystem) for p in disk.partitions]) == (
        "none",
        [(0, 0, 8192, "ext2")],
    )


@pytest.mark.tools
def test_file_systems_by_their_marks(tmp_path: Path) -> None:
    for kind in ("ext2", "ext3", "ext4"):
        data = disks.ext_image(tmp_path / kind, None, size=8 * disks.MIB, kind=kind).read_bytes()
        assert filesystem_at(lambda o, n, d=data: d[o : o + n], 0) == kind
    for options in (("-F", "12"), ("-F", "16"), ("-F", "32")):
        data = disks.fat_image(tmp_path / "fat", {}, size=40 * disks.MIB, options=options).read_bytes()
        assert filesystem_at(lambda o, n, d=data: d[o : o + n], 0) == "vfat"
    assert filesystem_at(lambda o, n: bytes(n), 0) == "unknown"


def test_damaged_mbr() -> None:
    with pytest.raises(DiskError, match="is empty"):
        parse(bytes(mbr()))
    with pytest.raises(DiskError, match=r"partition 1 ends at 1048576, but the file has 65536") as caught:
        parse(bytes(mbr((0x83, 1, 2047))))
    assert "cut off" in caught.value.remedy
    with pytest.raises(DiskError, match="two extended"):
        parse(bytes(mbr((5, 10, 10), (5, 30, 10))))
    with pytest.raises(DiskError, match="table of partition 5 is missing"):
        parse(bytes(mbr((5, 10, 10))))
    with pytest.raises(DiskError, match="beyond the end"):
        parse(bytes(mbr((5, 5000, 10))))
    bad_status = mbr((0x83, 1, 2))
    bad_status[446] = 0x13
    with pytest.raises(DiskError, match="partition 1: its entry"):
        parse(bytes(bad_status))


def test_logical_partitions_that_form_a_ring() -> None:
    data = mbr((5, 10, 50))
    struct.pack_into("<4xB3xII", data, 10 * 512 + 446, 0x83, 1, 2)
    struct.pack_into("<4xB3xII", data, 10 * 512 + 462, 5, 0, 10)
    data[10 * 512 + 510 : 10 * 512 + 512] = b"\x55\xaa"
    with pytest.raises(DiskError, match="ring"):
        parse(bytes(data))


def test_gpt_and_what_can_be_wrong_with_it() -> None:
    size = 1 << 20
    good = disks.gpt_table(size, [(40, 79, "boot"), (80, 2000, "root")]).ljust(size, b"\0")
    disk = parse(good)
    assert [(p.number, p.start, p.size, p.label) for p in disk.partitions] == [
        (1, 40 * 512, 40 * 512, "boot"),
        (2, 80 * 512, 1921 * 512, "root"),
    ]
    with pytest.raises(DiskError, match="describes a disk of 1048576 bytes"):
        parse(good[: size // 2])
    for place, message in ((512 + 24, "header's checksum"), (1024 + 40, "table's checksum")):
        bad = bytearray(good)
        bad[place] ^= 1
        with pytest.raises(DiskError, match=message):
            parse(bytes(bad))
    backwards = disks.gpt_table(size, [(90, 80, "x")]).ljust(size, b"\0")
    with pytest.raises(DiskError, match="ends before it begins"):
        parse(backwards)
    with pytest.raises(DiskError, match="4096 bytes"):
        parse(bytes(4096) + b"EFI PART" + bytes(4096))
