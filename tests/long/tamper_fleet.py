"""Every way to tamper with a release of deltas deviates: deltas, maps, manifests, base, signatures, sums, files.

    python -m tests.long.tamper_fleet RELEASE ALLOWED_SIGNERS

Works on copies of one gateway's directory; the base is looked at once.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.host.digests import sha256_of
from pipeline.rules.registry import RULES
from pipeline.verification import fleet
from pipeline.verification.delivery import BASE
from pipeline.verification.fleet import Trusted
from pipeline.verification.fleet_files import by_directory
from pipeline.verification.sums import read_sums
from pipeline.verification.uniqueness import Uniqueness

Change = Callable[[Path], object]


def flip(name: str, place: int) -> Change:
    """One bit of a file, counted from the end where the place is negative."""

    def change(directory: Path) -> None:
        data = bytearray((directory / name).read_bytes())
        at = place % len(data)
        # A line break of an armoured signature may be any blank: it says nothing (ssh-keygen takes it too).
        data[at - 1 if data[at : at + 1] == b"\n" else at] ^= 1
        (directory / name).write_bytes(data)

    return change


def cut(name: str, away: int) -> Change:
    """The end of a file goes."""
    return lambda directory: (directory / name).write_bytes((directory / name).read_bytes()[:-away])


def swap(name: str, other: Path) -> Change:
    """Another gateway's file in place of this one's."""
    return lambda directory: (directory / name).write_bytes((other / name).read_bytes())


def changes(other: Path) -> Iterator[tuple[str, Change]]:
    """Every tampering with its name."""
    for name in ("delta.img.zst", "delta.bmap", "manifest.json", "manifest.json.sig"):
        for place in (0, 5, 100, 150, 200, 250, -1, -20, -100, -150):
            yield f"{name}: bit at {place}", flip(name, place)
        for away in (1, 10, 200):
            yield f"{name}: {away} bytes cut", cut(name, away)
        yield f"{name}: another gateway's", swap(name, other)
        yield f"{name}: taken away", lambda directory, name=name: (directory / name).unlink()  # type: ignore[misc]
        yield f"{name}: empty", lambda directory, name=name: (directory / name).write_bytes(b"")  # type: ignore[misc]
    yield "a file more", lambda directory: (directory / "extra").write_bytes(b"x")
    yield "all of another gateway", lambda directory: _all_of(other, directory)


def base_changes() -> Iterator[tuple[str, Change]]:
    """The same of the base."""
    for name, places in (
        ("base.img.zst", (0, 1000, 1 << 20, 10 << 20, -1, -1000)),
        ("base.bmap", (100, 900, 2000, -40)),
        ("manifest.json", (100, 5000, -200)),
        ("manifest.json.sig", (100,)),
        ("sbom.cdx.json", (500,)),
        ("sbom.spdx.json", (500,)),
    ):
        for place in places:
            yield f"base {name}: bit at {place}", flip(name, place)


def unchanged(directory: Path) -> None:
    """As it was published."""
    del directory


def _all_of(other: Path, directory: Path) -> None:
    for path in other.iterdir():
        shutil.copy(path, directory / path.name)


def main(release: Path, signers: Path) -> None:
    """Try each; ends with 1 when one of them is verified."""
    names = sorted(path.name for path in release.iterdir() if path.is_dir() and path.name != "fleet.base")[:2]
    missed, left, trusted = 0, 0, Trusted(signers, None, None)
    sums = by_directory(read_sums(release)[0])
    every = list(changes(release / names[1]))
    with tempfile.TemporaryDirectory(prefix="tamper-") as place:
        verdict, base = fleet._check_base(release / BASE, sums, trusted, Path(place), RULES, deep=False)
        sys.stdout.write(f"base: {len(verdict.findings)} findings\n")
        for what, change in [("nothing changed", unchanged), *every]:
            directory = Path(place) / names[0]
            shutil.rmtree(directory, ignore_errors=True)
            shutil.copytree(release / names[0], directory)
            change(directory)
            # As sums say it was, and once more as if whoever tampered had written the sums anew.
            forged = {**sums, names[0]: {path.name: sha256_of(path) for path in directory.iterdir()}}
            for kind, listed in (("", sums), (", sums too", forged)):
                seen, _ = fleet._check_gateway(directory, listed, trusted, base, Uniqueness())
                if what != "nothing changed":
                    missed += seen.passed and not kind
                    left += seen.passed and bool(kind)
                sys.stdout.write(f"{what}{kind}: {'VERIFIED' if seen.passed else seen.findings[0]}\n")
        if base is not None:
            base.readers.close()
    for what, change in base_changes():
        with tempfile.TemporaryDirectory(prefix="tamper-") as place:
            directory = Path(place) / BASE
            shutil.copytree(release / BASE, directory)
            change(directory)
            forged = {**sums, BASE: {path.name: sha256_of(path) for path in directory.iterdir()}}
            seen, base = fleet._check_base(directory, forged, trusted, Path(place), RULES, deep=False)
            if base is not None:
                base.readers.close()
            left += seen.passed
            sys.stdout.write(f"{what}, sums too: {'VERIFIED' if seen.passed else seen.findings[0]}\n")
            every.append((what, change))
    sys.stdout.write(
        f"{len(every)} tamperings, {missed} not noticed; {left} where sums are written anew, "
        "left to the signed release.json, which names every file\n"
    )
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
