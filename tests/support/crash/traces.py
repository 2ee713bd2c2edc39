"""A secret in every form it may leave a trace in: as it is, and as files, logs and programs write it."""

from __future__ import annotations

import base64
import hashlib
import urllib.parse
from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape


def forms(secret: bytes) -> dict[str, bytes]:
    """The secret by the name of each form; forms that are the same are there once."""
    text = secret.decode("latin-1")
    utf16 = text.encode("utf-16-be")
    found = {
        "plain": secret,
        "hexadecimal": secret.hex().encode(),
        "hexadecimal, capitals": secret.hex().upper().encode(),
        "UTF-16": utf16,
        "UTF-16, little endian": text.encode("utf-16-le"),
        "in a URL": urllib.parse.quote(text, safe="").encode(),
        "in XML": escape(text).encode("latin-1"),
        "in Python's repr": repr(secret)[2:-1].encode(),
        "SHA-256": hashlib.sha256(secret).hexdigest().encode(),
        "SHA-1": hashlib.sha1(secret).hexdigest().encode(),  # noqa: S324
        "MD5": hashlib.md5(secret).hexdigest().encode(),  # noqa: S324
        "SHA-256, Base64": base64.b64encode(hashlib.sha256(secret).digest()),
    }
    # Base64 depends on where in a triple of bytes the secret begins; the letters at the edges are its neighbours'.
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + secret)
        middle = encoded[(0, 2, 3)[shift] :].rstrip(b"=")
        found[f"Base64, shifted by {shift}"] = middle[: len(middle) - 1 if (len(secret) + shift) % 3 else len(middle)]
    seen: dict[bytes, str] = {}
    for name, form in found.items():
        if len(form) >= 8:
            seen.setdefault(form, name)
    return {name: form for form, name in seen.items()}


def traces(haystacks: Mapping[str, bytes], secrets: Mapping[str, bytes]) -> list[str]:
    """Where which secret was found, in which form; never the secret."""
    return [
        f"{place}: {name}, {form}"
        for place, content in sorted(haystacks.items())
        for name, secret in secrets.items()
        for form, needle in forms(secret).items()
        if needle in content
    ]


def all_of(pieces: Iterable[bytes]) -> bytes:
    """Pieces that nothing runs across."""
    return b"\0\0\0\0".join(pieces)
