"""Digests of files on the build machine, remembered while the file system says that the file is the same."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Collection
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.formats import canonical_json
from pipeline.host.durable import sync_directory

_PIECE = 4 << 20
# A change within the clock tick of the previous look leaves all times as they were: such looks are not remembered.
_SETTLED_NS = 2_000_000_000


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, hex digits."""
    try:
        kind = path.stat().st_mode
        if not stat.S_ISREG(kind) and not stat.S_ISBLK(kind):  # a pipe would wait for ever, /dev/zero never end
            raise PipelineError(f"{path}: not a file", "check the path")
        with path.open("rb") as stream:
            digest = hashlib.sha256()
            while piece := stream.read(_PIECE):
                digest.update(piece)
    except OSError as error:
        raise PipelineError(f"{path}: cannot be read: {error.strerror}", "check the path and its permissions") from None
    return digest.hexdigest()


def identity_of(path: Path) -> str:
    """What changes whenever a file's content changes: device, inode, size, mtime and ctime.

    mtime alone can be set back by tools that keep times (tar -p, rsync -t, git-restore-mtime); ctime cannot.
    """
    about = path.stat()
    return f"{about.st_dev}:{about.st_ino}:{about.st_size}:{about.st_mtime_ns}:{about.st_ctime_ns}"


class DigestCache:
    """Digests of large files by their identity, kept in one JSON file.

    It holds digests of public inputs and of results only; secret inputs are never given to it.
    """

    def __init__(self, file: Path) -> None:
        """Read what is known; an unreadable or foreign file counts as empty."""
        self._file = file
        self._known: dict[str, tuple[str, str]] = {}
        try:
            entries = json.loads(file.read_bytes())
            self._known = {str(key): (str(entry[0]), str(entry[1])) for key, entry in entries.items()}
        except (OSError, ValueError, AttributeError, TypeError, IndexError, KeyError):
            self._known = {}

    def sha256(self, path: Path) -> str:
        """SHA-256 of a file, from memory when its identity has not changed since."""
        key = str(path.resolve())
        try:
            before = identity_of(path)
        except OSError as error:
            raise PipelineError(
                f"{path}: cannot be read: {error.strerror}", "check the path in gateway.toml and its permissions"
            ) from None
        known = self._known.get(key)
        if known is not None and known[0] == before:
            return known[1]
        digest = sha256_of(path)
        changed = max(int(moment) for moment in before.split(":")[3:])
        now = time.time_ns()  # noqa: TID251 - compared with the file system's clock, never written anywhere
        if identity_of(path) == before and now - changed > _SETTLED_NS:
            self._known[key] = (before, digest)
            self._save()
        return digest

    def _save(self) -> None:
        write_atomically(self._file, canonical_json.dumps({key: [*entry] for key, entry in self._known.items()}), 0o600)


def digest_of_tree(directory: Path, *, secret: Collection[str] = (), without: Collection[str] = ()) -> str:
    """SHA-256 over a directory: every path below it with its kind and content, sorted and framed.

    Args:
        secret: files, relative to the directory, that are named without their content.
        without: files that are no part of it.
    """
    digest = hashlib.sha256()
    paths = sorted(path for path in directory.rglob("*") if "__pycache__" not in path.parts)
    for path in paths:
        name = path.relative_to(directory).as_posix()
        about = path.lstat()
        if name in without:
            continue
        if stat.S_ISLNK(about.st_mode):
            _frame(digest, name, b"l", str(path.readlink()).encode("utf-8", "surrogateescape"))
        elif name in secret:
            _frame(digest, name, b"s", b"")
        elif stat.S_ISREG(about.st_mode):
            _frame_file(digest, name, path, about.st_size)
        elif not stat.S_ISDIR(about.st_mode):
            raise PipelineError(f"{path}: is a device, pipe or socket", "only files, links and directories belong here")
    return digest.hexdigest()


def _frame(digest: hashlib._Hash, name: str, kind: bytes, content: bytes) -> None:
    """Add one item with the length of each part in front, so that no two different trees read the same."""
    for part in (name.encode("utf-8", "surrogateescape"), kind, content):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)


def _frame_file(digest: hashlib._Hash, name: str, path: Path, size: int) -> None:
    """The same for a file's content, which may be large: it is not held."""
    for part in (name.encode("utf-8", "surrogateescape"), b"f"):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    digest.update(size.to_bytes(8, "big"))
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)


def key_of(**parts: object) -> str:
    """One digest over named parts, which must be what canonical JSON can say."""
    return hashlib.sha256(canonical_json.dumps(dict(parts))).hexdigest()


def write_atomically(path: Path, content: bytes, mode: int, *, staging: Path | None = None) -> None:
    """Write elsewhere, flush, rename: the name shows the old content or the new; the mode holds from the first byte.

    Args:
        staging: a private directory on the same file system, for places where no name of ours may show that is not
            meant to stay; beside the file by default.

    Raises:
        OSError: with EXDEV where the staging directory is on another file system.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = (staging or path.parent) / f".{path.name}.{os.getpid()}.new"
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "wb") as stream:
            os.fchmod(stream.fileno(), mode)  # the umask must not decide
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except BaseException as error:
        beside.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # a full disk is told of a descriptor, which names nothing
        raise
    sync_directory(path.parent)
