"""Every call of a build and of a publication that changes the disk is its last, once; then the next run makes good.

    python -m tests.long.crash_states [--far DIRECTORY] [--only WORD]

The kernel stops the process at each such call (`tests.support.crash.interrupting`), there it is killed; of calls that
write, half is let through as well. Prints a line for each kind of work and fails if anything was not as it must be:

- when it is killed, each gateway in ``out/`` is the complete old or the complete new one and verifies; nothing secret
  is there for others to read;
- the next run ends, and ``out/`` is byte for byte (and mode for mode) that of a run nobody killed;
- no name is left that an untouched run does not leave, and no file more holds a secret.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.crash.fleet import fleet_stand_ins
from tests.support.crash.scenarios import SCENARIOS, WITHOUT_EXCHANGE
from tests.support.crash.states import Figures, Scenario, Trials, judged
from tests.support.crash.workspace import stand_ins


def main() -> int:
    """Run all that was asked for; 1 where something was not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--near", type=Path, default=Path("/dev/shm"), help="where workspaces lie")  # noqa: S108
    parser.add_argument("--far", type=Path, default=Path(tempfile.gettempdir()), help="on another file system")
    parser.add_argument("--only", default="", help="part of a scenario's name")
    options = parser.parse_args()
    sys.dont_write_bytecode = True
    near, far = (Path(tempfile.mkdtemp(prefix="crash-", dir=place)) for place in (options.near, options.far))
    if near.stat().st_dev == far.stat().st_dev:
        sys.stderr.write(f"{near} and {far} are on one file system; name another with --far\n")
        return 2
    figures: list[Figures] = []
    try:
        for exchanges, scenarios in ((True, SCENARIOS), (False, WITHOUT_EXCHANGE)):
            wanted = [scenario for scenario in scenarios if options.only in scenario.name]
            with stand_ins(exchanges=exchanges), fleet_stand_ins():
                figures += _run(wanted, near, far)
    finally:
        for path in (near, far):
            shutil.rmtree(path, ignore_errors=True)
    failed = sum(len(one.failures) for one in figures)
    print(
        f"{len(figures)} kinds of work, {sum(one.calls for one in figures)} calls, "
        f"{sum(one.interrupted for one in figures)} killed, {sum(one.pictures for one in figures)} states of the disk, "
        f"{judged()} directories of gateways verified, {failed} failures"
    )
    return int(failed > 0)


def _run(scenarios: Sequence[Scenario], near: Path, far: Path) -> list[Figures]:
    done = []
    for scenario in scenarios:
        begun = time.monotonic()
        trials = Trials(scenario, near, far)
        for at, half in trials.points():
            trials.interrupt(at, half=half)
        trials.close()
        one = trials.figures
        print(
            f"{one.name}: {one.calls} calls, {one.interrupted} killed, {one.pictures} states, {one.aside} kept aside, "
            f"{len(one.failures)} failures, {time.monotonic() - begun:.0f} s",
            flush=True,
        )
        for line in one.failures:
            print(f"  {line}", flush=True)
        done.append(one)
    return done


if __name__ == "__main__":
    sys.exit(main())
