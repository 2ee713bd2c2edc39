"""Whole images from base and deltas, for whoever wants one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.image.containers import prepare

BLOCK = 4096


def materialise(base: Path, blocks: Mapping[int, bytes], target: Path) -> None:
    """Write a whole image; it has its name when it is complete.

    Raises:
        PipelineError: the disk is full.
    """
    growing = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        prepare.copy_sparse(base, growing)
        with growing.open("r+b") as stream:
            for number, block in blocks.items():
                os.pwrite(stream.fileno(), block, number * BLOCK)
            os.fsync(stream.fileno())
        growing.replace(target)
    except OSError as error:
        raise PipelineError(f"{target}: cannot be written: {error.strerror}", "free some space") from None
    finally:
        growing.unlink(missing_ok=True)
