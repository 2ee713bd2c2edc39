"""Asks readers in processes of their own what they see of an image; a reader that dies or hangs is a failed look."""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pipeline
from pipeline.errors import PipelineError
from pipeline.host import tools
from pipeline.image.witness.found import Found
from pipeline.image.witness.worker import READERS, receive, send
from pipeline.model.disk import Partition

NAMES = {"sleuthkit": "The Sleuth Kit", "libfsext": "libfsext"}
_PATIENCE = 300.0  # seconds for one image; a quiet machine needs a twentieth of one
_START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); import runpy; "
    "runpy.run_module('pipeline.image.witness.worker', run_name='__main__', alter_sys=False)"
)


@dataclass(frozen=True)
class Seen:
    """One image as one reader sees it, told as what differs from the base.

    Attributes:
        changed: what is at a path that is new or other than in the base.
        gone: paths of the base that are not there.
        digests: SHA-256 of the files that were asked for.
        contents: of the files that were asked for.
    """

    changed: Mapping[str, Found]
    gone: frozenset[str]
    digests: Mapping[str, str]
    contents: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True)
class SeenBase:
    """The base as one reader sees it.

    Attributes:
        owners: byte ranges of the image that hold a file's content; empty from a reader that cannot tell.
    """

    paths: Mapping[str, Found]
    owners: Mapping[str, Sequence[tuple[int, int]]] = field(repr=False)
    digests: Mapping[str, str] = field(repr=False)
    contents: Mapping[str, bytes] = field(repr=False)


class Witness:
    """One reader, started on first use and again after it failed; use as a context manager."""

    def __init__(self, reader: str, base: Path, partitions: Sequence[Partition]) -> None:
        """Name what is read.

        Args:
            reader: one of `NAMES`.
            partitions: the mounted ext partitions, in the order they are mounted.
        """
        if reader not in READERS:
            raise ValueError(f"no such reader: {reader}")
        self.reader, self._base = reader, base
        self._partitions = [
            {"start": part.start, "size": part.size, "mountpoint": str(part.mountpoint)} for part in partitions
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def base(self, *, digest: Sequence[str] = (), read: Collection[str] = ()) -> SeenBase:
        """Read the base itself.

        Args:
            digest: paths of files; ``["*"]`` for all.

        Raises:
            PipelineError: it cannot be read by this reader.
        """
        self.close()
        answer = self._start(list(digest), sorted(read))
        return SeenBase(
            {path: _found(one) for path, one in answer["paths"].items()},
            {path: [(start, length) for start, length in spans] for path, spans in answer["owners"].items()},
            answer["digests"],
            {path: base64.b64decode(text) for path, text in answer["contents"].items()},
        )

    def gateway(self, blocks: Mapping[int, bytes], *, digest: Collection[str] = (), read: Collection[str] = ()) -> Seen:
        """Read the base with some blocks replaced.

        Raises:
            PipelineError: it cannot be read by this reader.
        """
        if self._channel is None:
            self._start([], [])
        numbers = sorted(blocks)
        # A short last block is filled up; nothing of a file system lies there.
        payload = b"".join(blocks[number].ljust(4096, b"\0") for number in numbers)
        request = {"blocks": numbers, "digest": sorted(digest), "read": sorted(read)}
        answer = self._ask(request, payload)
        return Seen(
            {path: _found(one) for path, one in answer["changed"].items()},
            frozenset(answer["gone"]),
            answer["digests"],
            {path: base64.b64decode(text) for path, text in answer["contents"].items()},
        )

    def close(self) -> None:
        """End the process, if there is one."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _start(self, digest: list[str], read: list[str]) -> dict[str, Any]:
        ours, theirs = socket.socketpair()
        root = str(Path(pipeline.__file__).parents[1])
        try:
            with self._base.open("rb") as image:
                self._process = subprocess.Popen(  # noqa: S603 - our own program, closed environment
                    [sys.executable, "-I", "-c", _START, root, self.reader],
                    stdin=image,
                    stdout=theirs.fileno(),
                    stderr=subprocess.DEVNULL,
                    env=tools.closed_environment(),
                )
        except OSError as error:
            ours.close()
            raise PipelineError(f"{self._base}: cannot be read: {error.strerror}", "check the path") from None
        finally:
            theirs.close()
        self._channel = ours
        return self._ask({"partitions": self._partitions, "digest": digest, "read": read}, b"")

    def _ask(self, request: Mapping[str, object], payload: bytes) -> dict[str, Any]:
        channel = self._channel
        if channel is None:
            raise AssertionError("a reader is started before it is asked")
        answer = None
        try:
            channel.settimeout(_PATIENCE)
            send(channel, request, payload)
            message = receive(channel)
            answer = message[0] if message is not None else None
        except (OSError, ValueError):
            with suppress(OSError):
                channel.close()
        if answer is None:
            self.close()
            raise self._failed("it died or hung over it")
        if "failed" in answer:
            self.close()
            raise self._failed(str(answer["failed"]).encode("ascii", "backslashreplace").decode())
        return answer

    def _failed(self, why: str) -> PipelineError:
        return PipelineError(
            f"{NAMES[self.reader]} cannot read this image: {why}",
            'build it again; if it stays, use form = "images", whose images the kernel reads, and report it',
        )


def _found(one: Sequence[Any]) -> Found:
    kind, mode, uid, gid, size, target, device, xattrs, inode = one
    pairs = None if xattrs is None else tuple((str(name), str(value)) for name, value in xattrs)
    return Found(kind, mode, uid, gid, size, target, device, pairs, inode)
