"""What one more gateway of a fleet costs: CPU, disk, verification, nothing to do; beside the form `images`.

    ./ci/bootstrap python -m tests.bench.bench_fleet [GATEWAYS] [--images]

Prints figures; it asserts nothing, because a figure is of the machine it was taken on. CPU is user and system time of
all processes. `--images` builds the same inventory as whole images too: 10 s and 190 MB a gateway.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.many_gateways import fleet_workspace
from tests.support.workspaces import CHECKOUT, doit


def cpu() -> float:
    """Seconds of all processes that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, used = time.perf_counter(), cpu()
    work()
    return time.perf_counter() - wall, cpu() - used


def run(place: Path, *arguments: str) -> tuple[float, float]:
    """A run of doit that must succeed."""

    def go() -> None:
        done = doit(place, *arguments, timeout=86400)
        if done.status != 0:
            sys.exit(done.text)

    return measured(go)


def size_of(directory: Path) -> int:
    """Bytes of all files, as they take blocks on the disk."""
    return sum(path.stat().st_blocks * 512 for path in directory.rglob("*") if path.is_file())


def one_form(scratch: Path, count: int, form: str) -> None:
    """Build, verify, build again, with one gateway changed at the end."""
    place = fleet_workspace(scratch / form, count, form=form)
    base = run(place, "base")
    built = run(place, "build")
    out = place / "out" / "demo-1.0"
    own = size_of(out) - (size_of(out / "fleet.base") if form == "fleet" else 0)
    verified = run(place, "verify", str(out))
    again = run(place, "build")
    inventory = place / "devices.toml"
    inventory.write_text(inventory.read_text().replace('serial = "SN-000001"', 'serial = "SN-999999"'))
    changed = run(place, "build")
    rows = (
        ("base, cold", base),
        (f"{count} gateways, everything published", built),
        ("one gateway of them", tuple(part / count for part in built)),
        ("doit verify of the release", verified),
        ("doit build with nothing to do", again),
        ("doit build with one gateway changed", changed),
    )
    print(f"{form}: {count} gateways, {own / count / 1024:.0f} KiB on the disk each")
    for what, (wall, used) in rows:
        print(f"    {what:44} {wall:9.2f} s wall {used:9.2f} s CPU")


def main(arguments: list[str]) -> None:
    """Measure and print."""
    count = int(next((word for word in arguments if word.isdigit()), "60"))
    with tempfile.TemporaryDirectory(prefix="bench-", dir=CHECKOUT / ".demo") as name:
        one_form(Path(name), count, "fleet")
        if "--images" in arguments:
            one_form(Path(name), count, "images")


if __name__ == "__main__":
    main(sys.argv[1:])
