"""The names that have a meaning in a JAR file (JAR File Specification, "Signed JAR File")."""

from __future__ import annotations

import re
from collections.abc import Iterable

MANIFEST = "META-INF/MANIFEST.MF"

_SIGNATURE_FILE = re.compile(r"META-INF/([^/]+\.(SF|RSA|DSA|EC)|SIG-[^/]*)", re.IGNORECASE)


def is_signature_file(name: str) -> bool:
    """Whether an entry belongs to a signature: directly in ``META-INF/``, in any case of letters, as Java reads it."""
    return _SIGNATURE_FILE.fullmatch(name) is not None


def is_covered(name: str) -> bool:
    """Whether a signature covers an entry: everything but directories, the manifest and signature files.

    ``META-INF/LICENSE``, ``META-INF/maven/…``, ``META-INF/services/…`` and ``META-INF/versions/…`` are covered.
    """
    return not name.endswith("/") and name != MANIFEST and not is_signature_file(name)


def signature_names(alias: str, kind: str = "RSA") -> tuple[str, str]:
    """Names of the signature file and the signature block for a key's alias and kind, as jarsigner chooses them."""
    base = re.sub(r"[^A-Z0-9_-]", "_", alias.upper())[:8]
    return f"META-INF/{base}.SF", f"META-INF/{base}.{kind}"


def signatures(names: Iterable[str]) -> tuple[tuple[str, str | None], ...]:
    """The signature files of a JAR, each with its block's name or None, sorted."""
    files = {name.upper(): name for name in names if is_signature_file(name)}
    found = []
    for upper, name in sorted(files.items()):
        if upper.endswith(".SF"):
            blocks = (files.get(upper.removesuffix("SF") + kind) for kind in ("RSA", "DSA", "EC"))
            found.append((name, next((block for block in blocks if block), None)))
    return tuple(found)


def misspelt(names: Iterable[str]) -> str | None:
    """An entry that Java takes for the manifest although its letters differ in case, or None."""
    return next((name for name in names if name.upper() == MANIFEST and name != MANIFEST), None)
