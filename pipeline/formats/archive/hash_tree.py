"""A hash tree over an image in dm-verity's format, so that a digest follows changes instead of taking a whole pass.

SHA-256, blocks of 4096 bytes for data and for the tree, format 1, no salt: what ``veritysetup format --salt=-`` makes.
The digest of a block is that of its bytes; digests are packed 128 to a block of the next level, the last one filled up
with zeros, until one block is left, whose digest is the root (Documentation/admin-guide/device-mapper/verity.rst). An
image that ends within a block counts as filled up with zeros.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

BLOCK = 4096
_DIGEST = 32
_PER_BLOCK = BLOCK // _DIGEST
_ZERO_BLOCK = hashlib.sha256(bytes(BLOCK)).digest()


class HashTree:
    """The digests of all blocks of an image, and those above them; the root tells the image."""

    def __init__(self, leaves: Iterable[bytes]) -> None:
        """Build the levels.

        Args:
            leaves: SHA-256 of each block of the image in order, raw; at least two.
        """
        level = bytearray().join(leaves)
        if len(level) < 2 * _DIGEST:
            raise ValueError("a hash tree is over two blocks at least")
        self._levels: list[bytes] = []
        while True:
            level += bytes(-len(level) % BLOCK)
            self._levels.append(bytes(level))
            if len(level) == BLOCK:
                break
            level = bytearray().join(
                hashlib.sha256(level[place : place + BLOCK]).digest() for place in range(0, len(level), BLOCK)
            )

    @classmethod
    def load(cls, leaves: bytes) -> HashTree:
        """The tree of leaves as `leaves` gives them."""
        return cls([leaves])

    @property
    def leaves(self) -> bytes:
        """The digests of the blocks, one after the other, filled up to a whole block."""
        return self._levels[0]

    @property
    def root(self) -> str:
        """Hex digits."""
        return hashlib.sha256(self._levels[-1]).hexdigest()

    def root_with(self, blocks: Mapping[int, bytes]) -> str:
        """The root of the image in which these blocks are replaced: costs the changed leaves times the depth."""
        changed = {number: digest_of(block) for number, block in blocks.items()}
        for level in self._levels:
            above: dict[int, bytearray] = {}
            for number, digest in changed.items():
                group, place = divmod(number, _PER_BLOCK)
                if group not in above:
                    above[group] = bytearray(level[group * BLOCK : (group + 1) * BLOCK])
                above[group][place * _DIGEST : (place + 1) * _DIGEST] = digest
            changed = {group: hashlib.sha256(block).digest() for group, block in above.items()}
        return changed[0].hex() if changed else self.root


def digest_of(block: bytes) -> bytes:
    """The leaf of one block, which may be short at the image's end."""
    return hashlib.sha256(block + bytes(BLOCK - len(block))).digest() if len(block) < BLOCK else _leaf(block)


def _leaf(block: bytes) -> bytes:
    return hashlib.sha256(block).digest()


def zero_leaves(count: int) -> bytes:
    """The leaves of blocks that are all zeros."""
    return _ZERO_BLOCK * count
