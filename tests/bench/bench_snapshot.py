"""How long reading, classifying and rewriting a large snapshot take: 500 components in 2 MB.

    ./ci/bootstrap python -m tests.bench.bench_snapshot [COMPONENTS]

Prints seconds of processor time, the best and the median of several rounds; it asserts nothing, because a figure is of
the machine it was taken on. A configuration of this size is what the largest gateways have; the demo's has 15
components in 60 kB.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from pipeline.classification.classify import classify
from pipeline.formats.esf import esf_snapshot
from pipeline.formats.esf.esf_snapshot import Configuration, Property, Snapshot
from pipeline.transforms.esf import snapshot as transform
from tests.support.golden import a_golden
from tests.support.release import a_release, some_secrets
from tests.support.vanilla import a_vanilla

_ROUNDS = 5


def large(components: int) -> bytes:
    """The demo's snapshot with further components, written as the console gives it to be downloaded."""
    known = esf_snapshot.read(a_golden().snapshot, "A", "demo").snapshot or Snapshot()
    more = [
        Configuration(f"org.example.driver.Instance-{number}").with_properties(
            Property("service.factoryPid", "String", ("org.example.driver.Instance",)),
            Property("password", "Password", (f"cGFzc3dvcmQg{number:04d}",), encrypted=True),
            Property("enabled", "Boolean", ("true",)),
            Property("ports", "Integer", ("1", "2", "3"), array=True),
            *(
                Property(
                    f"channel.{index}.description", "String", (f"value {index} of {number}, as long as a real one",)
                )
                for index in range(16)
            ),
        )
        for number in range(components - len(known.configurations))
    ]
    return esf_snapshot.render(Snapshot((*known.configurations, *more)))


def rounds(work: Callable[[], object]) -> list[float]:
    """Seconds of processor time of each round: what else runs on the machine does not count."""
    found = []
    for _ in range(_ROUNDS):
        begin = time.process_time()
        work()
        found.append(time.process_time() - begin)
    return found


def main(components: int) -> None:
    """Measure and print."""
    raw = large(components)
    parsed = esf_snapshot.read(raw, "A", "bench").snapshot
    assert parsed is not None
    golden, vanilla, release = replace(a_golden(), snapshot=raw), a_vanilla(), a_release()
    settings = transform.console_settings(release, some_secrets())
    steps: dict[str, Callable[[], object]] = {
        "read": lambda: esf_snapshot.read(raw, "A", "bench"),
        "classify every property": lambda: classify({"snapshot_1.xml": raw}, [], parsed),
        "write": lambda: esf_snapshot.render(parsed),
        "rewrite for one gateway, loaded again": lambda: transform.rewrite(golden, vanilla, release, settings),
        "difference, for the report": lambda: transform.changes(golden, vanilla, release, settings),
    }
    properties = sum(len(found.properties) for found in parsed.configurations)
    sys.stdout.write(f"{len(parsed.configurations)} components, {properties} properties, {len(raw) / 1e6:.2f} MB\n")
    total = 0.0
    for name, work in steps.items():
        found = rounds(work)
        total += statistics.median(found)
        sys.stdout.write(f"{name:45} best {min(found):6.3f} s   median {statistics.median(found):6.3f} s\n")
    sys.stdout.write(f"{'all of it':45} {'':11}   median {total:6.3f} s\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
