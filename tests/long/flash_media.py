"""Flashes six kinds of image onto three kinds of used media with the real bmaptool, and asks everybody about them.

    ./ci/bootstrap python -m tests.long.flash_media PLACE          # as root, where loop devices and mounts work

The images are the demonstration's, with one gateway (`tests.long.flash_kinds`): as it is (ext4 and FAT), with a raw
U-Boot environment behind the partitions, with zeros inside files on 1 KiB blocks, and with roots of btrfs, xfs and
f2fs. The media are of 0xFF, of random bytes, and with an older image of another make. Asked are: doit verify
--device, the file system's own checker (e2fsck, btrfs check, xfs_repair, fsck.f2fs), fsck.vfat, fw_printenv, and diff
over both trees, mounted read-only (cmp over both as tar archives from guestfish, where this machine's kernel does
not know the file system). Prints a line for each; ends with 1 when anybody disagreed.
With `--no-build` the images are the same vanilla images, sealed but without layers, which takes a few minutes and no
virtual machine; what `doit verify --device` does with bytes is then done by its own functions, against the image.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.image.ext4 import seal
from pipeline.image.write import bmap
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from pipeline.verification.medium import read_medium
from tests.long.flash_kinds import (
    BOOT,
    CHECKS,
    ENVIRONMENT,
    KINDS,
    ROOT,
    ROOT_SIZE,
    Kind,
    known_to_this_kernel,
    mounted,
)
from tests.support import disks
from tests.support.media.used_media import attached, flash
from tests.support.uboot import an_environment
from tests.support.workspaces import CHECKOUT, a_workspace, doit, edit

GATEWAY = "gw-north-01"
MORE = 12345 * 512  # the medium is longer than the image


def build(kind: Kind, place: Path) -> Path:
    """A workspace of that kind, built; the gateway's directory."""
    inputs, workspace = place / "inputs", place / "workspace"
    gateway = workspace / "out" / "demo-1.0" / GATEWAY
    if gateway.exists():
        return gateway
    inputs.mkdir(parents=True)
    subprocess.run(["cp", "-a", "--sparse=always", f"{CHECKOUT / '.demo'}/.", str(inputs)], check=True)
    kind.vanilla(inputs / "vanilla.img")
    a_workspace(workspace, inputs)
    edit(workspace / "gateway.toml", 'demo = "esf-5"', "demo = false")  # its inputs are as we have left them
    devices = workspace / "devices.toml"
    devices.write_text(devices.read_text().split("[[gateway]]\n")[0] + "[[gateway]]\n" + _first(devices.read_text()))
    kind.workspace(workspace)
    ran = doit(workspace, "build", timeout=7200)
    if ran.status:
        sys.exit(f"{kind.name}: {ran.text}")
    return gateway


def seal_only(kind: Kind, place: Path) -> Path:
    """The vanilla image of that kind, sealed, with its block map; the directory."""
    place.mkdir(parents=True, exist_ok=True)
    image = place / "image.img"
    if not image.exists():
        subprocess.run(["cp", "--sparse=always", str(CHECKOUT / ".demo/vanilla.img"), str(image)], check=True)
        kind.vanilla(image)
        if kind.raw_environment:  # as the build leaves it: shorter than what any card has there, and padded
            with image.open("r+b") as stream:
                stream.seek(-ENVIRONMENT, os.SEEK_END)
                stream.write(an_environment({"bootdelay": "0"}, size=ENVIRONMENT))
        disk = disk_of(kind, image)
        seal.seal(image, disk, epoch=1_700_000_000)
        (place / "image.bmap").write_bytes(bmap.describe(image, disk).bmap)
    return place


def disk_of(kind: Kind, image: Path) -> Disk:
    """What inspection would say of it."""
    boot = Partition(1, BOOT, ROOT - BOOT, "vfat", mountpoint=GuestPath("/boot"))
    root = Partition(2, ROOT, ROOT_SIZE, kind.root, mountpoint=GuestPath("/"))
    return Disk(image.stat().st_size, "mbr", (boot, root))


def compare_bytes(kind: Kind, directory: Path, medium: Path) -> str:
    """What the verifier's reading of a medium gives, against the image; empty when it is the same."""
    image, copy = directory / "image.img", medium.with_name("copy")
    told = read_medium(medium, disk_of(kind, image), copy)
    same = subprocess.run(["cmp", str(copy), str(image)], capture_output=True, text=True, check=False)
    copy.unlink()
    print(f"      {told}")
    return same.stdout + same.stderr


def _first(inventory: str) -> str:
    return inventory.split("[[gateway]]\n")[1]


def media(place: Path, size: int, older: Path) -> Iterator[tuple[str, Path]]:
    """The used media, one after another, in one file."""
    medium = place / "medium"
    medium.write_bytes(b"\xff" * size)
    yield "0xFF", medium
    with medium.open("wb") as stream:
        for _ in range(0, size, 1 << 20):
            stream.write(os.urandom(1 << 20))
        stream.truncate(size)
    yield "random", medium
    with medium.open("wb") as stream:
        stream.write(older.read_bytes()[:size].ljust(size, b"\xa5"))
    yield "an older image", medium
    medium.unlink()


