"""How far a build of many gateways is: a line for people every few seconds, and JSON lines for programs on request."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from pipeline.host.progress import Say

TOLD = 5.0
"""Seconds between two lines about how far a build is."""


@dataclass(frozen=True)
class Pace:
    """How far a build is.

    Attributes:
        done: gateways that are ended, those that failed among them.
        total: gateways that are to be made; those that are current are not among them.
        failures: gateways that could not be made.
        seconds: since the first was begun.
    """

    done: int
    total: int
    failures: int
    seconds: float

    @property
    def rate(self) -> float:
        """Gateways a second so far; 0 before the first has ended."""
        return self.done / max(1e-3, self.seconds)  # a clock may not have moved yet

    @property
    def seconds_left(self) -> float | None:
        """At the rate so far; unknown before the first has ended."""
        if self.done == self.total:
            return 0.0
        return (self.total - self.done) / self.rate if self.done else None

    def for_people(self) -> str:
        """One line; for a build of which something has ended."""
        failed = f", {self.failures} failed" if self.failures else ""
        return (
            f"{self.done}/{self.total} gateways, {self.rate:.1f} a second, {self.seconds_left or 0:.0f} s left{failed}"
        )

    def for_programs(self) -> str:
        """One JSON object without line breaks, its keys sorted; the same pace gives the same bytes.

        ``rate`` has at most two decimals, ``seconds_left`` is an integer, or null while it is unknown.
        """
        left = self.seconds_left
        value = {
            "done": self.done,
            "failures": self.failures,
            "rate": round(self.rate, 2),
            "seconds_left": None if left is None else round(left),
            "total": self.total,
        }
        return json.dumps(value, sort_keys=True, allow_nan=False)


class Pacing:
    """Counts what has ended, and tells it: at most every `TOLD` seconds, and at the end.

    Programs are also told once before the first, so that they know the total, and of a build with nothing to make.
    """

    def __init__(
        self, total: int, say: Say, lines: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin now.

        Args:
            say: for people.
            lines: where JSON lines go; None for none.
            clock: seconds that never go back.
        """
        self._total, self._say, self._lines, self._clock = total, say, lines, clock
        self._done = self._failures = 0
        self._begun = self._told = clock()
        self._write(self._pace(self._begun))

    def ended(self, *, failed: bool) -> None:
        """One gateway more has been made, or could not be."""
        self._done += 1
        self._failures += failed
        now = self._clock()
        if now - self._told >= TOLD or self._done == self._total:
            self._told = now
            pace = self._pace(now)
            self._say(pace.for_people())
            self._write(pace)

    def _pace(self, now: float) -> Pace:
        return Pace(self._done, self._total, self._failures, now - self._begun)

    def _write(self, pace: Pace) -> None:
        if self._lines is not None:
            self._lines.write(f"{pace.for_programs()}\n")
            self._lines.flush()
