"""Prints how long signing takes and how much memory, ours beside jarsigner's, in one run on this machine.

Ours signs a deployment package as the build does, from file to file; jarsigner signs the bundle in it.

    python -m tests.bench.bench_signing [MEGABYTES ...]        default: 100 200

Nothing is asserted: times are of the machine, and of what else runs on it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from tests.support.jars.large_jar import large_jar, large_package
from tests.support.trust import a_signer, rsa_key

_ROUNDS = 3

_OURS = """
import sys
from pathlib import Path
from pipeline.signing.bundles.packages import sign_packages
from tests.support.trust import a_signer
(signed,) = sign_packages({"large.dp": Path(sys.argv[1]).read_bytes()}, a_signer())
Path(sys.argv[2]).write_bytes(signed.content)
"""
# The same process without the work: its interpreter, libraries and key.
_IDLE = (
    "from pipeline.signing.bundles.packages import sign_packages; from tests.support.trust import a_signer; a_signer()"
)


@dataclass(frozen=True)
class Cost:
    """Seconds by the wall clock and of the processor, and the highest resident size in MiB."""

    wall: float
    processor: float
    memory: float


def measure(command: Sequence[str | Path]) -> Cost:
    """Run a program and see what it took; wait4 tells of this one child alone."""
    started = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert child.stderr is not None
    complaints = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - started
    child.stderr.close()
    if child.returncode:
        raise SystemExit(f"{command[0]} failed: {complaints.decode(errors='replace')}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def best(command: Sequence[str | Path]) -> Cost:
    """The least of several rounds: what else runs only adds."""
    costs = [measure(command) for _ in range(_ROUNDS)]
    return Cost(*(min(getattr(cost, name) for cost in costs) for name in ("wall", "processor", "memory")))


def main(sizes: Sequence[int]) -> None:
    """Print the table."""
    python = sys.executable
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        certificate = x509.load_der_x509_certificate(a_signer().certificates[0].der)
        store = place / "sign.p12"
        store.write_bytes(
            pkcs12.serialize_key_and_certificates(
                b"signer", rsa_key("ours"), certificate, None, BestAvailableEncryption(b"changeit")
            )
        )
        idle = best([python, "-c", _IDLE])
        sys.stdout.write(f"our process before it signs: {idle.wall:.2f} s, {idle.memory:.0f} MiB\n")
        sys.stdout.write("JAR                       program      wall s   cpu s   peak MiB   wall, of ours\n")
        for size in sizes:
            for entries in (2000, 1):
                jar, package = place / "bundle.jar", place / "large.dp"
                large_jar(jar, size, entries=entries)
                large_package(package, size, entries=entries)
                ours = best([python, "-c", _OURS, package, place / "ours.dp"])
                theirs = best(
                    ["jarsigner", "-keystore", store, "-storepass", "changeit", "-signedjar", place / "theirs.jar", jar,
                     "signer"]
                )  # fmt: skip
                name = f"{size} MB, {entries} entr{'y' if entries == 1 else 'ies'}"
                for program, cost in (("ours", ours), ("jarsigner", theirs)):
                    sys.stdout.write(
                        f"{name:25} {program:10} {cost.wall:8.2f} {cost.processor:7.2f} {cost.memory:10.0f} "
                        f"{cost.wall / ours.wall:15.1f}\n"
                    )
                sys.stdout.flush()


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [100, 200])
