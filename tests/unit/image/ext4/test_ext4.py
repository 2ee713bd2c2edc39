"""Reading ext file systems straight; dumpe2fs is the judge."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.image.ext4 import sealable
from pipeline.image.ext4.ext4 import Ext4, Ext4Error, _clear_runs, parse_superblock
from pipeline.image.write.stamp import _difference
from tests.support import disks

GEOMETRIES = [
    ("ext4", ("-b", "4096", "-O", "64bit,metadata_csum")),
    ("ext4", ("-b", "1024", "-O", "^64bit,^metadata_csum")),
    ("ext4", ("-b", "1024", "-I", "128", "-O", "^flex_bg")),
    ("ext4", ("-b", "2048", "-O", "metadata_csum,metadata_csum_seed,orphan_file")),
    ("ext4", ("-O", "uninit_bg,^metadata_csum")),
    ("ext4", ("-O", "sparse_super2")),
    ("ext3", ()),
    ("ext2", ("-b", "1024")),
]


@pytest.mark.tools
@pytest.mark.parametrize(("kind", "options"), GEOMETRIES)
def test_free_blocks_are_those_of_dumpe2fs(kind: str, options: tuple[str, ...], tmp_path: Path) -> None:
    tree = disks.tree_on_host(tmp_path / "tree", {f"/d{n}/file": b"x" * n * 700 for n in range(40)})
    image = disks.ext_image(tmp_path / "fs", tree, size=100 * disks.MIB, kind=kind, options=options)
    disks.debugfs_write(image, "rm /d7/file", "rm /d30/file")
    text = disks.run("dumpe2fs", image).decode()
    expected = disks.free_blocks(image)
    with image.open("rb") as stream:
        filesystem = Ext4(stream.fileno(), 0, image.stat().st_size)
        found = {block for begin, end in filesystem.free_blocks() for block in range(begin, end)}
    assert found == expected
    assert filesystem.superblock.groups == len(re.findall(r"^Group \d+:", text, re.MULTILINE))


@pytest.mark.tools
@pytest.mark.parametrize("features", ["sparse_super", "^sparse_super,^resize_inode", "sparse_super2"])
def test_copies_of_the_superblock_lie_where_dumpe2fs_says(features: str, tmp_path: Path) -> None:
    """Of 41 groups: 1 and powers of 3, 5 and 7; every one; or the two named in the superblock."""
    options = ("-b", "1024", "-O", f"{features},^meta_bg")
    image = disks.ext_image(tmp_path / "fs", None, size=325 * disks.MIB, options=options)
    text = disks.run("dumpe2fs", image).decode()
    expected = [int(block) for block in re.findall(r"(?:Primary|Backup) superblock at (\d+),", text)]
    with image.open("rb") as stream:
        assert Ext4(stream.fileno(), 0, image.stat().st_size).superblock_copies() == expected
    assert len(expected) == {"sparse_super": 8, "sparse_super2": 3}.get(features, 41)


@pytest.mark.tools
def test_what_is_not_supported_is_refused(tmp_path: Path) -> None:
    image = disks.ext_image(tmp_path / "fs", None, options=("-O", "bigalloc"))
    with image.open("rb") as stream, pytest.raises(Ext4Error, match="bigalloc"):
        Ext4(stream.fileno(), 0, image.stat().st_size)
    image = disks.ext_image(tmp_path / "fs", None)
    with image.open("rb") as stream, pytest.raises(Ext4Error, match="its partition"):
        Ext4(stream.fileno(), 0, image.stat().st_size // 2)
    with pytest.raises(Ext4Error, match="no ext2"):
        parse_superblock(bytes(1024))
    with pytest.raises(Ext4Error, match="no ext2"):
        parse_superblock(image.read_bytes()[1024:1500])
    damaged = bytearray(image.read_bytes()[1024:2048])
    struct.pack_into("<I", damaged, 24, 40)
    with pytest.raises(Ext4Error, match="damaged"):
        parse_superblock(bytes(damaged))


@given(st.binary(max_size=40), st.integers(0, 330))
def test_runs_of_clear_bits(bitmap: bytes, count: int) -> None:
    bits = [place for place in range(count) if place >= len(bitmap) * 8 or not bitmap[place // 8] >> place % 8 & 1]
    found = [block - 5 for begin, end in _clear_runs(bitmap, 5, count) for block in range(begin, end)]
    assert found == bits


def _ranges(blocks: set[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for block in sorted(blocks):
        if found and found[-1][1] == block:
            found[-1] = (found[-1][0], block + 1)
        else:
            found.append((block, block + 1))
    return found


@given(st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)))
def test_blocks_that_became_free(now: set[int], before: set[int]) -> None:
    found = [block for begin, end in _difference(_ranges(now), _ranges(before)) for block in range(begin, end)]
    assert found == sorted(now - before)


@pytest.mark.tools
def test_large_file_systems_count_their_blocks_in_64_bits(tmp_path: Path) -> None:
    image = disks.ext_image(tmp_path / "fs", None, options=("-b", "4096", "-O", "64bit"))
    superblock = bytearray(image.read_bytes()[1024:2048])
    small = parse_superblock(bytes(superblock))
    struct.pack_into("<I", superblock, 336, 3)
    assert parse_superblock(bytes(superblock)).blocks == small.blocks + (3 << 32)


@pytest.mark.parametrize(("word", "kind"), [(1, "incompatible"), (2, "read-only compatible")])
def test_features_nobody_has_heard_of_keep_a_file_system_from_being_sealed(word: int, kind: str) -> None:
    superblock = bytearray(1024)
    struct.pack_into("<I", superblock, 92 + 4 * word, 1 << 31)
    problems = [problem.what for problem in sealable._reasons(bytes(superblock))]
    assert problems[0] == f"its {kind} ext4 features 0x80000000 are not known here"
