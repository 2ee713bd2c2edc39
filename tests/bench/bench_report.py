"""The release report for many gateways: how long it takes to make, how large it is, how soon a browser shows it.

    ./ci/bootstrap python -m tests.bench.bench_report [GATEWAYS [MANIFEST]]

With a real manifest.json, also how long it takes to read as many of them.

Prints figures; it asserts nothing, because a figure is of the machine it was taken on.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from pipeline.manifest import known_without_tree
from pipeline.report.html import release_report
from pipeline.report.machine.release_json import release_json
from pipeline.report.machine.release_junit import release_junit
from pipeline.report.machine.release_sarif import release_sarif
from tests.support.fleet import a_fleet, verified
from tests.support.programs.browser import opened

WRITERS = {
    "report.html": release_report,
    "report.json": release_json,
    "junit.xml": release_junit,
    "report.sarif": release_sarif,
}


def main(size: int) -> None:
    """Print a line for each report, and how long Chromium takes for the page and for an empty one."""
    begin = time.perf_counter()
    manifests = list(a_fleet(size))
    verdicts = verified(size)
    print(f"{size} synthetic gateways made in {time.perf_counter() - begin:.1f} s; all that follows is without that")
    with tempfile.TemporaryDirectory() as scratch:
        for name, write in WRITERS.items():
            begin, busy = time.perf_counter(), time.process_time()
            content = write(manifests, verdicts)
            took, used = time.perf_counter() - begin, time.process_time() - busy
            (Path(scratch) / name).write_bytes(content)
            print(f"{name:13} {len(content) / 2**20:6.2f} MiB, {took:5.2f} s, {used:5.2f} s of processor time")
        empty = Path(scratch) / "empty.html"
        empty.write_text("<!DOCTYPE html><title>empty</title>", "utf-8")
        floor, page = (min(_opened(file) for _ in range(3)) for file in (empty, Path(scratch) / "report.html"))
    print(f"the page is there {page[1] / 1000:.2f} s after it was opened, by its own clock")
    print(f"Chromium from start to end: {page[0]:.2f} s, with an empty page {floor[0]:.2f} s")
    print(f"memory of this process at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB")


def read(manifest: Path, size: int) -> None:
    """Print how long a release takes to read that many published manifests like this one."""
    content = manifest.read_bytes()
    begin = time.process_time()
    for _ in range(size):
        known_without_tree(content, name=manifest.name)
    print(f"{size} manifests of {len(content) >> 10} KiB read in {time.process_time() - begin:.1f} s of processor time")


def _opened(file: Path) -> tuple[float, int]:
    """Seconds of the whole process, and milliseconds the page took."""
    begin = time.perf_counter()
    page = opened(file)
    took = time.perf_counter() - begin
    if page.console:
        raise SystemExit("\n".join(page.console))
    return took, int(page.tree.get("data-ready", "0"))


if __name__ == "__main__":
    gateways = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    if len(sys.argv) > 2:
        read(Path(sys.argv[2]), gateways)
    main(gateways)
