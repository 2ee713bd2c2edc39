"""The hash tree is dm-verity's: `veritysetup` computes and verifies the same root; and it follows changes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.formats.archive.hash_tree import BLOCK, HashTree, digest_of
from pipeline.image.read.hash_tree import hash_tree_of


def an_image(path: Path, blocks: int) -> Path:
    """Mostly holes, a few blocks that tell themselves apart."""
    with path.open("wb") as stream:
        stream.truncate(blocks * BLOCK)
        for number in range(0, blocks, 37):
            stream.seek(number * BLOCK)
            stream.write(number.to_bytes(4, "big") * (BLOCK // 4))
    return path


@pytest.mark.skipif(shutil.which("veritysetup", path="/usr/sbin:/sbin:/usr/bin") is None, reason="no cryptsetup-bin")
@pytest.mark.parametrize("blocks", [2, 128, 129, 3000, 16385])
def test_veritysetup_has_the_same_root(tmp_path: Path, blocks: int) -> None:
    image, hashes = an_image(tmp_path / "image", blocks), tmp_path / "hashes"
    said = subprocess.run(
        ["/usr/sbin/veritysetup", "format", "--salt=-", str(image), str(hashes)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    root = re.search(r"Root hash:\s+([0-9a-f]{64})", said.stdout)
    assert root is not None
    assert hash_tree_of(image).root == root[1]


@pytest.mark.parametrize("changed", [{0}, {16384}, {5, 6, 127, 128, 9000}])
def test_a_change_costs_its_own_leaves_only(tmp_path: Path, changed: set[int]) -> None:
    image = an_image(tmp_path / "image", 16385)
    tree = hash_tree_of(image)
    blocks = {number: bytes([number % 251 + 1]) * BLOCK for number in changed}
    with image.open("r+b") as stream:
        for number, block in blocks.items():
            stream.seek(number * BLOCK)
            stream.write(block)
    assert tree.root_with(blocks) == hash_tree_of(image).root != tree.root
    assert tree.root_with({}) == tree.root


def test_an_image_that_ends_within_a_block_counts_as_filled_up() -> None:
    whole, short = HashTree([digest_of(b"a" * BLOCK), digest_of(b"b" + bytes(BLOCK - 1))]), digest_of(b"b")
    assert HashTree([digest_of(b"a" * BLOCK), short]).root == whole.root


def test_leaves_can_be_kept(tmp_path: Path) -> None:
    tree = hash_tree_of(an_image(tmp_path / "image", 300))
    assert HashTree.load(tree.leaves).root == tree.root
