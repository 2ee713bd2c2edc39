"""Builds the base image of a workspace again and again, each time disturbed otherwise, and prints the digests.

    ./ci/bootstrap python -m tests.long.base_builds WORKSPACE --builds 20      # where `doit base` has run
    ./ci/bootstrap python -m tests.long.base_builds NEW_DIRECTORY --builds 20  # of the small disk of the tests

Each build has pauses of the appliance's own qemu (SIGSTOP, 0.1 to 10 s, at random moments from its start to its end),
another memory size of the appliance, and none, one or two busy loops beside it; `--seed` repeats a series. The base
that is there is replaced. Ends with 1 when there is more than one digest.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from pipeline.build import reading
from pipeline.build.base import build_base
from pipeline.host.digests import sha256_of
from pipeline.host.workspace import Workspace
from pipeline.image.appliance import session
from pipeline.image.containers import prepare
from pipeline.image.ext4 import seal
from pipeline.image.read import inspect
from pipeline.image.read.raw_region import write_changes
from pipeline.image.write import repeatable, stamp
from pipeline.inputs.layout_files import load_layouts
from tests.support.crash.pauses import children, paused_at_random
from tests.support.media import gateway_disk
from tests.unit.image.write.test_stamp import LAYER

Made = tuple[str, str]
"""The digest of a base image, and who decided its bytes."""

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


def demonstration(workspace: Workspace) -> Made:
    """Build the base of a workspace."""
    build_base(workspace, lambda _: None)
    return sha256_of(workspace.base), workspace.base_writer.read_text()


def bytes_only(workspace: Workspace) -> Made:
    """What decides the bytes of a base, without the appliance that injects and compares."""
    inputs, plan = reading.inputs_of(workspace), reading.product_plan_of(workspace)
    image = workspace.base.with_suffix(".bytes-only")
    image.unlink(missing_ok=True)
    prepare.copy_sparse(workspace.raw, image)
    disk, epoch = inputs.vanilla.disk, inputs.release.epoch
    seal.seal(image, disk, epoch=epoch)
    stamp.stamp(image, disk, inputs.vanilla.tree, plan.layer, epoch=epoch, state_dir=workspace.state / "appliance")
    write_changes(image, plan.raw)
    digest = sha256_of(image)
    image.unlink()
    return digest, "libext2fs and mtools alone"


def small(place: Path) -> Callable[[], Made]:
    """Write a layer onto a disk of 53 MiB, as a base is made; inspected once."""
    shutil.rmtree(place / "vanilla.parts", ignore_errors=True)  # of an earlier series
    place.mkdir(parents=True, exist_ok=True)
    raw, image, state = place / "vanilla.raw", place / "base.img", place / ".build" / "appliance"
    digest = prepare.prepare_raw(gateway_disk.gateway_disk(place / "vanilla.img"), raw, lambda _: None)
    vanilla = inspect.inspect(raw, load_layouts(), sha256=digest, state_dir=state, say=lambda _: None)

    def make() -> Made:
        image.unlink(missing_ok=True)
        prepare.copy_sparse(raw, image)
        done = repeatable.write_layer(
            image, vanilla, LAYER, epoch=gateway_disk.EPOCH, state_dir=state, say=lambda _: None
        )
        return sha256_of(image), done.by

    return make


def one(make: Callable[[], Made], victims: Path | Callable[[], list[int]], seed: int, between: float) -> str:
    """One disturbed build; prints what was done to it, and returns the digest."""
    chance = random.Random(seed)
    loops, memory = chance.randrange(3), chance.choice(_MEMORY)
    session._MEMORY = memory
    begin = time.perf_counter()
    with load(loops), paused_at_random(victims, seed, longest=10, between=between) as pauses:
        digest, by = make()
    took = time.perf_counter() - begin
    print(
        f"seed {seed}: {digest} {took:.0f} s, {len(pauses)} pauses of {sum(pauses):.0f} s in all, {memory} MiB,"
        f" {loops} busy loops; {by[:60]}",
        flush=True,
    )
    return digest


def main() -> int:
    """Build, compare, say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("place", type=Path)
    parser.add_argument("--builds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--between", type=float, default=12, help="seconds from one pause to the next, at most")
    parser.add_argument(
        "--bytes-only", action="store_true", help="e2fsprogs and mtools alone, which are paused then; no appliance"
    )
    given = parser.parse_args()
    workspace = Workspace(given.place.resolve())
    victims: Path | Callable[[], list[int]] = workspace.state / "appliance"
    if given.bytes_only:
        make, victims = partial(bytes_only, workspace), children
    else:
        make = partial(demonstration, workspace) if workspace.release_file.exists() else small(workspace.root)
    digests = {one(make, victims, seed, given.between) for seed in range(given.seed, given.seed + given.builds)}
    print(f"{given.builds} builds, {len(digests)} digest{'s' * (len(digests) > 1)}")
    return int(len(digests) > 1)


if __name__ == "__main__":
    sys.exit(main())
