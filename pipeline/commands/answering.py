"""How every command ends: a problem the user can correct is told in two lines; the verifier's files are private."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import MissingLibraryError, PipelineError
from pipeline.host.machine_faults import as_problem
from pipeline.host.scratch import sweep_strays, temporary_directory

_TROUBLE = 2  # could not look, or not even begin


def or_say_why(work: Callable[[], int]) -> int:
    """Run a command; what a user can mend is printed without a traceback."""
    try:
        return work()
    except (PipelineError, MissingLibraryError) as error:
        sys.stderr.write(f"{error}\n")
        return _TROUBLE
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            # The reader has seen enough (`| head`); Python would complain about it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        problem = as_problem(error)
        if problem is None:
            raise
        sys.stderr.write(f"{problem}\n")
        return _TROUBLE


@contextmanager
def private_directory() -> Iterator[Path]:
    """Where the appliance's files lie while the verifier works, which must do without a workspace.

    In the user's cache, so that what was learned of KVM is remembered; else in a directory that goes with it.
    """
    try:
        # without HOME and without an entry in the table of users there is no home (RuntimeError)
        place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gateway-image-pipeline"
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        usable = os.access(place, os.W_OK) and place.stat().st_uid == os.getuid()
    except (OSError, RuntimeError):
        place, usable = Path(), False
    if usable:
        sweep_strays(place)
        yield place
    else:
        with temporary_directory("verify-") as name:
            yield Path(name)
