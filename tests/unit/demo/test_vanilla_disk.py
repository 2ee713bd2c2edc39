"""The demo's disk against the programs that read partition tables, FAT and U-Boot's environment."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from pipeline.demo import disk
from pipeline.demo.members import Member, text_file, with_parents
from pipeline.errors import PipelineError
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind

EPOCH = 1_700_000_000
MEMBERS = with_parents({GuestPath("/etc/hostname"): text_file("gateway\n", mtime=EPOCH)}, mtime=EPOCH)
ROOT_SIZE = 24 * disk.MIB

pytestmark = pytest.mark.tools


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("disk") / "vanilla.img"
    disk.write_disk(target, MEMBERS, epoch=EPOCH, progress=lambda _: None, root_size=ROOT_SIZE)
    return target


@pytest.fixture(scope="module")
def boot_partition(image: Path) -> Path:
    cut = image.with_suffix(".fat")
    with image.open("rb") as file:
        file.seek(disk.BOOT_OFFSET)
        cut.write_bytes(file.read(disk.BOOT_SIZE))
    return cut


def run(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, check=True).stdout.decode()


def test_sfdisk_reads_the_partitions(image: Path) -> None:
    table = json.loads(run("sfdisk", "--json", image))["partitiontable"]
    assert table["label"] == "dos"
    found = [(part["start"], part["size"], part["type"], part.get("bootable")) for part in table["partitions"]]
    assert found == [
        (disk.BOOT_OFFSET // 512, disk.BOOT_SIZE // 512, "e", True),
        (disk.ROOT_OFFSET // 512, ROOT_SIZE // 512, "83", None),
    ]
    assert "No errors detected" in run("sfdisk", "--verify", image)


def test_boot_partition_is_clean_and_holds_the_environment(boot_partition: Path, tmp_path: Path) -> None:
    run("fsck.vfat", "-n", boot_partition)
    assert "is BOOT" in run("mdir", "-i", boot_partition, "::")
    environment = tmp_path / "uboot.env"
    run("mcopy", "-n", "-i", boot_partition, f"::{disk.ENVIRONMENT_NAME}", environment)
    config = tmp_path / "fw_env.config"
    config.write_text(f"{environment} 0x0 {disk.ENVIRONMENT_SIZE:#x}\n")
    printed = dict(line.split("=", 1) for line in run("fw_printenv", "-c", config).splitlines())
    assert printed == disk.UBOOT_VARIABLES
    assert printed["bootdelay"] == "2"


def test_root_partition_is_clean(image: Path) -> None:
    run("e2fsck", "-fn", f"{image}?offset={disk.ROOT_OFFSET}")
    features = run("dumpe2fs", "-h", f"{image}?offset={disk.ROOT_OFFSET}")
    for modern in ("orphan_file", "metadata_csum_seed"):
        assert modern not in features
    assert str(disk.ROOT_UUID) in features


def test_it_is_sparse(image: Path) -> None:
    assert image.stat().st_size == disk.ROOT_OFFSET + ROOT_SIZE
    assert image.stat().st_blocks * 512 < 12 * disk.MIB  # of which the journal is 8


def test_two_runs_are_equal_and_leave_nothing_else(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Chatham")
    before = os.umask(0o077)
    try:
        disk.write_disk(
            tmp_path / "b" / "other.img", MEMBERS, epoch=EPOCH, progress=lambda _: None, root_size=ROOT_SIZE
        )
    finally:
        os.umask(before)
    other = (tmp_path / "b" / "other.img").read_bytes()
    assert hashlib.sha256(other).digest() == hashlib.sha256(image.read_bytes()).digest()
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["other.img"]


def test_another_clock_gives_another_image(image: Path, tmp_path: Path) -> None:
    disk.write_disk(tmp_path / "later.img", MEMBERS, epoch=EPOCH + 2, progress=lambda _: None, root_size=ROOT_SIZE)
    assert (tmp_path / "later.img").read_bytes() != image.read_bytes()


def test_a_failure_leaves_the_old_image_and_nothing_half_written(tmp_path: Path) -> None:
    target = tmp_path / "vanilla.img"
    target.write_bytes(b"old")
    too_big = {**MEMBERS, GuestPath("/big"): Member(Kind.FILE, 0o644, content=b"x" * ROOT_SIZE)}
    with pytest.raises(PipelineError, match="failed to fill"):
        disk.write_disk(target, too_big, epoch=EPOCH, progress=lambda _: None, root_size=ROOT_SIZE)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["vanilla.img"]
