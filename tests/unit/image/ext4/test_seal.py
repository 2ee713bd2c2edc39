"""Sealing: whatever time and chance left in a file system, the same content gives the same bytes."""

from __future__ import annotations

import hashlib
import re
import shutil
import struct
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.image.ext4 import seal, sealable
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from tests.support import disks
from tests.support.media import gateway_disk
from tests.unit.image.ext4.test_ext4 import GEOMETRIES

EPOCH = gateway_disk.EPOCH


def features(image: Path, offset: int = 0) -> dict[str, str]:
    """What must not change: features and geometry as dumpe2fs shows them."""
    text = disks.run("dumpe2fs", "-h", f"{image}?offset={offset}").decode()
    volatile = r"time|created|checked|count:|[Cc]hecksum:|writes|Free|Journal s|mounted"
    return {
        key: value
        for key, _, value in (line.partition(":") for line in text.splitlines())
        if not re.search(volatile, f"{key}:")
    }


@pytest.mark.tools
@pytest.mark.parametrize(("kind", "options"), GEOMETRIES)
def test_two_histories_one_image(kind: str, options: tuple[str, ...], tmp_path: Path) -> None:
    tree = disks.tree_on_host(tmp_path / "tree", {f"/etc/file{n}": b"y" * n * 100 for n in range(150)})
    one = disks.ext_image(tmp_path / "one", tree, size=40 * disks.MIB, kind=kind, options=options)
    before, names = features(one), disks.debugfs(one, "ls -l /etc")
    other = tmp_path / "other"
    shutil.copy(one, other)
    disk = disks.bare(one, kind)
    for image, moment in ((one, 1_750_000_000), (other, 1_760_000_123)):
        disks.age(image, moment)
        disks.debugfs_write(image, f"ssv last_mounted /{moment}", f"ssv mnt_count {moment % 7}", f"ssv wtime @{moment}")
        # A removed file: its content and its inode stay in the image until it is sealed.
        content = tmp_path / "content"
        content.write_bytes(b"RESIDUE-%d " % moment * 500)
        disks.debugfs_write(image, f"write {content} gone", "rm gone")
        assert b"RESIDUE" in image.read_bytes()
        seal.seal(image, disk, epoch=EPOCH)
    assert one.read_bytes() == other.read_bytes()
    assert b"RESIDUE" not in one.read_bytes()
    assert features(one) == before
    # The order of names in a directory may change: they are packed so that each block has room for its checksum.
    after = disks.debugfs(one, "ls -l /etc")
    assert sorted(re.findall(r"\s(file\d+)\s", after)) == sorted(re.findall(r"\s(file\d+)\s", names))
    disks.run("e2fsck", "-fn", one)
    digest = hashlib.sha256(one.read_bytes()).hexdigest()
    seal.seal(one, disk, epoch=EPOCH)
    assert hashlib.sha256(one.read_bytes()).hexdigest() == digest, "sealing a sealed image changes nothing"


@pytest.mark.tools
@pytest.mark.parametrize("block", [1024, 4096])
@pytest.mark.parametrize("blocks", [1, 2])
def test_a_directory_that_fills_its_blocks_is_sealed(block: int, blocks: int, tmp_path: Path) -> None:
    """Names up to the checksum, which takes 12 bytes: tune2fs turns it off, and finds no room to turn it on again."""
    names: list[str] = []
    for number in range(blocks):
        left = block - 12 - (24 if number == 0 else 0)  # "." and ".." come first
        while left:
            length = left if left <= 200 else 200 if left - 200 >= 12 else 188
            names.append(f"{len(names):03}".ljust(length - 8, "x"))
            left -= length
    tree = disks.tree_on_host(tmp_path / "tree", {f"/d/{name}": b"" for name in names})
    image = disks.ext_image(tmp_path / "fs", tree, options=("-b", str(block), "-O", "metadata_csum,64bit"))
    before = features(image)
    seal.seal(image, disks.bare(image), epoch=EPOCH)
    assert features(image) == before
    assert sorted(re.findall(r"\s(\d{3}x+)", disks.debugfs(image, "ls -l /d"))) == sorted(names)
    sealed = image.read_bytes()
    seal.seal(image, disks.bare(image), epoch=EPOCH)
    assert image.read_bytes() == sealed, "sealing a sealed image changes nothing"