def ask(kind: Kind, gateway: Path, medium: Path) -> list[str]:
    """What everybody says of a flashed medium; empty when nobody disagrees."""
    wrong: list[str] = []

    def program(name: str, *command: str | Path, ok: tuple[int, ...] = (0,)) -> None:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        if done.returncode not in ok:
            wrong.append(f"{name}: {done.returncode} {(done.stdout + done.stderr).strip()[-400:]}")

    boot = medium.with_suffix(".boot")
    with medium.open("rb") as stream:
        stream.seek(BOOT)
        boot.write_bytes(stream.read(ROOT - BOOT))
    program("fsck.vfat", "fsck.vfat", "-n", boot)
    boot.unlink()
    with attached(medium) as device:
        if (gateway / "manifest.json").exists():
            ran = doit(gateway.parents[2], "verify", "--device", str(device), str(gateway), timeout=3600)
            if ran.status:
                wrong.append(f"doit verify --device: {ran.status} {ran.text[-600:]}")
            else:
                print("      " + " | ".join(line for line in ran.text.splitlines() if "free blocks" in line)[:240])
        elif differs := compare_bytes(kind, gateway, medium):
            wrong.append(f"bytes: {differs}")
    if kind.root == "ext4":
        program("e2fsck", "e2fsck", "-f", "-n", f"{medium}?offset={ROOT}")
    else:
        with _partition(medium) as part:
            program(" ".join(CHECKS[kind.root]), *CHECKS[kind.root], part)
    if kind.raw_environment:
        image_size = (gateway / "image.img").stat().st_size
        config = medium.with_suffix(".config")
        config.write_text(f"{medium} {image_size - ENVIRONMENT:#x} {ENVIRONMENT:#x}\n")
        told = subprocess.run(
            ["fw_printenv", "-c", str(config), "bootdelay"], capture_output=True, text=True, check=False
        )
        if told.stdout != "bootdelay=0\n":
            wrong.append(f"fw_printenv: {told.stdout} {told.stderr}")
    wrong.extend(compare_trees(kind, gateway / "image.img", medium))
    return wrong


def compare_trees(kind: Kind, image: Path, medium: Path) -> Iterator[str]:
    """Every file of the root, as flashed and as built."""
    copy = medium.with_name("image-copy")
    subprocess.run(["cp", "--sparse=always", str(image), str(copy)], check=True)
    if known_to_this_kernel(kind.root):
        with mounted(medium, ROOT) as flashed, mounted(copy, ROOT) as built:
            ran = subprocess.run(
                ["diff", "-r", "--no-dereference", flashed, built], capture_output=True, text=True, check=False
            )
    else:
        archives = [one.with_suffix(".tar") for one in (medium, copy)]
        for one, archive in zip((medium, copy), archives, strict=True):
            mount = f"/dev/sda2:/::{kind.root}"
            disks.run(
                "guestfish", "--ro", "--format=raw", "-a", one, "-m", mount, "tar-out", "/", archive, "xattrs:true"
            )
        ran = subprocess.run(["cmp", *archives], capture_output=True, text=True, check=False)
        if archives[0].stat().st_size < ROOT_SIZE // 8:
            yield f"guestfish: an archive of {archives[0].stat().st_size} bytes is not the whole tree"
        for archive in archives:
            archive.unlink()
    copy.unlink()
    if ran.returncode:
        yield f"the trees: {(ran.stdout + ran.stderr).strip()[-400:]}"


@contextmanager
def _partition(medium: Path) -> Iterator[Path]:
    device = disks.run(
        "losetup", "--show", "--find", "--read-only", "--offset", str(ROOT), "--sizelimit", str(ROOT_SIZE), medium
    )
    try:
        yield Path(device.decode().strip())
    finally:
        disks.run("losetup", "--detach", device.decode().strip())


def main() -> int:
    """Build each, flash it onto each, say what was said."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("place", type=Path)
    parser.add_argument("--only", default="", help="the kind of image")
    parser.add_argument("--no-build", action="store_true", help="sealed vanilla images, no virtual machine")
    given = parser.parse_args()
    failed = 0
    made = doit(CHECKOUT, "demo")  # as today's code makes it: an older golden sample may be refused
    if made.status:
        sys.exit(made.text)
    for kind in KINDS:
        if given.only not in ("", kind.name):
            continue
        place = given.place.resolve() / kind.name.replace(" ", "-")
        gateway = seal_only(kind, place) if given.no_build else build(kind, place)
        image = gateway / "image.img"
        size = image.stat().st_size
        older = older_image(place, size)
        for before, medium in media(place, size + MORE, older):
            flash(image, gateway / "image.bmap", medium)
            wrong = ask(kind, gateway, medium)
            failed += bool(wrong)
            print(f"{kind.name} onto {before}: {'; '.join(wrong) or 'everybody agrees'}", flush=True)
    return int(failed > 0)


def older_image(place: Path, size: int) -> Path:
    """Another system on the same medium: FAT full of files, ext4 with another block size, and an environment."""
    image = place / "older.img"
    if not image.exists():
        boot = disks.fat_image(place / "older.boot", {"/old.bin": b"OLD" * 5_000_000}, size=ROOT - BOOT)
        tree = disks.tree_on_host(place / "older", {f"/old/{number}": os.urandom(700_000) for number in range(400)})
        root = disks.ext_image(place / "older.root", tree, size=ROOT_SIZE, options=("-b", "4096"))
        disks.mbr_disk(image, [(0x0E, boot), (0x83, root)])
        with image.open("ab") as stream:
            stream.write(an_environment({"bootdelay": "7", "old": "y" * 60_000}, size=ENVIRONMENT) * 2)
    return image


if __name__ == "__main__":
    sys.exit(main())
