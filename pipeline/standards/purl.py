"""Package URLs (ECMA-427): one line that names a package in any ecosystem."""

from __future__ import annotations

from urllib.parse import quote


def purl(kind: str, namespace: str, name: str, version: str, **qualifiers: str) -> str:
    """A package URL in its canonical form; empty parts and qualifiers are left out.

    Args:
        kind: such as ``deb``; what the type folds to lower case is the caller's to know.
    """
    parts = [f"pkg:{kind}", *([_quote(namespace)] if namespace else []), _quote(name)]
    text = "/".join(parts) + (f"@{_quote(version)}" if version else "")
    stated = "&".join(f"{key}={_quote(value)}" for key, value in sorted(qualifiers.items()) if value)
    return f"{text}?{stated}" if stated else text


def _quote(text: str) -> str:
    return quote(text, safe=":")  # the colon, of epochs in versions, stays as it is (5.4 of the specification)