@pytest.mark.tools
def test_times_are_clamped_not_invented(tmp_path: Path) -> None:
    tree = disks.tree_on_host(tmp_path / "tree", {"/old": b"o", "/new": b"n"})
    image = disks.ext_image(tmp_path / "fs", tree)
    disks.debugfs_write(
        image, "sif old mtime @1000000000", "sif new mtime @1800000000", "sif new mtime_extra 0x3b9aca01"
    )
    seal.seal(image, disks.bare(image), epoch=EPOCH)
    old, new = (disks.debugfs(image, f"stat {name}") for name in ("old", "new"))
    assert "mtime: 0x3b9aca00:00000000" in old
    assert f"mtime: 0x{EPOCH:08x}:00000000" in new
    assert f"ctime: 0x{EPOCH:08x}:00000000" in old
    assert f"crtime: 0x{EPOCH:08x}:00000000" in old
    assert "Generation: 0 " in new


@pytest.mark.tools
def test_partitions_inside_a_disk_and_only_mounted_ones(tmp_path: Path) -> None:
    image = gateway_disk.gateway_disk(tmp_path / "disk.img")
    whole = image.stat().st_size
    boot = Partition(1, gateway_disk.BOOT, 4 * disks.MIB, "vfat", mountpoint=None)
    root = Partition(2, gateway_disk.ROOT, 48 * disks.MIB, "ext4", mountpoint=GuestPath("/"))
    untouched = image.read_bytes()[: gateway_disk.ROOT]
    seal.seal(image, Disk(whole, "mbr", (boot, root)), epoch=EPOCH)
    assert image.read_bytes()[: gateway_disk.ROOT] == untouched
    assert image.stat().st_size == whole
    disks.run("e2fsck", "-fn", f"{image}?offset={gateway_disk.ROOT}")
    assert image.stat().st_blocks * 512 < whole / 2


@pytest.mark.tools
def test_what_cannot_be_sealed_is_refused(tmp_path: Path) -> None:
    image = disks.ext_image(tmp_path / "fs", None)
    with pytest.raises(PipelineError, match="epoch"):
        seal.seal(image, disks.bare(image), epoch=1 << 31)
    disks.debugfs_write(image, "feature needs_recovery")
    with pytest.raises(PipelineError, match="unfinished changes"):
        seal.seal(image, disks.bare(image), epoch=EPOCH)
    empty = tmp_path / "empty"
    empty.write_bytes(bytes(1 << 20))
    with pytest.raises(PipelineError, match="no ext2, ext3 or ext4"):
        seal.seal(empty, disks.bare(empty), epoch=EPOCH)


@pytest.mark.tools
@pytest.mark.parametrize("feature", ["mmp", "meta_bg,^resize_inode", "bigalloc"])
def test_features_that_keep_an_image_from_being_sealed_are_named(feature: str, tmp_path: Path) -> None:
    image = disks.ext_image(tmp_path / "fs", None, options=("-O", feature))
    (problem,) = sealable.reasons_against(image, disks.bare(image))
    name = feature.partition(",")[0]
    assert f"feature {name} keeps it from being sealed" in problem.what
    assert problem.remedy
    if name == "mmp":
        command = re.search(r"after: (tune2fs -O \^mmp) '(COPY\?offset=0)'", problem.remedy)
        assert command is not None
        disks.run(*command[1].split(), command[2].replace("COPY", str(image)))
        assert sealable.reasons_against(image, disks.bare(image)) == ()
        seal.seal(image, disks.bare(image), epoch=EPOCH)


