"""Hashes of passwords as crypt(5), Apache, mosquitto and the PHC string format write them.

A dollar sign is part of names, too: Java numbers inner classes with it (``HashBiMap$Inverse$1$1$InverseEntry``). So
what is before it, and how long salt and hash are, has to fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_C = rb"[./A-Za-z0-9]"  # the alphabet of crypt
_B = rb"[./A-Za-z0-9+=]"  # and of those that write Base64
_FORMS = (
    rb"\$(?:1|apr1)\$" + _C + rb"{1,8}\$" + _C + rb"{16,}",
    rb"\$2[abxy]?\$\d\d\$" + _C + rb"{20,}",
    rb"\$[56]\$(?:rounds=\d+\$)?" + _B + rb"{1,24}\$" + _B + rb"{20,}",
    rb"\$g?y\$[./A-Za-z0-9]+\$" + _C + rb"{8,}\$" + _C + rb"{8,}",
    rb"\$7\$" + _B + rb"{3,}\$" + _B + rb"{16,}",
    rb"\$(?:sha1|md5|3)[$,][^\s$:]*\$[^\s:]{16,}",
    rb"\$(?:argon2(?:id|i|d)|scrypt|pbkdf2(?:-\w+)?|bcrypt-sha256|krb5\w*)\$[^\s:\"']{16,}",
    # Cisco's types 4, 8 and 9.
    rb"\$[489]\$[./A-Za-z0-9]{4,16}\$[./A-Za-z0-9]{16,}",
)
_HASH = re.compile(rb"(?<![\w$])(?:" + rb"|".join(_FORMS) + rb")")


def crypt_hashes(content: bytes) -> Iterator[int]:
    """Where hashes stand."""
    if b"$" not in content:
        return
    yield from (found.start() for found in _HASH.finditer(content))
    if b"\\$" in content or b"$$" in content:
        # A shell and a composition of containers want their dollars escaped or doubled.
        plain = content.replace(b"\\$", b"$").replace(b"$$", b"$")
        yield from (min(found.start(), len(content) - 1) for found in _HASH.finditer(plain))
