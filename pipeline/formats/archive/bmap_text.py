"""Writing a block map (bmap-tools, format 2.0) for ranges whose digests are known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

BLOCK = 4096


def block_map(size: int, ranges: Iterable[tuple[int, int, str]]) -> bytes:
    """The map's file.

    Args:
        size: bytes of the image.
        ranges: first block, block after the last one, SHA-256 of the bytes as hex digits; in order.
    """
    known = tuple(ranges)
    mapped = sum(end - first for first, end, _ in known)
    lines = [
        '<?xml version="1.0" ?>',
        '<bmap version="2.0">',
        f"    <ImageSize> {size} </ImageSize>",
        f"    <BlockSize> {BLOCK} </BlockSize>",
        f"    <BlocksCount> {-(-size // BLOCK)} </BlocksCount>",
        f"    <MappedBlocksCount> {mapped} </MappedBlocksCount>",
        "    <ChecksumType> sha256 </ChecksumType>",
        f"    <BmapFileChecksum> {'0' * 64} </BmapFileChecksum>",
        "    <BlockMap>",
        *(
            f'        <Range chksum="{digest}"> {first if end == first + 1 else f"{first}-{end - 1}"} </Range>'
            for first, end, digest in known
        ),
        "    </BlockMap>",
        "</bmap>",
    ]
    text = "\n".join(lines) + "\n"
    # The checksum is over the file with zeros in its place.
    return text.replace("0" * 64, hashlib.sha256(text.encode()).hexdigest(), 1).encode()
