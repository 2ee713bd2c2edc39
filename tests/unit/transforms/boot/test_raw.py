"""The boot delay in an environment that lies in no file, on a real disk file and as fw_printenv reads it."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.image.read.raw_region import read_regions, write_changes
from pipeline.model.image_view import ImageView
from pipeline.model.outside.raw_region import RawChange, Region
from pipeline.model.release import Bootloader, Release
from pipeline.model.rule import RuleOutcome
from pipeline.model.vanilla import Vanilla
from pipeline.rules.boot import bootloader as linux_boot
from pipeline.rules.expectations import decisions_of, expected_from, expected_of
from pipeline.rules.registry import LINUX
from pipeline.transforms.boot import bootloader
from pipeline.transforms.boot import raw as bootloader_raw
from tests.support.release import a_release
from tests.support.uboot import SIZE, an_environment
from tests.support.vanilla import a_vanilla

FIRST, SECOND = 0x80000, 0x90000
PAIRS = {"bootcmd": "run distro", "bootdelay": "2", "serial#": "7"}
DISK = 1 << 30
CHECK = next(rule.check for rule in LINUX if rule.id == "bootloader.delay")


def decided(*offsets: int, size: int = SIZE, delay: int = 0) -> Release:
    return a_release(bootloader=Bootloader(bootdelay=delay, environment="", offsets=offsets, size=size))


def by_config(text: str) -> tuple[Vanilla, Release]:
    vanilla = a_vanilla({"/etc/fw_env.config": text})
    return vanilla, a_release(bootloader=Bootloader(environment="/etc/fw_env.config"))


def a_disk(path: Path, content: dict[int, bytes]) -> Path:
    with path.open("wb") as stream:
        stream.truncate(DISK)
        for offset, data in content.items():
            stream.seek(offset)
            stream.write(data)
    return path


def protected(disk: Path, vanilla: Vanilla, release: Release) -> tuple[RawChange, ...]:
    places = bootloader_raw.regions(vanilla, release)
    return bootloader_raw.protect(release, read_regions(disk, places), places)


def printed(disk: Path, *offsets: int) -> dict[str, str]:
    config = disk.with_suffix(".config")
    config.write_text("".join(f"{disk} {offset:#x} {SIZE:#x}\n" for offset in offsets))
    done = subprocess.run(["fw_printenv", "-c", config], capture_output=True, text=True, check=True, timeout=30)
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


@pytest.mark.tools
@pytest.mark.parametrize("offset", [FIRST, -SIZE])
def test_fw_printenv_agrees(tmp_path: Path, offset: int) -> None:
    place = offset % DISK
    disk = a_disk(tmp_path / "disk.img", {place: an_environment(PAIRS), place - SIZE: b"\xa5" * SIZE})
    assert printed(disk, place)["bootdelay"] == "2"  # of a file, libubootenv knows no offset from the end
    write_changes(disk, protected(disk, a_vanilla(), decided(offset, delay=-2)))
    assert printed(disk, place) == {**PAIRS, "bootdelay": "-2"}
    assert read_regions(disk, [Region(place - SIZE, SIZE)])[Region(place - SIZE, SIZE)] == b"\xa5" * SIZE
    assert disk.stat().st_size == DISK


@pytest.mark.tools
@pytest.mark.parametrize("damaged", [False, True])
def test_both_copies_are_written_and_either_alone_has_the_delay(tmp_path: Path, damaged: bool) -> None:
    second = b"\xff" * SIZE if damaged else an_environment({**PAIRS, "bootdelay": "5"}, flags=2)
    disk = a_disk(tmp_path / "disk.img", {FIRST: an_environment(PAIRS, flags=1), SECOND: second})
    changes = protected(disk, a_vanilla(), decided(FIRST, SECOND))
    assert [change.region.offset for change in changes] == [FIRST, SECOND]
    write_changes(disk, changes)
    assert printed(disk, FIRST, SECOND)["bootdelay"] == "0"
    for lost, kept in ((FIRST, SECOND), (SECOND, FIRST)):
        good = read_regions(disk, [Region(lost, SIZE), Region(kept, SIZE)])
        write_changes(disk, [replace(changes[0], region=Region(lost, SIZE), content=b"\0" * SIZE)])
        assert printed(disk, FIRST, SECOND)["bootdelay"] == "0"
        write_changes(disk, [replace(changes[0], region=region, content=data) for region, data in good.items()])


def test_the_image_says_itself_where_it_lies(tmp_path: Path) -> None:
    vanilla, release = by_config(f"# copies\n/dev/mmcblk0 {FIRST:#x} {SIZE:#x} 0x200\n/dev/mmcblk0 {SECOND} {SIZE:X}\n")
    assert bootloader_raw.regions(vanilla, release) == (Region(FIRST, SIZE), Region(SECOND, SIZE))
    assert not bootloader.protect(vanilla, release)
    vanilla, release = by_config(f"/dev/sda -{2 * SIZE:#x} {SIZE:#x}\n")
    assert bootloader_raw.regions(vanilla, release) == (Region(DISK - 2 * SIZE, SIZE),)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("/dev/mtd0 0x0 0x400", "line 1: /dev/mtd0 is not known to be the disk"),
        ("\n/dev/mmcblk0boot0 0x0 0x400", "line 2: /dev/mmcblk0boot0 is not known"),
        ("/dev/mmcblk0p1 0x0 0x400", "is not known to be the disk"),
        ("", "0 copies"),
        ("/dev/sda 0x100", "line 1: 0 copies: no line has a device, an offset and a size"),
        ("/dev/sda zz 0x400", "line 1: 0 copies"),
        ("/dev/sda 0x1000 0", "line 1: 0 copies"),
        ("/dev/sda 0x1000 0x400\n/dev/sda 0x2000 0x800", "differ in device or size"),
    ],
)
def test_a_configuration_that_names_no_place_here_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(PipelineError, match=complaint):
        bootloader_raw.regions(*by_config(text))


@pytest.mark.parametrize(
    ("offsets", "size", "complaint"),
    [
        ((0,), SIZE, "that is the partition table"),
        ((-DISK,), SIZE, "that is the partition table"),
        (((1 << 20) - 1,), SIZE, r"that is partition 1 \(vfat\)"),
        ((40 << 20,), SIZE, r"that is partition 2 \(ext4\)"),
        ((DISK - 1,), SIZE, "the image has"),
        ((-2 * DISK,), SIZE, "the image has"),
        ((FIRST, FIRST + 1), SIZE, "overlap"),
    ],
)
def test_nothing_else_on_the_disk_is_overwritten(offsets: tuple[int, ...], size: int, complaint: str) -> None:
    with pytest.raises(PipelineError, match=complaint):
        bootloader_raw.regions(a_vanilla(), decided(*offsets, size=size))


def test_nor_the_second_partition_table_of_gpt() -> None:
    vanilla = a_vanilla()
    vanilla = replace(vanilla, disk=replace(vanilla.disk, table="gpt"))
    for offset in (33 * 512, -SIZE):
        with pytest.raises(PipelineError, match="partition table"):
            bootloader_raw.regions(vanilla, decided(offset))


@pytest.mark.parametrize(
    ("content", "release", "complaint"),
    [
        ({}, decided(FIRST), "no CRC fits"),
        ({FIRST: an_environment(PAIRS)[:-1] + b"\1"}, decided(FIRST), "no CRC fits"),
        ({FIRST: an_environment(PAIRS)}, decided(FIRST, size=2 * SIZE), "no CRC fits"),
        ({FIRST: an_environment(PAIRS)}, decided(FIRST + 1), "no CRC fits"),
        ({FIRST: an_environment(PAIRS, flags=1)}, decided(FIRST), "of two copies"),
        ({FIRST: an_environment(PAIRS)}, decided(FIRST, SECOND), "no CRC fits"),
        (
            {FIRST: an_environment(PAIRS, flags=1) + an_environment(PAIRS, flags=2)},
            decided(FIRST, size=2 * SIZE),
            "of two copies",
        ),
    ],
)
def test_what_is_no_such_environment_is_never_replaced(
    tmp_path: Path, content: dict[int, bytes], release: Release, complaint: str
) -> None:
    disk = a_disk(tmp_path / "disk.img", content)
    with pytest.raises(PipelineError, match=complaint):
        protected(disk, a_vanilla(), release)


def test_protecting_twice_changes_nothing(tmp_path: Path) -> None:
    disk = a_disk(tmp_path / "disk.img", {FIRST: an_environment(PAIRS)})
    changes = protected(disk, a_vanilla(), decided(FIRST))
    write_changes(disk, changes)
    assert protected(disk, a_vanilla(), decided(FIRST)) == changes


@pytest.mark.parametrize(
    ("pairs", "outcome"), [({"bootdelay": "0"}, RuleOutcome.PASS), (PAIRS, RuleOutcome.FAIL), ({}, RuleOutcome.FAIL)]
)
def test_the_rule_judges_the_bytes_by_what_the_manifest_says(pairs: dict[str, str], outcome: RuleOutcome) -> None:
    expected = expected_from(decisions_of(decided(FIRST)))
    assert expected == replace(expected_of(decided(FIRST)), use_pam=expected.use_pam)
    view = ImageView.of(a_vanilla())
    assert linux_boot.raw_regions(view, expected) == (Region(FIRST, SIZE),)
    assert CHECK(view, expected).outcome is RuleOutcome.UNVERIFIABLE
    read = replace(view, raw={Region(FIRST, SIZE): an_environment(pairs)})
    assert CHECK(read, expected).outcome is outcome
    broken = replace(view, raw={Region(FIRST, SIZE): b"\0" * SIZE})
    assert CHECK(broken, expected).outcome is RuleOutcome.FAIL


def test_the_rule_finds_it_by_the_image_s_own_configuration() -> None:
    vanilla, release = by_config(f"/dev/mmcblk0 -{2 * SIZE} 0X{SIZE:x}\n")
    regions = linux_boot.raw_regions(ImageView.of(vanilla), expected_of(release))
    assert regions == bootloader_raw.regions(vanilla, release)
