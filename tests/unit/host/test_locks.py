"""One build at a time: the second is told who holds the workspace, and the lock dies with its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.host.locks import WorkspaceLock

HOLD = """
import sys, time
from pathlib import Path
from pipeline.host.locks import WorkspaceLock
WorkspaceLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_the_second_build_is_told_who_holds_the_workspace(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(PipelineError, match=f"process {holder.pid} "):
            WorkspaceLock(file).acquire()
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    lock = WorkspaceLock(file)
    lock.acquire()
    lock.release()
    WorkspaceLock(file).acquire()
