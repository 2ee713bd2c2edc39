"""Whether an image was started or mounted since it was built: then it rightly differs, and people should know why."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path

from pipeline.model.disk import Disk
from pipeline.model.manifest import Manifest
from pipeline.model.tree import Kind, Tree
from pipeline.model.verdict import Finding

# Offsets in the superblock of ext2, 3 and 4, which lies 1024 bytes into its partition (Linux: fs/ext4/ext4.h).
_SUPERBLOCK, _MOUNTED, _COUNT, _MAGIC, _RECOVER = 1024, 0x2C, 0x34, 0x38, 0x60
_NEEDS_RECOVERY = 0x4
# What a running system leaves behind.
_TRACES = re.compile(
    r"/var/log/(wtmp|lastlog|dmesg|journal/.+)|/var/lib/(systemd|urandom|misc)/random-seed|/var/lib/systemd/timers/.+"
    r"|.*/data/store\.save|.*/snapshots/snapshot_[1-9][0-9]*\.xml"
)
_MOST_NAMED = 5


def booted_since(manifest: Manifest, tree: Tree, image: Path) -> Iterator[Finding]:
    """One finding with every sign of it, or none: the build leaves file systems as never mounted."""
    signs = [*_mounts(manifest.disk, manifest.epoch, image), *_traces(manifest, tree)]
    if signs:
        yield Finding("image", "booted", "as built", f"has been booted or mounted since: {'; '.join(signs)}")


def _mounts(disk: Disk, epoch: int, image: Path) -> Iterator[str]:
    handle = os.open(image, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for part in disk.partitions:
            block = os.pread(handle, 1024, part.start + _SUPERBLOCK)
            if (
                part.filesystem not in ("ext2", "ext3", "ext4")
                or len(block) < 1024
                or block[_MAGIC:][:2] != b"\x53\xef"
            ):
                continue
            mounted, _, count = struct.unpack_from("<IIH", block, _MOUNTED)
            (features,) = struct.unpack_from("<I", block, _RECOVER)
            if mounted not in (0, epoch):
                yield f"partition {part.number} was last mounted {mounted - epoch} s after the release's time"
            elif count:
                yield f"partition {part.number} counts {count} mount{'s' if count > 1 else ''}"
            if features & _NEEDS_RECOVERY:
                yield f"partition {part.number} has a journal that waits for replay"
    finally:
        os.close(handle)


def _traces(manifest: Manifest, tree: Tree) -> Iterator[str]:
    found = [
        path
        for path, node in sorted(tree.nodes.items())
        if node.kind is Kind.FILE
        and node.size
        and _TRACES.fullmatch(path)
        and ((built := manifest.tree.get(path)) is None or built.size != node.size)
    ]
    if found:
        more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
        yield f"a running system wrote {', '.join(found[:_MOST_NAMED])}{more}"
