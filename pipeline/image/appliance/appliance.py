"""The libguestfs handle: calls with a deadline that can be interrupted, errors a person can read, nothing left behind.

Every call runs in a thread of its own. When it takes too long or the user presses Ctrl-C, qemu is killed, and the call
ends: without that, libguestfs waits for ever for a virtual machine that hangs or was paused because the disk is full.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from typing import Any, TypeVar

from pipeline.errors import PipelineError
from pipeline.image.appliance.session_dir import Place
from pipeline.model.guest_path import GuestPath

T = TypeVar("T")

# Seconds for one call. The slowest, digests of a whole tree without KVM, takes under a minute for 300 MB.
CALL = 900.0

CHECK_A_COPY = (
    "check a copy of the image with its file system's own program (e2fsck, btrfs check, fsck.f2fs, xfs_repair -n, "
    "fsck.vfat); if it finds nothing, report it"
)


class Appliance:
    """One handle; not started yet."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._work: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._dead = False
        guestfs = guestfs_binding()
        threading.Thread(target=self._serve, daemon=True).start()
        # environment=False: no LIBGUESTFS_* variable of the user's changes what is done, or traces contents into logs.
        self._guestfs: Any = self._in_thread(
            "open", lambda: guestfs.GuestFS(python_return_dict=True, environment=False, close_on_exit=False), 60
        )

    def call(self, operation: str, *arguments: object, seconds: float = CALL, **options: object) -> Any:
        """Run one operation of libguestfs.

        Raises:
            PipelineError: it failed or took longer than ``seconds``; in the latter case the appliance is gone.
        """
        method = getattr(self._guestfs, operation)
        plain = [str(value) if isinstance(value, GuestPath) else value for value in arguments]
        return self._in_thread(operation, lambda: method(*plain, **options), seconds, arguments)

    @property
    def is_dead(self) -> bool:
        """Whether it was killed."""
        return self._dead

    def close(self) -> None:
        """End the appliance whatever its state, and remove what it left on this machine; never raises."""
        future: Future[None] = Future()
        self._work.put((self._guestfs.close, future))
        try:
            future.result(15)
        except (Late, RuntimeError):
            self._kill()
        self._work.put(None)
        self._place.forget_socket_directories()

    def _in_thread(self, operation: str, work: Callable[[], T], seconds: float, arguments: Sequence[object] = ()) -> T:
        if self._dead:
            raise PipelineError("libguestfs: the appliance is gone", "start again")
        future: Future[T] = Future()
        self._work.put((work, future))
        try:
            return future.result(seconds)
        except Late:
            self._kill()
            raise PipelineError(
                f"libguestfs: {_where(operation, arguments)} did not end within {seconds:g} s and was stopped",
                "check that the disk is not full and the machine not overloaded, then try again; doit doctor",
            ) from None
        except RuntimeError as error:
            raise PipelineError(
                f"libguestfs: {_where(operation, arguments)} failed: {_text_of(error)}", _remedy(operation, str(error))
            ) from None
        except UnicodeError:
            raise PipelineError(
                f"libguestfs: {_where(operation, arguments)}: a name in the image is not UTF-8",
                "rename it in the vanilla image",
            ) from None
        except BaseException:  # Ctrl-C: the call is still going on, and so is qemu
            self._kill()
            raise

    def _kill(self) -> None:
        """Kill qemu and whatever else libguestfs started for this session; the call in progress then ends."""
        self._dead = True
        self._place.kill_children()

    def _serve(self) -> None:
        while (item := self._work.get()) is not None:
            work, future = item
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 - handed to whoever waits for it
                future.set_exception(error)


def guestfs_binding() -> Any:
    """libguestfs for Python.

    Raises:
        PipelineError: it is not installed, or the environment does not see it.
    """
    try:
        import guestfs  # noqa: PLC0415 - everything that needs no appliance works without it
    except ImportError:
        raise PipelineError(
            "the libguestfs binding for Python cannot be imported",
            "start through ./ci/bootstrap, which makes it visible",
        ) from None
    return guestfs


def _where(operation: str, arguments: Sequence[object]) -> str:
    """The operation and what it was about; never a value that could be content."""
    about = [str(value) for value in arguments if isinstance(value, str) and value.startswith("/")]
    return " ".join([operation, *about[:2]])


def _text_of(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " | ".join(lines[:2])[:400]


def _remedy(operation: str, text: str) -> str:
    if operation == "launch":
        return "doit doctor shows what is missing; libguestfs-test-tool shows why"
    if "No space left" in text or "Wrote only" in text:
        return "the file system in the image is full: use a larger vanilla image, or put less into it"
    return CHECK_A_COPY
