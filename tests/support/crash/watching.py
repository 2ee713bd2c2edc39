"""Command lines of everything that runs meanwhile, as any user of the machine could see them."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType


class CommandLines:
    """A context in which `/proc` is read over and over; ``seen`` holds every command line that was there."""

    def __init__(self, pause: float = 0.005) -> None:
        self.seen: set[bytes] = set()
        self.rounds = 0
        self._pause = pause
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> CommandLines:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self._pause):
            self.rounds += 1
            for process in [entry for entry in os.listdir("/proc") if entry.isdigit()]:  # noqa: PTH208 - names alone
                try:
                    self.seen.add(Path("/proc", process, "cmdline").read_bytes())
                except OSError:  # it has ended meanwhile
                    continue
