"""How long the verifier takes over one image and over a whole release, against the bare floor in the same run.

    ./ci/bootstrap python -m tests.bench.bench_verify RELEASE

RELEASE is a release directory of any number of gateways. The floor is what nobody who opens images with libguestfs can
do without: one launch with as many drives, each mounted, its tree walked and the content of one file read; and one
reading of all bytes with SHA-256. Prints figures and ratios; it asserts nothing but that everything was verified.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.image.containers.sparse import pieces
from pipeline.verification import verify_paths

_AT_ONCE = 16  # drives of one launch, as the verifier has them

# The bare binding in a process of its own: what all verifiers have in common, and no check.
FLOOR = """
import sys, guestfs
g = guestfs.GuestFS(python_return_dict=True, environment=False)
g.set_backend("direct")
g.set_backend_settings(["force_tcg"])
for image in sys.argv[1:]:
    g.add_drive(image, readonly=True, format="raw")
g.launch()
for device in g.list_devices():
    g.mount_options("ro", device + "2", "/")
    g.find("/")
    g.read_file("/etc/passwd")
    g.umount_all()
g.shutdown()
g.close()
"""


def seconds(work: Callable[[], object]) -> float:
    """How long something takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def hashed(images: Sequence[Path]) -> None:
    """Every byte of every image once, holes as the verifier takes them."""
    for image in images:
        handle = os.open(image, os.O_RDONLY)
        digest = hashlib.sha256()
        for piece, _ in pieces(handle, 0, os.fstat(handle).st_size):
            digest.update(piece)
        os.close(handle)


def floor(images: Sequence[Path]) -> tuple[float, float]:
    """Launching and walking, and hashing."""
    environment = {**os.environ, "LIBGUESTFS_BACKEND_SETTINGS": "force_tcg"}

    def launch() -> None:
        for start in range(0, len(images), _AT_ONCE):
            batch = [str(image) for image in images[start : start + _AT_ONCE]]
            subprocess.run([sys.executable, "-c", FLOOR, *batch], check=True, env=environment)

    return seconds(launch), seconds(lambda: hashed(images))


def ours(paths: Sequence[Path], signers: Path) -> float:
    """The verifier on images; everything must pass."""

    def verify() -> None:
        with tempfile.TemporaryDirectory(prefix="bench-") as state:
            verdicts = verify_paths(
                paths,
                allowed_signers=signers,
                identity=None,
                deep=False,
                state_dir=Path(state),
                say=lambda text: None,
            )
        bad = [verdict for verdict in verdicts if not verdict.passed]
        if bad:
            sys.exit(f"not verified: {bad[:3]}")

    return seconds(verify)


def main() -> None:
    """Measure and print."""
    release = Path(sys.argv[1])
    images = sorted(release.glob("*/image.img"))
    total = sum(image.stat().st_blocks * 512 for image in images)
    print(f"{os.cpu_count()} processors, {os.uname().sysname} {os.uname().release}; TCG for the floor")
    print(f"{len(images)} images of {images[0].stat().st_size >> 20} MiB, {total >> 20} MiB of data together")
    for name, some, paths in (("one image", images[:1], images[:1]), ("the release", images, [release])):
        launched, read = floor(some)
        taken = ours(paths, release / "allowed_signers")
        bare = launched + read
        print(f"{name}: floor {bare:.1f} s (launch and walk {launched:.1f}, SHA-256 {read:.1f})")
        print(f"{name}: verified in {taken:.1f} s, {taken / bare:.2f} of the floor, {taken / len(some):.2f} s each")


if __name__ == "__main__":
    main()
