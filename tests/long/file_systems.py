"""Writes one layer twice on a root of each file system, once with pauses of the appliance, and says which bytes repeat.

    ./ci/bootstrap python -m tests.long.file_systems PLACE [KIND...]       # as root, where loop devices and mounts work

Kinds: ext2, ext3, ext4, ext4-1k, btrfs, f2fs, xfs (those whose mkfs is installed). Prints one line each; ends with 1
when an ext file system's bytes did not repeat, or a tree was not the planned one.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.image.containers import prepare
from pipeline.image.read import inspect
from pipeline.image.write import repeatable
from pipeline.inputs.layout_files import load_layouts
from pipeline.model.layer import Layer
from pipeline.model.vanilla import Vanilla
from tests.support import disks
from tests.support.crash.pauses import paused_at_random
from tests.support.media import gateway_disk
from tests.unit.image.write.test_stamp import LAYER

MIB = 1 << 20
SIZE = {"btrfs": 300 * MIB, "f2fs": 128 * MIB, "xfs": 320 * MIB}
MAKE = {"btrfs": ("mkfs.btrfs", "-q"), "f2fs": ("mkfs.f2fs", "-q"), "xfs": ("mkfs.xfs", "-q")}
EXT = {"ext2": ("ext2", ("-b", "4096")), "ext3": ("ext3", ("-b", "4096")), "ext4": ("ext4", ("-b", "4096")),
       "ext4-1k": ("ext4", ("-b", "1024"))}  # fmt: skip


def disk_of(kind: str, place: Path) -> Path:
    """The gateway's disk of the tests with a root of that kind."""
    image = gateway_disk.gateway_disk(place / "ext4.img")
    with image.open("rb") as stream:
        boot = stream.read(gateway_disk.ROOT)[gateway_disk.BOOT :]
        root = stream.read()
    (place / "boot").write_bytes(boot)
    (place / "old").write_bytes(root)
    new = place / "new"
    if kind in EXT:
        name, options = EXT[kind]
        disks.ext_image(new, None, size=len(root), kind=name, options=options)
    else:
        with new.open("wb") as stream:
            stream.truncate(SIZE[kind])
        disks.run(*MAKE[kind], new)
    old = place / "old.mounted"
    old.mkdir()
    disks.run("mount", "-o", "loop,ro", place / "old", old)
    try:
        tree = place / "tree"
        disks.run("cp", "-a", old, tree)
    finally:
        disks.run("umount", old)
    table = tree / "etc/fstab"
    table.write_text(table.read_text().replace("ext4", kind.partition("-")[0]))
    fill(kind, new, tree)
    return disks.mbr_disk(place / "disk.img", [(0x0E, place / "boot"), (0x83, new)])


def fill(kind: str, image: Path, tree: Path) -> None:
    """Copy a tree into a new file system: by this machine's kernel, or by f2fs' own program."""
    if kind == "f2fs":
        disks.run("sload.f2fs", "-f", tree, image)
        return
    place = image.with_name("new.mounted")
    place.mkdir()
    disks.run("mount", "-o", "loop", image, place)
    try:
        disks.run("cp", "-a", f"{tree}/.", place)
    finally:
        disks.run("umount", place)


def written(name: str, raw: Path, vanilla: Vanilla, layer: Layer, place: Path, *, longest: float) -> tuple[str, str]:
    """The digest of an image with the layer, and who wrote it."""
    image = place / f"{name}.img"
    prepare.copy_sparse(raw, image)
    with paused_at_random(place / "state", len(name), longest=longest, between=8):
        done = repeatable.write_layer(
            image, vanilla, layer, epoch=gateway_disk.EPOCH, state_dir=place / "state", say=lambda _: None
        )
    return hashlib.sha256(image.read_bytes()).hexdigest(), done.by


def try_kind(kind: str, place: Path) -> bool:
    """One line about a file system; whether it is as the documents say."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    raw = place / "vanilla.raw"
    digest = prepare.prepare_raw(disk_of(kind, place), raw, lambda _: None)
    vanilla = inspect.inspect(raw, load_layouts(), sha256=digest, state_dir=place / "state", say=lambda _: None)
    layer = LAYER
    if kind not in EXT:
        layer = Layer.of(*(entry for entry in LAYER.entries if not getattr(entry, "xattrs", ())))
    one, by = written("undisturbed", raw, vanilla, layer, place, longest=0.1)
    other, _ = written("disturbed", raw, vanilla, layer, place, longest=10)
    print(f"{kind}: {'the same bytes' if one == other else 'OTHER BYTES'}, the same tree; {by}", flush=True)
    shutil.rmtree(place)
    return one == other or kind not in EXT


def main() -> int:
    """Every kind that can be made here."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("place", type=Path)
    parser.add_argument("kinds", nargs="*", default=[])
    given = parser.parse_args()
    fine = True
    for kind in given.kinds or [*EXT, *MAKE]:
        if kind in MAKE and shutil.which(MAKE[kind][0]) is None:
            print(f"{kind}: {MAKE[kind][0]} is not installed")
            continue
        try:
            fine &= try_kind(kind, given.place.resolve() / kind)
        except (PipelineError, AssertionError, subprocess.CalledProcessError) as error:
            print(f"{kind}: FAILED: {str(error)[:500]}", flush=True)
            fine = False
            with suppress(OSError):
                shutil.rmtree(given.place.resolve() / kind)
    return int(not fine)


if __name__ == "__main__":
    sys.exit(main())
