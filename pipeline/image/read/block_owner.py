"""What a block of an image belongs to: a file, the file system itself, nothing, or space outside all partitions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.host import tools
from pipeline.image.ext4.tools import EXT
from pipeline.image.fat.owner import FAT, holders_of, is_data
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath

BLOCK = 4096  # bytes; the block map counts in these too
_REASON = "find out whose a block is"
_RESERVED = 11  # inodes below are the file system's own: bad blocks, root, journal (linux/fs/ext4/ext4.h)
_ROOT = 2


@dataclass(frozen=True)
class Owner:
    """What lies in a block: words for people, and the path where it is a file's or a directory's."""

    text: str
    path: GuestPath | None = None


def owners_of(image: Path, disk: Disk, block: int) -> tuple[Owner, ...]:
    """Ask the file system the block lies in; one with smaller blocks has several in it.

    Raises:
        PipelineError: the image has no such block, or debugfs fails.
    """
    offset = block * BLOCK
    if not 0 <= offset < disk.size:
        raise PipelineError(f"block {block}: the image has blocks 0 to {disk.size // BLOCK - 1}", "count in 4096 bytes")
    for part in disk.partitions:
        if not part.start <= offset < part.start + part.size:
            continue
        where = f"partition {part.number} ({part.mountpoint or part.filesystem})"
        if part.filesystem in FAT and part.mountpoint is not None:
            return _in_fat(image, part, part.mountpoint, offset - part.start, where)
        if part.filesystem not in EXT or part.mountpoint is None:
            return (Owner(f"{where}, {part.filesystem}: byte {offset - part.start} of it"),)
        return _in_ext(f"{image}?offset={part.start}", part.mountpoint, offset - part.start, where)
    return (Owner(f"outside all partitions: {_outside(disk, offset)}"),)


def _outside(disk: Disk, offset: int) -> str:
    """What usually lies there, and between which partitions it is."""
    if offset == 0:
        return f"boot sector and partition table ({disk.table})"
    before = [part for part in disk.partitions if part.start + part.size <= offset]
    if disk.partitions and not before:
        return "before the first partition, where boot loaders lie" + (
            " and GPT its table" if disk.table == "gpt" else ""
        )
    after = [part for part in disk.partitions if part.start > offset]
    if not after:
        return "behind the last partition" + (", where GPT keeps its second table" if disk.table == "gpt" else "")
    return f"the gap behind partition {max(before, key=lambda part: part.start).number}"


def _in_fat(image: Path, part: Partition, mountpoint: GuestPath, offset: int, where: str) -> tuple[Owner, ...]:
    """Clusters may be smaller than a block: then several files have a part of it."""
    if not is_data(image, part, offset + BLOCK - 1):
        return (Owner(f"{where}: metadata of the file system"),)
    names = holders_of(image, part, offset, BLOCK)
    paths = [GuestPath(f"{'' if mountpoint == '/' else mountpoint}{name}") for name in names]
    return tuple(Owner(f"{where}: content of {path}", path) for path in paths) or (Owner(f"{where}: free space"),)


def _in_ext(device: str, mountpoint: GuestPath, offset: int, where: str) -> tuple[Owner, ...]:
    found = re.search(r"Block size:\s+(\d+)", _debugfs("stats -h", device))
    if found is None:
        raise PipelineError(f"{where}: its superblock cannot be read", "doit verify says what is wrong with the image")
    size = int(found[1])
    numbers = range(offset // size, (offset + BLOCK - 1) // size + 1)
    return tuple(dict.fromkeys(_of_block(device, mountpoint, number, where) for number in numbers))


def _of_block(device: str, mountpoint: GuestPath, number: int, where: str) -> Owner:
    found = re.search(rf"^{number}\s+(\d+)\s*$", _debugfs(f"icheck {number}", device), re.MULTILINE)
    if found is None:
        used = "marked in use" in _debugfs(f"testb {number}", device)
        return Owner(f"{where}: {'metadata of the file system' if used else 'free space'}")
    inode = int(found[1])
    if inode == _ROOT:
        return Owner(f"{where}: names in {mountpoint}", mountpoint)
    if inode < _RESERVED:
        return Owner(f"{where}: {'the journal' if inode == 8 else f'metadata of the file system, inode {inode}'}")
    name = re.search(rf"^{inode}\s+(/.*)$", _debugfs(f"ncheck {inode}", device), re.MULTILINE)
    if name is None:
        return Owner(f"{where}: inode {inode}, which has no name")
    path = GuestPath(f"{'' if mountpoint == '/' else mountpoint}/{name[1].lstrip('/')}")
    return Owner(f"{where}: content of {path}", path)


def _debugfs(request: str, device: str) -> str:
    return tools.run("debugfs", "-R", request, device, reason=_REASON).text
