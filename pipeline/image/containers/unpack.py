"""Decompresses what vendors ship images in, as a stream."""

from __future__ import annotations

import bz2
import gzip
import lzma
import subprocess
import zlib
from collections.abc import Callable, Generator
from pathlib import Path

from pipeline.host import tools
from pipeline.image.containers.sniff import Container
from pipeline.image.containers.sparse import PIECE

KINDS = frozenset({Container.GZIP, Container.XZ, Container.ZSTD, Container.BZIP2})


class DamagedError(ValueError):
    """The compressed data is cut off or is not what it says."""


def pieces(source: Path, container: Container) -> Generator[bytes, None, None]:
    """The unpacked content of a compressed file, piece by piece; `DamagedError` when the data is bad."""
    if container is Container.ZSTD:
        yield from _zstd(source)
        return
    openers: dict[Container, Callable[[Path], gzip.GzipFile | lzma.LZMAFile | bz2.BZ2File]] = {
        Container.GZIP: gzip.GzipFile,
        Container.XZ: lzma.LZMAFile,
        Container.BZIP2: bz2.BZ2File,
    }
    with openers[container](source) as stream:
        while piece := _read(stream):
            yield piece


def _read(stream: gzip.GzipFile | lzma.LZMAFile | bz2.BZ2File) -> bytes:
    try:
        return stream.read(PIECE)
    except (EOFError, lzma.LZMAError, zlib.error, ValueError) as error:
        raise DamagedError(str(error)) from None
    except OSError as error:
        # gzip and bz2 report bad data as an OSError without a number.
        if error.errno is None:
            raise DamagedError(str(error)) from None
        raise


def _zstd(source: Path) -> Generator[bytes, None, None]:
    """Through the zstd program: Python 3.11 has no module for it."""
    program = tools.require("zstd", reason="decompress the vanilla image")
    with (
        source.open("rb") as packed,
        subprocess.Popen(  # noqa: S603 - fixed arguments, the file comes on standard input
            # --long=31 accepts every window zstd can make; --memory bounds what a hostile header can ask for.
            [str(program), "-dcq", "--long=31", "--memory=2048MB"],
            stdin=packed,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=tools.closed_environment(),
        ) as process,
    ):
        if process.stdout is None:
            raise AssertionError("it is a pipe")
        try:
            while piece := process.stdout.read(PIECE):
                yield piece
        except BaseException:
            process.kill()
            raise
        if process.wait() != 0:
            raise DamagedError("zstd refuses it")
