"""JAR files that other people made: of Debian's Java libraries and of the JDK on this machine."""

from __future__ import annotations

import hashlib
from pathlib import Path

_PLACES = (Path("/usr/share/java"), Path("/usr/lib/jvm"))


def real_jars() -> list[Path]:
    """Every JAR that differs from all others, sorted; ci/packages-test.txt sees to it that there are enough."""
    by_content: dict[str, Path] = {}
    for place in _PLACES:
        for path in sorted(place.rglob("*.jar")):
            if path.is_file() and not path.is_symlink():
                by_content.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), path)
    return sorted(by_content.values())
