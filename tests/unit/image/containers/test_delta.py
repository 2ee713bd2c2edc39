"""A delta is a disk image any zstd unpacks and bmaptool writes; what is not as its block map says is refused."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.archive.bmap_text import block_map
from pipeline.formats.archive.zstd_zeros import zeros, zeros_at
from pipeline.image.containers import delta
from tests.support.media.used_media import flash, loop_devices_work

SIZE = 300 << 20
BLOCKS = {number: number.to_bytes(4, "big") * 1024 for number in (0, 1, 2, 700, 701, 70000, 76799)} | {9: bytes(4096)}


def unpacked(data: bytes, path: Path) -> bytes:
    path.write_bytes(data)
    return subprocess.run(["zstd", "-dcq", str(path)], capture_output=True, check=True).stdout


@pytest.mark.parametrize("length", [1, 4095, 131071, 131072, 131073, 5 << 20])
def test_zeros_made_by_hand_are_what_zstd_says_they_are(tmp_path: Path, length: int) -> None:
    frame = zeros(length)
    assert unpacked(frame, tmp_path / "zeros.zst") == bytes(length)
    assert zeros_at(frame + b"rest", 0) == (length, len(frame))


def test_zstd_unpacks_a_delta_to_a_sparse_image_of_the_disk(tmp_path: Path) -> None:
    packed = delta.pack(SIZE, BLOCKS)
    image = unpacked(packed.image, tmp_path / "delta.img.zst")
    assert len(image) == SIZE
    assert all(image[number * 4096 : (number + 1) * 4096] == block for number, block in BLOCKS.items())
    assert len(packed.image) < 32 << 10
    assert delta.unpack(packed, size=SIZE, name="gw") == BLOCKS
    assert delta.pack(SIZE, BLOCKS) == packed


@pytest.mark.skipif(not loop_devices_work(), reason="no loop devices here")
def test_bmaptool_writes_base_and_delta_onto_a_used_medium(tmp_path: Path) -> None:
    base = {number: bytes([number % 251 + 1]) * 4096 for number in range(0, 76800, 100)}
    medium = tmp_path / "medium"
    medium.write_bytes(b"\xff" * SIZE)
    for name, blocks in (("base", base), ("delta", BLOCKS)):
        packed = delta.pack(SIZE, blocks)
        (tmp_path / f"{name}.img.zst").write_bytes(packed.image)
        (tmp_path / f"{name}.bmap").write_bytes(packed.block_map)
        flash(tmp_path / f"{name}.img.zst", tmp_path / f"{name}.bmap", medium)
    with medium.open("rb") as stream:
        for number, block in {**base, **BLOCKS}.items():
            stream.seek(number * 4096)
            assert stream.read(4096) == block, number


def _other_digest(one: delta.Delta) -> delta.Delta:
    return replace(one, block_map=block_map(SIZE, [(0, 3, "0" * 64)]))


def _flipped(one: delta.Delta) -> delta.Delta:
    place = len(one.image) - 40
    return replace(one, image=one.image[:place] + bytes([one.image[place] ^ 1]) + one.image[place + 1 :])


TAMPERINGS: dict[str, Callable[[delta.Delta], delta.Delta]] = {
    "cut": lambda one: replace(one, image=one.image[:-10]),
    "empty": lambda one: replace(one, image=b""),
    "longer": lambda one: replace(one, image=one.image + zeros(4096)),
    "garbage behind": lambda one: replace(one, image=one.image + b"\0" * 20),
    "flipped bit": _flipped,
    "other digest": _other_digest,
    "map of another size": lambda one: replace(one, block_map=block_map(SIZE // 2, [])),
    "no map": lambda one: replace(one, block_map=b""),
    "map is no XML": lambda one: replace(one, block_map=b"<bmap"),
    "range beyond the end": lambda one: replace(one, block_map=block_map(SIZE, [(76799, 76801, "0" * 64)])),
    "bomb": lambda one: replace(one, image=zeros(SIZE) * 3),
    "other blocks": lambda one: replace(one, image=delta.pack(SIZE, {5: b"x" * 4096}).image),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_what_was_changed_is_refused(name: str) -> None:
    with pytest.raises(PipelineError):
        delta.unpack(TAMPERINGS[name](delta.pack(SIZE, BLOCKS)), size=SIZE, name="gw")
