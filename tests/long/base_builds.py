"""Builds the base image of a workspace again and again, each time disturbed otherwise, and prints the digests.

    ./ci/bootstrap python -m tests.long.base_builds WORKSPACE --builds 20

Each build has pauses of the appliance's own qemu (SIGSTOP, 0.1 to 10 s, at random moments from its start to its end),
another memory size of the appliance, and none, one or two busy loops beside it; `--seed` repeats a series. The base
that is there is replaced. Ends with 1 when there is more than one digest.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline.build.base import build_base
from pipeline.host.digests import sha256_of
from pipeline.host.workspace import Workspace
from pipeline.image.appliance import session
from tests.support.pauses import paused_at_random

_MEMORY = (768, 1024, 1536, 2048)  # MiB


def spin() -> None:
    """Use a processor until it is ended."""
    while True:
        pass


@contextlib.contextmanager
def load(count: int) -> Iterator[None]:
    """Busy loops beside the build."""
    loops = [multiprocessing.Process(target=spin, daemon=True) for _ in range(count)]
    for loop in loops:
        loop.start()
    try:
        yield
    finally:
        for loop in loops:
            loop.terminate()


def one(workspace: Workspace, seed: int, between: float) -> str:
    """One disturbed build; prints what was done to it, and returns the digest."""
    chance = random.Random(seed)
    loops, memory = chance.randrange(3), chance.choice(_MEMORY)
    session._MEMORY = memory
    begin = time.perf_counter()
    with load(loops), paused_at_random(workspace.state / "appliance", seed, longest=10, between=between) as pauses:
        build_base(workspace, lambda _: None)
    digest = sha256_of(workspace.base)
    took = time.perf_counter() - begin
    print(
        f"seed {seed}: {digest} {took:.0f} s, {len(pauses)} pauses of {sum(pauses):.0f} s in all, {memory} MiB,"
        f" {loops} busy loops; {workspace.base_writer.read_text()[:60]}",
        flush=True,
    )
    return digest


def main() -> int:
    """Build, compare, say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path, help="where `doit base` has run")
    parser.add_argument("--builds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--between", type=float, default=12, help="seconds from one pause to the next, at most")
    given = parser.parse_args()
    workspace = Workspace(given.workspace.resolve())
    digests = {one(workspace, seed, given.between) for seed in range(given.seed, given.seed + given.builds)}
    print(f"{given.builds} builds, {len(digests)} digest{'s' * (len(digests) > 1)}")
    return int(len(digests) > 1)


if __name__ == "__main__":
    sys.exit(main())
