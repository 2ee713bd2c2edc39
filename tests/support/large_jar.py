"""Large JARs that do not compress, written in pieces, the same each time."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

_PIECE = 1 << 20


def large_jar(path: Path, megabytes: int, *, entries: int, level: int = 6) -> None:
    """A JAR with a manifest and so many entries of random bytes, deflated as build tools do it; level 0 is quick."""
    noise = random.Random(20_260_101)
    size = megabytes * _PIECE // entries
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\nBundle-SymbolicName: large\r\n\r\n")
        for number in range(entries):
            with archive.open(f"com/example/C{number}.class", "w") as file:
                for start in range(0, size, _PIECE):
                    file.write(noise.randbytes(min(_PIECE, size - start)))
