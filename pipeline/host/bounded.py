"""Runs work on people's input, such as templates, in a child process with limits of time and memory."""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import select
import signal
import time
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

from pipeline.errors import PipelineError, Problem

Result = TypeVar("Result")

_SECONDS = 20  # of CPU; a rendering takes a few thousandths
_PATIENCE = 120.0  # of wall clock, on a loaded machine
_MEMORY = 512 << 20  # bytes beyond what the process has
_LARGEST = 64 << 20  # bytes of result


def in_child(what: str, work: Callable[[], Result]) -> Result:
    """Do something in a copy of this process, and return what it returns, which must be plain values.

    Args:
        what: names the work for messages.

    Raises:
        PipelineError: what the work raised, or that it wanted more time, memory or room for its result than there is.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if not child:
        status = 1
        try:
            os.close(reading)
            _limit()
            _send(writing, _outcome(work))
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    try:
        data = _receive(reading, what)
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    value: Any
    kind, value = pickle.loads(data) if data else ("unfinished", None)  # noqa: S301 - from a copy of this very process
    if kind == "problems":
        raise PipelineError.of(Problem(*problem) for problem in value)
    if kind == "bug":
        raise RuntimeError(f"{what}\n{value}")
    if kind != "value":
        raise _too_much(what)
    result: Result = value
    return result


def _limit() -> None:
    with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - one word of it
        has = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (has + _MEMORY, has + _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _outcome(work: Callable[[], Result]) -> bytes:
    try:
        try:
            data = pickle.dumps(("value", work()))
        except PipelineError as error:
            data = pickle.dumps(("problems", [(problem.what, problem.remedy) for problem in error.problems]))
    except MemoryError:
        return b""
    except Exception:  # noqa: BLE001 - it is raised again where somebody sees it
        return pickle.dumps(("bug", traceback.format_exc()))
    return data if len(data) <= _LARGEST else b""


def _send(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _receive(handle: int, what: str) -> bytes:
    pieces: list[bytes] = []
    until = time.monotonic() + _PATIENCE
    while True:
        ready, _, _ = select.select([handle], [], [], max(until - time.monotonic(), 0))
        if not ready:
            raise _too_much(what)
        piece = os.read(handle, 1 << 20)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


def _too_much(what: str) -> PipelineError:
    return PipelineError(
        f"{what}: needs more than {_SECONDS} s, {_MEMORY >> 20} MiB of memory or {_LARGEST >> 20} MiB of result",
        "look for a loop or macro in it that does not end, or for text that is multiplied",
    )
