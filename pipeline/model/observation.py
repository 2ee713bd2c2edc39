"""What a fresh, read-only look at a finished image found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.model.disk import Disk
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Tree


@dataclass(frozen=True)
class Observation:
    """An image as libguestfs shows it.

    Attributes:
        tree: every path with its metadata; ``sha256`` where content was asked for.
        files: content of the few files that were asked for in full.
        clean: whether the file systems are consistent and need no journal replay (else: booted or broken since).
    """

    disk: Disk
    tree: Tree = field(repr=False)
    files: Mapping[GuestPath, bytes] = field(repr=False)
    clean: bool = True
