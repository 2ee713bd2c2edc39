"""What bytes of a FAT file system belong to, by mtools: files and directories, the allocation table, or nothing."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.host import tools
from pipeline.image.fat.fat import data_area
from pipeline.model.disk import Partition

FAT = frozenset({"vfat", "fat", "msdos"})
_REASON = "find out whose a block is"
_MOST = 500  # names in one call


def holders_of(image: Path, partition: Partition, offset: int, length: int) -> tuple[str, ...]:
    """The paths inside the file system of the files and directories that have one of these bytes.

    Args:
        offset: in the partition.

    Raises:
        PipelineError: no FAT file system, or mtools are missing.
    """
    start, cluster = data_area(image, partition)
    wanted = range((offset - start) // cluster + 2, (offset + length - 1 - start) // cluster + 3)
    place = f"{image}@@{partition.start}"
    listed = tools.run("mdir", "-/", "-b", "-i", place, "::", reason=_REASON).text.splitlines()
    names = [name.rstrip("/") for name in listed if name.startswith("::/")]
    found: dict[str, None] = {}
    for begin in range(0, len(names), _MOST):
        told = tools.run("mshowfat", "-i", place, *names[begin : begin + _MOST], reason=_REASON).text
        for line in told.splitlines():
            name, _, chains = line.partition(" <")
            for first, last in re.findall(r"(\d+)(?:-(\d+))?", chains):
                if wanted.start <= int(last or first) and int(first) < wanted.stop:
                    found[name.removeprefix("::")] = None
    return tuple(found)


def is_data(image: Path, partition: Partition, offset: int) -> bool:
    """Whether a byte lies where files lie, and not in the boot sector, an allocation table or the root directory."""
    return offset >= data_area(image, partition)[0]
