"""How every command ends: problems a user can mend in two lines, a private place for the verifier's files."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import PipelineError

_TROUBLE = 2  # could not look, or not even begin


def or_say_why(work: Callable[[], int]) -> int:
    """Run a command; what a user can mend is printed without a traceback."""
    try:
        return work()
    except PipelineError as error:
        sys.stderr.write(f"{error}\n")
        return _TROUBLE
    except BrokenPipeError:
        # The reader has seen enough (`| head`); Python would complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


@contextmanager
def private_directory() -> Iterator[Path]:
    """Where the appliance's files lie while the verifier works, which must do without a workspace.

    In the user's cache, so that what was learned of KVM is remembered; else in a directory that goes with it.
    """
    place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gateway-image-pipeline"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        usable = os.access(place, os.W_OK) and place.stat().st_uid == os.getuid()
    except (OSError, RuntimeError):
        usable = False
    if usable:
        yield place
    else:
        with tempfile.TemporaryDirectory(prefix="verify-") as name:
            yield Path(name)
