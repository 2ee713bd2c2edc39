"""The e2fsprogs programs on a partition inside an image: no mount, no loop device, no root, no clock."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.host import tools
from pipeline.model.disk import Partition

EXT = frozenset({"ext2", "ext3", "ext4"})


def place_of(raw: Path, partition: Partition) -> str:
    """How e2fsprogs are told of a file system inside an image."""
    if "?" in str(raw):
        raise PipelineError(f"{raw}: e2fsprogs cannot open paths with a question mark", "rename the directory")
    return f"{raw}?offset={partition.start}"


def environment(epoch: int) -> dict[str, str]:
    """Variables that make e2fsprogs repeat: the only clock they honour, and no pager or configuration of the host's."""
    return {
        "E2FSPROGS_FAKE_TIME": str(epoch),
        "DEBUGFS_PAGER": "cat",
        "MKE2FS_CONFIG": "/nonexistent",
        "E2FSCK_CONFIG": "/nonexistent",
    }


def tune(raw: Path, partition: Partition, *options: str, epoch: int) -> bool:
    """Change features with ``tune2fs``; whether it did all of it.

    It ends with 0 also when it passed over a directory that has no room left for its checksum, and asks for e2fsck.
    """
    done = tools.run(
        "tune2fs",
        *(*options, place_of(raw, partition)),
        reason=f"seal the ext file system of partition {partition.number}",
        env=environment(epoch),
    )
    return "run e2fsck" not in f"{done.text}{done.complaints}"


def repair(raw: Path, partition: Partition, *, pack: bool = True) -> None:
    """Replay, check and settle a file system, as tune2fs demands before it changes features.

    Without the fixed clock: a last check before the last mount would count as a fault. `set_times` brings it back.

    Args:
        pack: directories too, each block with room for its checksum; tune2fs brings checksums back only where there
            is room.
    """
    tools.run(
        "e2fsck",
        # Extent trees stay as they are: a file system keeps its geometry.
        *("-f", "-y", *(("-D",) if pack else ()), "-E", "no_optimize_extents", place_of(raw, partition)),
        reason=f"check the ext file system of partition {partition.number}",
        ok=(0, 1),
    )


def set_times(raw: Path, partition: Partition, *, epoch: int) -> None:
    """Bring the superblock's times back to the epoch: e2fsck writes those of the clock."""
    debugfs(
        raw,
        partition,
        Path("-"),
        stdin="".join(f"ssv {name} @{epoch}\n" for name in ("lastcheck", "mtime", "wtime")).encode(),
        epoch=epoch,
        reason=f"set the times of partition {partition.number}",
    )


def require_clean(raw: Path, partition: Partition, *, epoch: int, after: str) -> None:
    """Refuse a file system that ``e2fsck -fn`` finds the slightest fault with."""
    done = tools.run(
        "e2fsck",
        *("-f", "-n", place_of(raw, partition)),
        reason=f"check the ext file system of partition {partition.number}",
        ok=tuple(range(256)),
        env=environment(epoch),
    )
    if done.status != 0:
        faults = [line for line in done.text.splitlines() if line and not line.startswith(("Pass ", "e2fsck "))]
        raise PipelineError(
            f"partition {partition.number}: e2fsck finds faults after {after}: {' | '.join(faults[:4])}",
            "this is a fault of the pipeline or of the machine; keep the vanilla image and report it",
        )


def debugfs(raw: Path, partition: Partition, script: Path, *, epoch: int, reason: str, stdin: bytes = b"") -> None:
    """Run a script of debugfs commands that write.

    Args:
        script: a file, or ``-`` for what is given as `stdin`.

    Raises:
        PipelineError: a command failed. debugfs ends with 0 even then; whatever it says on standard error counts.
    """
    done = tools.run(
        "debugfs",
        *("-w", "-f", script, place_of(raw, partition)),
        reason=reason,
        stdin=stdin,
        env=environment(epoch),
    )
    complaints = [line for line in done.complaints.splitlines() if line and not line.startswith("debugfs 1.")]
    if complaints:
        raise PipelineError(
            f"debugfs: failed to {reason}: {' | '.join(complaints[:3])}",
            "free some space in the image's file system if it is full; otherwise report it",
        )
