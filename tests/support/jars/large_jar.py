"""Large JARs and packages that do not compress, written in pieces, the same each time."""

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
        manifest = "Manifest-Version: 1.0\r\nBundle-SymbolicName: large\r\nBundle-Version: 1.0.0\r\n\r\n"
        archive.writestr("META-INF/MANIFEST.MF", manifest)
        for number in range(entries):
            with archive.open(f"com/example/C{number}.class", "w") as file:
                for start in range(0, size, _PIECE):
                    file.write(noise.randbytes(min(_PIECE, size - start)))


def large_package(path: Path, megabytes: int, *, entries: int, level: int = 6) -> None:
    """A deployment package with one such JAR as its bundle, stored as the gateway's reader takes it."""
    jar = path.with_suffix(".jar")
    large_jar(jar, megabytes, entries=entries, level=level)
    manifest = (
        "Manifest-Version: 1.0\r\nDeploymentPackage-ManifestVersion: 1\r\nDeploymentPackage-SymbolicName: large\r\n"
        "DeploymentPackage-Version: 1.0.0\r\n\r\nName: large.jar\r\nBundle-SymbolicName: large\r\n"
        "Bundle-Version: 1.0.0\r\n\r\n"
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("META-INF/MANIFEST.MF", manifest)
        archive.write(jar, "large.jar")
    jar.unlink()
