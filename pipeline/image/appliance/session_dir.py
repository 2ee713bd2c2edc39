"""Where a session of libguestfs keeps its temporary files, and how nothing of it outlives it.

Each session owns a directory and a lock on it that dies with its process. What a killed one left is swept by the next.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.host import tools

_MARK = "PIPELINE_APPLIANCE"
# Where libguestfs puts its sockets: a fixed place, because the path of a socket has 108 bytes at most.
_SOCKET = re.compile(rb"path=(/[^,\0]*/libguestfs[A-Za-z0-9]{6})/")
_SOCKETS_FILE = "sockets"
_DYING = 5.0  # seconds
_launching = threading.Lock()


class Place:
    """The directory of one session, and the processes started for it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._number = 0

    @contextmanager
    def marked(self) -> Iterator[None]:
        """Processes started meanwhile have a mark in their environment, by which they are found again, and little else.

        libguestfs starts qemu itself, with whatever environment this process has: a passphrase or a fleet secret in a
        variable would go along.
        """
        done = threading.Event()
        with _launching:  # the environment belongs to the whole process
            own = dict(os.environ)
            os.environ.clear()
            os.environ.update(tools.closed_environment(self.environment()))
            watcher = threading.Thread(target=self._watch, args=(done,), daemon=True)
            watcher.start()
            try:
                yield
            finally:
                done.set()
                os.environ.clear()
                os.environ.update(own)
                watcher.join()

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """The path of a private file that is removed afterwards."""
        self._number += 1
        path = self.directory / f"scratch{self._number}"
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def environment(self) -> dict[str, str]:
        """The mark, for a process started by us."""
        return {_MARK: str(self.directory)}

    def kill_children(self) -> None:
        """End every process that carries the mark, and wait until they are gone."""
        handles: list[int] = []
        for pid in self._children():
            self._note_sockets(pid)
            with contextlib.suppress(ProcessLookupError):
                handles.append(os.pidfd_open(pid))
        for handle in handles:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        for handle in handles:
            # A handle becomes readable when its process ends, which takes a moment.
            select.select([handle], [], [], _DYING)
            os.close(handle)

    def forget_socket_directories(self) -> None:
        """Remove libguestfs' socket directories of this session, if it did not do so itself."""
        _remove_sockets(self.directory)

    def _watch(self, done: threading.Event) -> None:
        """Note the directory of qemu's sockets as soon as it is known: whoever is killed later cannot tell it."""
        while not done.wait(0.2):
            for pid in self._children():
                if self._note_sockets(pid):
                    return

    def _children(self) -> Iterator[int]:
        mark = f"{_MARK}={self.directory}".encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with contextlib.suppress(OSError):
                    if mark in (entry / "environ").read_bytes().split(b"\0"):
                        yield int(entry.name)

    def _note_sockets(self, pid: int) -> bool:
        try:
            found = _SOCKET.search(Path(f"/proc/{pid}/cmdline").read_bytes())
        except OSError:
            return False
        if found is not None:
            (self.directory / _SOCKETS_FILE).write_bytes(found[1])
        return found is not None


@contextmanager
def claim(state_dir: Path) -> Iterator[Place]:
    """A new directory for one session; it is gone afterwards."""
    try:
        with _locked(state_dir) as sessions:
            directory = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=sessions))
            lock = os.open(directory / "owner", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        raise PipelineError(
            f"{state_dir}: cannot hold temporary files: {error.strerror}", "check its permissions and free space"
        ) from None
    try:
        yield Place(directory)
    finally:
        _remove(directory)
        os.close(lock)


def sweep(state_dir: Path) -> None:
    """Remove what sessions left whose process was killed."""
    if not state_dir.exists():
        return
    with _locked(state_dir) as sessions:
        for directory in sessions.iterdir():
            if not directory.is_dir():
                continue
            try:
                lock = os.open(directory / "owner", os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                _remove(directory)
                continue
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(directory)
            except BlockingIOError:
                pass  # in use
            finally:
                os.close(lock)


@contextmanager
def _locked(state_dir: Path) -> Iterator[Path]:
    """The directory of all sessions, for us alone: nobody sweeps one that is just being made."""
    sessions = state_dir / "sessions"
    sessions.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(sessions / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield sessions
    finally:
        os.close(lock)


def _remove(directory: Path) -> None:
    _remove_sockets(directory)
    shutil.rmtree(directory, ignore_errors=True)


def _remove_sockets(directory: Path) -> None:
    try:
        sockets = Path(os.fsdecode((directory / _SOCKETS_FILE).read_bytes()))
        if sockets.name.startswith("libguestfs") and sockets.lstat().st_uid == os.getuid():
            shutil.rmtree(sockets, ignore_errors=True)
    except OSError:
        pass  # never noted, or gone already
