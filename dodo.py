"""`doit build` makes the images of all gateways; `doit list` shows the rest. The tasks are in pipeline/tasks.py."""

import os
import sys

from pipeline.tasks import *  # noqa: F403


def task_test() -> dict[str, object]:
    """Run the whole test suite (doit test -- -m 'not appliance' for less)"""

    def run_pytest(arguments: list[str]) -> None:
        # The whole suite runs on all cores, file by file, so that what a file shares is made once; a choice runs plain.
        arguments = arguments or ["-n", "auto", "--dist", "loadfile"]
        # pytest takes over this process: its closing line and its exit status are those of `doit test`.
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments])  # noqa: S606

    return {"actions": [run_pytest], "pos_arg": "arguments", "meta": {"unlocked": True}, "uptodate": [False]}
