"""The public half of a private SSH host key, in whatever form it lies in the image."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Callable, Iterator

from pipeline.formats.crypto import der
from pipeline.formats.crypto.der import DerError

_PEM = re.compile(rb"-----BEGIN ([A-Z ]*PRIVATE KEY)-----(.*?)-----END \1-----", re.DOTALL)
_OPENSSH = b"openssh-key-v1\0"
# Object identifiers of RFC 5480, 8017 and 8410, as DER bodies.
_CURVES = {
    bytes.fromhex("2a8648ce3d030107"): b"nistp256",
    bytes.fromhex("2b81040022"): b"nistp384",
    bytes.fromhex("2b81040023"): b"nistp521",
}
_RSA, _EC = bytes.fromhex("2a864886f70d010101"), bytes.fromhex("2a8648ce3d0201")


def public_part(data: bytes) -> bytes | None:
    """The public key as SSH sends it: of OpenSSH's own form, PEM and dropbear's.

    None for anything else, for what is encrypted, and for what shows its public half only to those who compute it
    (Ed25519 as PKCS #8, which no OpenSSH writes).
    """
    pem = _PEM.search(data)
    try:
        if pem is None:
            return _dropbear(data)
        raw = base64.b64decode(b"".join(pem[2].split()), validate=True)
        if pem[1] == b"OPENSSH PRIVATE KEY":
            return _openssh(raw)
        read: Callable[[bytes], bytes | None] | None = {
            b"RSA PRIVATE KEY": _rsa,
            b"EC PRIVATE KEY": _ec,
            b"PRIVATE KEY": _pkcs8,
        }.get(pem[1])
        return None if read is None else read(raw)
    except (binascii.Error, DerError, _CutOffError):
        return None


def line_of_key(public: bytes) -> str:
    """A public key as a line of text, algorithm and Base64, as in a ``.pub`` file without comment."""
    algorithm = next(_strings(public), b"").decode("ascii", "replace")
    return f"{algorithm} {base64.b64encode(public).decode('ascii')}"


class _CutOffError(ValueError):
    pass


def _openssh(raw: bytes) -> bytes | None:
    """What the file says of itself in the clear (PROTOCOL.key)."""
    body = raw[len(_OPENSSH) :]
    fields = _strings(body)
    head = sum(4 + len(_next(fields)) for _ in range(3))  # cipher, key derivation, its options
    found = next(_strings(body[head + 4 :]), None)  # behind the number of keys
    return found if raw.startswith(_OPENSSH) and found else None


def _dropbear(data: bytes) -> bytes | None:
    """Dropbear's form is its own public form with the secret numbers behind it (signkey.c)."""
    fields = _strings(data)
    algorithm = _next(fields)
    if algorithm == b"ssh-rsa":
        return _framed(algorithm, _next(fields), _next(fields))
    if algorithm == b"ssh-ed25519":
        both = _next(fields)
        return _framed(algorithm, both[32:]) if len(both) == 64 else None
    if algorithm.startswith(b"ecdsa-sha2-"):
        return _framed(algorithm, _next(fields), _next(fields))
    return None


def _rsa(raw: bytes) -> bytes | None:
    """RSAPrivateKey of RFC 8017, A.1.2: version, modulus, public exponent and the rest."""
    parts = der.items(der.only(raw, der.SEQUENCE))
    der.take(parts, der.INTEGER)
    modulus = der.take(parts, der.INTEGER)
    return _framed(b"ssh-rsa", der.take(parts, der.INTEGER), modulus)


def _ec(raw: bytes, curve: bytes | None = None) -> bytes | None:
    """ECPrivateKey of RFC 5915; its public key may be left out, OpenSSL and ssh-keygen do not."""
    parts = der.items(der.only(raw, der.SEQUENCE))
    der.take(parts, der.INTEGER)
    der.take(parts, der.OCTETS)
    found = {tag: body for tag, body, _ in parts}
    if der.CONTEXT_0 in found:
        curve = der.only(found[der.CONTEXT_0], der.OID)
    if der.CONTEXT_1 not in found or curve not in _CURVES:
        return None
    name = _CURVES[curve]
    return _framed(b"ecdsa-sha2-" + name, name, der.only(found[der.CONTEXT_1], der.BIT_STRING)[1:])


def _pkcs8(raw: bytes) -> bytes | None:
    """PrivateKeyInfo of RFC 5208."""
    parts = der.items(der.only(raw, der.SEQUENCE))
    der.take(parts, der.INTEGER)
    algorithm = der.items(der.take(parts, der.SEQUENCE))
    kind = der.take(algorithm, der.OID)
    inner = der.take(parts, der.OCTETS)
    if kind == _RSA:
        return _rsa(inner)
    return _ec(inner, der.take(algorithm, der.OID)) if kind == _EC else None


def _strings(data: bytes) -> Iterator[bytes]:
    """SSH's strings: a length of four bytes, and so many bytes."""
    at = 0
    while at + 4 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if at + 4 + length > len(data):
            return
        yield data[at + 4 : at + 4 + length]
        at += 4 + length


def _next(fields: Iterator[bytes]) -> bytes:
    found = next(fields, None)
    if found is None:
        raise _CutOffError
    return found


def _framed(*parts: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)
