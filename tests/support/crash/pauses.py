"""Disturbs an appliance: stops its own qemu at random moments and lets it go on, as a loaded machine does."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def virtual_machines(state_dir: Path) -> list[int]:
    """The qemu processes of the sessions below a directory, and of nobody else."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if b"qemu-system" in command and os.fsencode(state_dir) in environment + command:
            found.append(int(entry.name))
    return found


def children() -> list[int]:
    """The programs this process has running; not what it forked of itself, such as a load."""
    found = (task.read_text().split() for task in Path("/proc/self/task").glob("*/children"))
    return [int(process) for processes in found for process in processes if not _is_ourselves(int(process))]


def _is_ourselves(process: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/exe").readlink() == Path("/proc/self/exe").readlink()
    return True  # gone


@contextmanager
def paused_at_random(
    victims: Path | Callable[[], list[int]], seed: int, *, longest: float, between: float
) -> Iterator[list[float]]:
    """Stop the virtual machines of a directory, or other processes, again and again while something else is done.

    Args:
        victims: the directory, or what finds the processes.
        longest: seconds of a pause; they are between a tenth and this.
        between: seconds from one pause to the next, at most.

    Yields:
        The pauses that were made.
    """
    chance, done, pauses = random.Random(seed), threading.Event(), list[float]()

    def disturb() -> None:
        while not done.wait(chance.uniform(0, between)):
            length = chance.uniform(0.1, longest)
            stopped = virtual_machines(victims) if isinstance(victims, Path) else victims()
            for process in stopped:
                _send(process, signal.SIGSTOP)
            done.wait(0.05)
            stopped = [process for process in stopped if _is_stopped(process)]  # others ended meanwhile
            if stopped:
                done.wait(length)
            for process in stopped:
                _send(process, signal.SIGCONT)
            pauses.extend([length] * bool(stopped))

    thread = threading.Thread(target=disturb, name="pauses", daemon=True)
    thread.start()
    try:
        yield pauses
    finally:
        done.set()
        thread.join()


def _is_stopped(process: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    return False


def _send(process: int, what: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
        os.kill(process, what)
