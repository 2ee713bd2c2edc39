"""Shows progress: a line that is updated on a terminal, plain lines everywhere else."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

Say = Callable[[str], None]

_TICK = 1.0  # seconds between updates on a terminal
_PATIENCE = 30.0  # seconds of silence after which a plain line says that it goes on


class Progress:
    """What one step says while it works."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write to a stream, standard error by default: results go to standard output."""
        self._stream = stream if stream is not None else sys.stderr
        self._lock = threading.Lock()
        self._text = ""
        self._since = time.monotonic()

    def say(self, text: str) -> None:
        """Start a new phase; its text is one line without a full stop."""
        with self._lock:
            self._clear()
            self._text, self._since = text, time.monotonic()
            self._stream.write(f"   {text}\n")
            self._stream.flush()

    @contextmanager
    def running(self) -> Iterator[Say]:
        """Show that time passes until the block ends."""
        done = threading.Event()
        thread = threading.Thread(target=self._tick, args=(done,), daemon=True)
        thread.start()
        try:
            yield self.say
        finally:
            done.set()
            thread.join()
            with self._lock:
                self._clear()

    def _tick(self, done: threading.Event) -> None:
        terminal = self._stream.isatty()
        shown = 0.0
        while not done.wait(_TICK):
            with self._lock:
                passed = time.monotonic() - self._since
                if passed < 2:
                    shown = 0.0
                elif terminal:
                    self._stream.write(f"\r\033[K   … {self._text}: {passed:.0f} s")
                    self._stream.flush()
                elif passed - shown >= _PATIENCE:
                    shown = passed
                    self._stream.write(f"   … {self._text}: {passed:.0f} s and going on\n")
                    self._stream.flush()

    def _clear(self) -> None:
        if self._stream.isatty():
            self._stream.write("\r\033[K")
