#!/usr/bin/env python3
"""Make a gateway's whole image from a release of deltas: python3 unpack.py GATEWAY [IMAGE].

Runs by itself, with Python 3.8 or later and the program zstd, in the release directory it came with. Every range that a
block map names is compared with its digest, and the finished image with the hash tree's root in the gateway's manifest.
Whose manifest it is, ssh-keygen says:

    ssh-keygen -Y verify -f YOUR_ALLOWED_SIGNERS -I SIGNER -n gateway-image-manifest \\
        -s GATEWAY/manifest.json.sig < GATEWAY/manifest.json
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO, Callable  # noqa: UP035 - Python 3.8

BLOCK = 4096
BASE = "fleet.base"


def main(arguments: list[str]) -> int:
    """Unpack one gateway; says in one line what is wrong."""
    if not 1 <= len(arguments) <= 2 or arguments[0].startswith("-"):
        sys.stderr.write("usage: python3 unpack.py GATEWAY [IMAGE]\n")
        return 2
    release = Path(__file__).resolve().parent
    gateway = release / arguments[0]
    target = Path(arguments[1] if len(arguments) == 2 else f"{arguments[0]}.img")
    growing = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        unpack(release / BASE, gateway, growing)
        growing.replace(target)
    except (OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"{arguments[0]}: {error}\n")
        return 1
    finally:
        if growing.exists():
            growing.unlink()
    sys.stdout.write(f"{target}: unpacked; every range and the whole image are as the manifest says\n")
    return 0


def unpack(base: Path, gateway: Path, target: Path) -> None:
    """Base, then delta, then the hash tree over both."""
    manifest = json.loads((gateway / "manifest.json").read_bytes())
    if manifest["base"] != hashlib.sha256((base / "manifest.json").read_bytes()).hexdigest():
        raise ValueError("its manifest belongs to another base")
    for name, about in manifest["files"].items():
        if hashlib.sha256((gateway / name).read_bytes()).hexdigest() != about["sha256"]:
            raise ValueError(f"{name} is not what its manifest says")
    handle = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w+b") as image:
        image.truncate(manifest["image"]["size"])
        for packed, block_map in (("base.img.zst", "base.bmap"), ("delta.img.zst", "delta.bmap")):
            place = base if packed.startswith("base") else gateway
            copy(place / packed, (place / block_map).read_text("utf-8"), image)
        if root_of(image) != manifest["image"]["root"]:
            raise ValueError("the unpacked image is not the one its manifest speaks of")
        image.flush()
        os.fsync(image.fileno())


def copy(packed: Path, text: str, image: BinaryIO) -> None:
    """Write the ranges of a block map, each compared with its digest."""
    stream, finish = unpacked(packed)
    place = 0
    for digest, first, last in re.findall(r'<Range chksum="([0-9a-f]{64})"> (\d+)(?:-(\d+))? </Range>', text):
        start, end = int(first) * BLOCK, (int(last or first) + 1) * BLOCK
        place += skip(stream, start - place)
        seen = hashlib.sha256()
        image.seek(start)
        while place < end:
            piece = stream.read(min(1 << 20, end - place))
            if not piece:
                break
            seen.update(piece)
            image.write(piece)
            place += len(piece)
        if seen.hexdigest() != digest:
            raise ValueError(f"{packed.name}: the bytes at {start} are not what its block map says")
    finish()


def skip(stream: BinaryIO, length: int) -> int:
    """Read and forget."""
    left = length
    while left > 0:
        piece = stream.read(min(1 << 20, left))
        if not piece:
            break
        left -= len(piece)
    return length


def unpacked(packed: Path) -> tuple[BinaryIO, Callable[[], object]]:
    """A stream of a file's unpacked bytes, and how to close it."""
    try:
        from compression import zstd  # noqa: PLC0415 - Python 3.14 and later

        stream = zstd.open(packed, "rb")
        return stream, stream.close
    except ImportError:
        pass
    try:
        process: Any = subprocess.Popen(["zstd", "-dcq", "--", str(packed)], stdout=subprocess.PIPE)  # noqa: S603, S607
    except FileNotFoundError:
        raise ValueError("zstd: not installed; apt-get install zstd, or use Python 3.14") from None

    stream = process.stdout

    def finish() -> None:
        stream.close()
        process.wait()

    return stream, finish


def root_of(image: BinaryIO) -> str:
    """The root of the hash tree: SHA-256, blocks of 4096 bytes, no salt (dm-verity, veritysetup --salt=-)."""
    image.seek(0)
    zero = hashlib.sha256(bytes(BLOCK)).digest()
    level: list[bytes] = []
    while True:
        piece = image.read(1 << 20)
        if not piece:
            break
        for at in range(0, len(piece), BLOCK):
            block = piece[at : at + BLOCK]
            block += bytes(BLOCK - len(block))
            level.append(zero if not any(block) else hashlib.sha256(block).digest())
    while True:
        joined = b"".join(level)
        joined += bytes(-len(joined) % BLOCK)
        if len(joined) == BLOCK:
            return hashlib.sha256(joined).hexdigest()
        level = [hashlib.sha256(joined[at : at + BLOCK]).digest() for at in range(0, len(joined), BLOCK)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