@pytest.mark.tools
def test_other_features_are_not(tmp_path: Path) -> None:
    known = (
        "casefold,verity,encrypt,inline_data,ea_inode,large_dir,quota,project,stable_inodes,orphan_file,sparse_super2"
    )
    image = disks.ext_image(tmp_path / "fs", None, size=64 * disks.MIB, options=("-O", known))
    assert sealable.reasons_against(image, disks.bare(image)) == ()
    before = features(image)
    seal.seal(image, disks.bare(image), epoch=EPOCH)
    assert features(image) == before
    for word, bit, told in ((1, 1 << 27, "incompatible ext4 features 0x8000000"), (0, 0, "another device")):
        raw = bytearray(image.read_bytes())
        (value,) = struct.unpack_from("<I", raw, 1024 + 92 + 4 * word)
        struct.pack_into("<I", raw, 1024 + 92 + 4 * word, value | bit)
        struct.pack_into("<I", raw, 1024 + 228, 0 if bit else 0x801)
        (tmp_path / "odd").write_bytes(raw)
        (problem,) = sealable.reasons_against(tmp_path / "odd", disks.bare(image))
        assert told in problem.what


@pytest.mark.tools
@pytest.mark.parametrize("options", [("-F", "12"), ("-F", "16"), ("-F", "32", "-s", "1")])
def test_fat_repeats_and_forgets(options: tuple[str, ...], tmp_path: Path) -> None:
    images = []
    for number in range(2):
        image = tmp_path / f"fat{number}"
        files = {
            "/uboot.env": b"environment" * 400,
            "/dir/below/a rather long name.txt": b"long",
            "/gone.bin": b"RESIDUE" * 3000,
        }
        size = 40 * disks.MIB if "16" in options or "32" in options else 4 * disks.MIB
        disks.fat_image(image, files, size=size, options=("--invariant", *options))
        disks.run("mdel", "-i", image, "::/gone.bin")
        # A file that became shorter leaves the rest of its last cluster.
        data = bytearray(image.read_bytes())
        place = data.index(b"environment" * 400) + 4400
        data[place : place + 7] = b"RESIDUE"
        entry = data.index(b"UBOOT   ENV")
        struct.pack_into("<HHH", data, entry + 14, 777 + number, 21000 + number, 3)
        struct.pack_into("<HH", data, entry + 22, 999 + number, 21000 + number)
        image.write_bytes(data)
        assert b"RESIDUE" in data
        seal.seal(image, disks.bare(image, "vfat", "/boot"), epoch=EPOCH)
        disks.run("fsck.vfat", "-n", image)
        images.append(image)
    one, other = (image.read_bytes() for image in images)
    assert one == other
    assert b"RESIDUE" not in one
    listing = disks.run("mdir", "-/", "-i", images[0], "::").decode()
    assert set(re.findall(r"\d{4}-\d\d-\d\d +\d+:\d\d", listing)) == {"2023-11-14  22:13"}
    assert disks.run("mtype", "-i", images[0], "::/uboot.env") == b"environment" * 400
    assert disks.run("mtype", "-i", images[0], "::/dir/below/a rather long name.txt") == b"long"


@pytest.mark.tools
def test_damaged_fat_is_refused(tmp_path: Path) -> None:
    image = disks.fat_image(
        tmp_path / "fat", {"/a": b"x" * 9000, "/b": b"y" * 9000}, options=("-F", "16"), size=40 << 20
    )
    disk = disks.bare(image, "vfat", "/boot")
    good = image.read_bytes()
    cases = {
        "boot sector is damaged": (11, b"\0\0"),
        "describes a file system that cannot be": (17, b"\0\0"),
        "too short": (22, b"\x01\0"),
    }
    for message, (place, content) in cases.items():
        image.write_bytes(good[:place] + content + good[place + len(content) :])
        with pytest.raises(PipelineError, match=message):
            seal.seal(image, disk, epoch=EPOCH)
    reserved = struct.unpack_from("<H", good, 14)[0] * 512
    looped = bytearray(good)
    struct.pack_into("<H", looped, reserved + 3 * 2, 2)  # cluster 3 leads back to the first
    struct.pack_into("<H", looped, reserved + 2 * 2, 3)
    image.write_bytes(looped)
    with pytest.raises(PipelineError, match=r"belongs to two files|which is not there"):
        seal.seal(image, disk, epoch=EPOCH)
