"""Media that were used before: what bmaptool leaves out keeps its old bytes, which a new file of zeros would hide."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import disks

MIB = 1 << 20


def loop_devices_work() -> bool:
    """Whether this user may attach a loop device: bmaptool truncates a regular file, so only a device will do."""
    found = subprocess.run(["losetup", "--find"], capture_output=True, check=False)
    return found.returncode == 0 and Path(found.stdout.decode().strip()).is_block_device()


@contextmanager
def attached(medium: Path) -> Iterator[Path]:
    """A file as a block device, which keeps what is not written to."""
    device = Path(disks.run("losetup", "--show", "--find", medium).decode().strip())
    try:
        yield device
    finally:
        disks.run("losetup", "--detach", device)


def flash(image: Path, block_map: Path, medium: Path) -> None:
    """The real bmaptool onto a medium as it is."""
    with attached(medium) as device:
        disks.run("bmaptool", "copy", "--bmap", block_map, image, device)
