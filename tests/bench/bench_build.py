"""How long the demonstration's build takes, against what libguestfs itself costs on this machine in the same run.

    ./ci/bootstrap python -m tests.bench.bench_build

Prints figures and ratios; it asserts nothing, because a figure is of the machine it was taken on.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.build import reading
from pipeline.build.base import base_tree_of
from pipeline.build.planned import device_plan_of
from pipeline.host.workspace import Workspace
from pipeline.image.containers import prepare
from pipeline.image.write import bmap
from pipeline.image.write.stamp import stamp
from pipeline.plan.image_plan import Plan
from tests.support.workspaces import CHECKOUT, a_workspace, doit

# What anybody who injects the same files with libguestfs pays, and no more: no check, no read-back, no sealing.
FLOOR = """
import sys, guestfs
g = guestfs.GuestFS(python_return_dict=True, environment=False)
g.set_backend("direct")
g.set_backend_settings(["force_tcg"])
g.add_drive(sys.argv[1], readonly=False, format="raw")
g.launch()
g.mount("/dev/sda2", "/")
g.tar_in(sys.argv[2], "/")
g.umount_all()
g.shutdown()
g.close()
"""


def seconds(work: Callable[[], object]) -> float:
    """How long something takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def floor(workspace: Workspace, plan: Plan, scratch: Path) -> float:
    """Launch, inject the product layer's files, close: the bare binding in a process of its own."""
    image, tree = scratch / "floor.img", scratch / "tree"
    prepare.copy_sparse(workspace.raw, image)
    for entry in plan.layer.files():
        if not entry.path.startswith("/boot/"):
            place = tree / entry.path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(entry.content)
    subprocess.run(["tar", "-cf", str(scratch / "layer.tar"), "-C", str(tree), "."], check=True)
    command = [sys.executable, "-c", FLOOR, str(image), str(scratch / "layer.tar")]
    environment = {**os.environ, "LIBGUESTFS_BACKEND_SETTINGS": "force_tcg"}
    return seconds(lambda: subprocess.run(command, check=True, env=environment))


def build(place: Path, *arguments: str) -> float:
    """A run of doit that must succeed."""

    def run() -> None:
        done = doit(place, *arguments)
        if done.status != 0:
            sys.exit(done.text)

    return seconds(run)


def main() -> None:
    """Measure and print."""
    print(f"{os.cpu_count()} processors, {os.uname().sysname} {os.uname().release}")
    made = build(CHECKOUT, "demo")
    rows: list[tuple[str, float, str]] = [("demo inputs (cached after the first run)", made, "")]
    with tempfile.TemporaryDirectory(prefix="bench-", dir=CHECKOUT / ".demo") as name:
        scratch = Path(name)
        place = a_workspace(scratch / "workspace", CHECKOUT / ".demo")
        inspect, base = build(place, "inspect"), build(place, "base")
        workspace = Workspace(place)
        inputs, product = reading.inputs_of(workspace), reading.product_plan_of(workspace)
        bare = floor(workspace, product, scratch)
        rows += [
            ("libguestfs alone: launch, inject, close", bare, "1.0"),
            ("inspect", inspect, f"{inspect / bare:.1f}"),
            ("base, cold: plan, inject, read back every file, seal", base, f"{base / bare:.1f}"),
        ]
        gateway = next(iter(reading.gateways_of(workspace)))
        plans: list[Plan] = []
        planned = seconds(lambda: plans.append(device_plan_of(workspace, gateway)))
        image = scratch / "device.img"
        copied = seconds(lambda: prepare.copy_sparse(workspace.base, image))
        tree = base_tree_of(workspace)
        stamped = seconds(
            lambda: stamp(
                image, inputs.vanilla.disk, tree, plans[0].layer, epoch=inputs.release.epoch,
                state_dir=workspace.state / "appliance",
            )
        )  # fmt: skip
        hashed = seconds(lambda: bmap.describe(image, inputs.vanilla.disk))
        total = planned + copied + stamped + hashed
        rows += [
            ("one more gateway: plan", planned, f"{planned / bare:.3f}"),
            ("one more gateway: copy of the base", copied, f"{copied / bare:.3f}"),
            ("one more gateway: stamp", stamped, f"{stamped / bare:.3f}"),
            ("one more gateway: digests and block map", hashed, f"{hashed / bare:.3f}"),
            ("one more gateway, with the copy", total, f"{total / bare:.3f}"),
            ("one more gateway, without the copy", total - copied, f"{(total - copied) / bare:.3f}"),
        ]
        image.unlink()
        rest = build(place, "build")
        rows.append(("build from the base on: three gateways stamped, signed, verified", rest, f"{rest / bare:.1f}"))
        again = build(place, "build")
        rows.append(("build with nothing to do", again, f"{again / bare:.3f}"))
        shutil.rmtree(place)
    print(f"{'':66} seconds   x bare libguestfs")
    for what, took, ratio in rows:
        print(f"{what:66} {took:7.2f}   {ratio:>8}")


if __name__ == "__main__":
    main()
