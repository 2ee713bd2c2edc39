"""Files out of finished images, read by e2fsprogs and mtools: neither of them has written through libguestfs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path


def _partition(image: Path, mountpoint: str) -> dict[str, object]:
    manifest = json.loads((image.parent / "manifest.json").read_bytes())
    return next(part for part in manifest["disk"]["partitions"] if part.get("mountpoint") == mountpoint)


def root_of(image: Path) -> str:
    """The root file system as e2fsprogs wants it named."""
    return f"{image}?offset={_partition(image, '/')['start']}"


def read_file(image: Path, path: str) -> bytes:
    """A file's content; the path must not go through links."""
    done = subprocess.run(["/usr/sbin/debugfs", "-R", f'cat "{path}"', root_of(image)], capture_output=True, check=True)
    assert b"not found" not in done.stderr, done.stderr
    return done.stdout


def extract(image: Path, path: str, directory: Path) -> Path:
    """A file of the image as a file of the host."""
    target = directory / Path(path).name
    target.write_bytes(read_file(image, path))
    return target


def extract_tree(image: Path, path: str, directory: Path) -> Path:
    """A directory of the image with all below it, owned by whoever runs the test."""
    done = subprocess.run(
        ["/usr/sbin/debugfs", "-R", f'rdump "{path}" "{directory}"', root_of(image)], capture_output=True, check=True
    )
    assert b"not found" not in done.stderr, done.stderr
    return directory / Path(path).name


def boot_file(image: Path, name: str) -> bytes:
    """A file of the FAT boot partition."""
    start = _partition(image, "/boot")["start"]
    done = subprocess.run(
        ["/usr/bin/mcopy", "-i", f"{image}@@{start}", f"::{name}", "-"], capture_output=True, check=True
    )
    return done.stdout


def check_filesystem(image: Path) -> subprocess.CompletedProcess[bytes]:
    """e2fsck without writing; status 0 is clean."""
    return subprocess.run(["/usr/sbin/e2fsck", "-fn", root_of(image)], capture_output=True, check=False)
