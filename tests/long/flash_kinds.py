"""The images that `tests.long.flash_media` flashes: what each makes of the demonstration's vanilla image and workspace.

A root of another file system holds the same files. This machine's kernel copies them, or, where it does not know the
file system (f2fs is often missing), the appliance's, through guestfish.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import disks
from tests.support.uboot import an_environment
from tests.support.workspaces import edit

ENVIRONMENT = 0x20000
BOOT, ROOT = 1 << 20, 67584 * 512  # of the demonstration's disk
ROOT_SIZE = 980992 * 512
_ZEROS = 20  # files with zeros inside
_WHOLE = ("--numeric-owner", "--xattrs", "--xattrs-include=*")

CHECKS = {
    "btrfs": ("btrfs", "check", "--check-data-csum"),
    "xfs": ("xfs_repair", "-n"),
    "f2fs": ("fsck.f2fs", "--dry-run"),
}
"""The file system's own program that looks at it and changes nothing; the device is added."""


@dataclass(frozen=True)
class Kind:
    """One image: what is done to the demonstration's vanilla image and workspace before it is built."""

    name: str
    vanilla: Callable[[Path], None]
    workspace: Callable[[Path], None] = lambda _: None
    root: str = "ext4"
    raw_environment: bool = False


@contextmanager
def mounted(image: Path, offset: int, *, options: str = "loop,ro") -> Iterator[Path]:
    """A file system of an image, mounted by this machine's kernel."""
    place = image.with_name(f"{image.name}.mounted")
    place.mkdir(exist_ok=True)
    bounds = f",offset={offset},sizelimit={ROOT_SIZE}" if offset else ""
    disks.run("mount", "-o", f"{options}{bounds}", image, place)
    try:
        yield place
    finally:
        disks.run("umount", place)
        place.rmdir()


def known_to_this_kernel(filesystem: str) -> bool:
    """Whether a file system can be mounted without an appliance."""
    return f"\t{filesystem}\n" in Path("/proc/filesystems").read_text()


def _as_it_is(_: Path) -> None:
    """The demonstration's own image."""


def _with_raw_environment(image: Path) -> None:
    """A U-Boot environment in the last 128 KiB, longer than what the build leaves in it."""
    content = an_environment({"bootdelay": "5", "bootcmd": "run demo", "old": "x" * 9000}, size=ENVIRONMENT)
    with image.open("ab") as stream:
        stream.write(content)


def _says_where(workspace: Path) -> None:
    edit(workspace / "gateway.toml", "[bootloader]\n", f"[bootloader]\noffset = -{ENVIRONMENT}\nsize = {ENVIRONMENT}\n")


def _with_root(filesystem: str, *make: str, zeros: int = 0) -> Callable[[Path], None]:
    """The same files on another file system, and some more with zeros inside."""

    def exchange(image: Path) -> None:
        old, new = image.with_suffix(".old"), image.with_suffix(".new")
        with image.open("rb") as stream, old.open("wb") as part:
            stream.seek(ROOT)
            part.write(stream.read(ROOT_SIZE))
        with new.open("wb") as part:
            part.truncate(ROOT_SIZE)
        disks.run(f"mkfs.{filesystem}", *make, new)
        tree = image.with_suffix(".tar")
        with mounted(old, 0, options="loop") as place:
            table = place / "etc/fstab"
            table.write_text(table.read_text().replace("ext4", filesystem))
            for number in range(zeros):
                (place / f"usr/share/zeros-{number}").write_bytes(b"begin" + bytes(100_000 * number) + b"end")
            disks.run("tar", "-C", place, *_WHOLE, "-cf", tree, ".")
        if known_to_this_kernel(filesystem):
            with mounted(new, 0, options="loop") as place:
                disks.run("tar", "-C", place, *_WHOLE, "-xpf", tree)
        else:
            disks.run(
                "guestfish",
                "--format=raw",
                "-a",
                new,
                "-m",
                f"/dev/sda:/::{filesystem}",
                "tar-in",
                tree,
                "/",
                "xattrs:true",
            )
        with image.open("r+b") as stream:
            stream.seek(ROOT)
            stream.write(new.read_bytes())
        for leftover in (old, new, tree):
            leftover.unlink()

    return exchange


KINDS = (
    Kind("ext4 and FAT", _as_it_is),
    Kind("raw environment", _with_raw_environment, _says_where, raw_environment=True),
    Kind("btrfs", _with_root("btrfs", "-q"), root="btrfs"),
    Kind("zeros in files", _with_root("ext4", "-q", "-b", "1024", zeros=_ZEROS)),
    Kind("xfs", _with_root("xfs", "-q"), root="xfs"),
    Kind("f2fs", _with_root("f2fs", "-q"), root="f2fs"),
)
