"""The hash tree over an image file."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.formats.archive.hash_tree import BLOCK, HashTree, digest_of, zero_leaves
from pipeline.image.containers.sparse import pieces


def hash_tree_of(image: Path) -> HashTree:
    """One pass; holes are not read."""
    leaves: list[bytes] = []
    pending = b""
    with image.open("rb") as stream:
        for piece, hole in pieces(stream.fileno(), 0, os.fstat(stream.fileno()).st_size):
            if hole and not pending and len(piece) % BLOCK == 0:
                leaves.append(zero_leaves(len(piece) // BLOCK))
                continue
            pending += piece
            whole = len(pending) - len(pending) % BLOCK
            leaves += [digest_of(pending[place : place + BLOCK]) for place in range(0, whole, BLOCK)]
            pending = pending[whole:]
    if pending:
        leaves.append(digest_of(pending))
    return HashTree(leaves)
