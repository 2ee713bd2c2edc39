"""The clock of whoever verifies: validity of keys is judged by it; no result of a build depends on it."""

from __future__ import annotations

import datetime
import time


def now() -> int:
    """Seconds since 1970."""
    return int(time.time())  # noqa: TID251


def local_seconds(moment: datetime.datetime) -> int:
    """Seconds since 1970 of a time without a zone, as C's mktime has it in the zone of this process."""
    return int(time.mktime(moment.timetuple()))
