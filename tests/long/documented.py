"""Every command line of the documents, in order, in a fresh clone; nothing is shared with this checkout.

    python -m tests.long.documented PLACE

PLACE is a directory that is made; some 5 GiB. Takes half an hour without KVM on a quiet machine, and loop devices. What
only other tests run (a gateway at the end of a network, a station with the key) is counted at the end.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.support.documented_walk import STEPS, Needs
from tests.support.walking import fresh_clone, have, left_in_git, walk


def main(place: Path) -> int:
    """Walk; 1 when a step does not come out as documented."""
    place.mkdir(parents=True)
    clone = fresh_clone(place / "clone")
    home = place / "home"
    have(clone, home)
    failed = 0
    steps = [step for step in STEPS if step.needs is not Needs.ELSEWHERE]
    for step in steps:
        begun = time.monotonic()
        problems = list(walk(clone, home, [step]))
        failed += len(problems)
        verdict = "FAILED" if problems else "ok"
        print(f"{verdict:6} {time.monotonic() - begun:7.1f} s  {step.line.splitlines()[0][:100]}", flush=True)
        for problem in problems:
            print(problem, flush=True)
    print(f"{len(steps)} lines run, {failed} failed; {len(STEPS) - len(steps)} are run by other tests")
    print("left for git:", *left_in_git(clone), sep="\n  ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
