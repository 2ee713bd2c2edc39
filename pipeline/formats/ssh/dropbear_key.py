"""Private host keys as dropbear reads them (dropbear 2022.83, ``signkey.c``, ``ed25519.c``, ``ecdsa.c``)."""

from __future__ import annotations

import base64
import binascii
import re
import struct

_MAGIC = b"openssh-key-v1\0"
_BODY = re.compile(rb"\s*-----BEGIN OPENSSH PRIVATE KEY-----(.*?)-----END OPENSSH PRIVATE KEY-----\s*", re.DOTALL)


class DropbearKeyError(ValueError):
    """Not a private key that can be handed over to dropbear; one line without any of it."""


def from_openssh(data: bytes) -> bytes:
    """The same key in dropbear's form: binary, without comment, never encrypted.

    Args:
        data: an unencrypted private key file of OpenSSH (PROTOCOL.key), Ed25519 or ECDSA on P-256.

    Raises:
        DropbearKeyError: anything else.
    """
    body = _BODY.fullmatch(data)
    try:
        raw = base64.b64decode(b"".join(body[1].split()), validate=True) if body else b""
    except (binascii.Error, ValueError):
        raw = b""
    if not raw.startswith(_MAGIC):
        raise DropbearKeyError("not a private key file of OpenSSH")
    cipher, rest = _string(raw[len(_MAGIC) :])
    _, rest = _string(rest)
    _, rest = _string(rest)
    if cipher != b"none" or rest[:4] != struct.pack(">I", 1):
        raise DropbearKeyError("encrypted, or not one key")
    _, rest = _string(rest[4:])
    secret, _ = _string(rest)
    algorithm, fields = _string(secret[8:])  # behind two check numbers
    if algorithm == b"ssh-ed25519":
        public, fields = _string(fields)
        private, _ = _string(fields)
        if len(private) != 64 or private[32:] != public:
            raise DropbearKeyError("the two halves of the key do not fit")
        return _framed(algorithm) + _framed(private)
    if algorithm == b"ecdsa-sha2-nistp256":
        curve, fields = _string(fields)
        point, fields = _string(fields)
        number, _ = _string(fields)
        return b"".join(map(_framed, (algorithm, curve, point, number)))
    raise DropbearKeyError("of an algorithm that is not converted here")


def _string(data: bytes) -> tuple[bytes, bytes]:
    length = int.from_bytes(data[:4], "big")
    if len(data) < 4 + length or len(data) < 4:
        raise DropbearKeyError("cut off")
    return data[4 : 4 + length], data[4 + length :]


def _framed(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data
