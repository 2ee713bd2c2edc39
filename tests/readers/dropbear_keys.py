"""Host keys of dropbear for the corpus: made of words, always the same, and nobody's.

An input is a kind of key and what becomes of it, such as ``ed25519 cut 40``.
"""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

_SEED = hashlib.sha256(b"a key of the corpus, nobody's").digest()
_CURVES: dict[str, tuple[ec.EllipticCurve, int]] = {
    "256": (ec.SECP256R1(), 32), "384": (ec.SECP384R1(), 48), "521": (ec.SECP521R1(), 64),
}  # fmt: skip


def made(recipe: bytes) -> bytes:
    """The bytes of a key file: kind, then steps with one argument each: cut, add, flip, name, as, keep."""
    kind, *words = recipe.decode("ascii").split()
    data = _key(kind)
    for step, argument in zip(words[::2], words[1::2], strict=True):
        data = _changed(data, step, argument)
    return data


def _changed(data: bytes, step: str, argument: str) -> bytes:
    if step == "cut":  # so many bytes at the end
        return data[: -int(argument)]
    if step == "keep":  # so many at the beginning
        return data[: int(argument)]
    if step == "add":  # so many zeros behind it
        return data + bytes(int(argument))
    if step == "front":
        return argument.encode() + data
    if step == "flip":  # every bit of this byte
        place = int(argument)
        return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]
    if step == "name":  # another algorithm in front of the same fields
        return _framed(argument.encode()) + data[4 + int.from_bytes(data[:4], "big") :]
    if step == "length":  # what the first field says of its length
        return int(argument).to_bytes(4, "big") + data[4:]
    if step == "second":  # what the second field says of its length
        place = 4 + int.from_bytes(data[:4], "big")
        return data[:place] + int(argument).to_bytes(4, "big") + data[place + 4 :]
    if step == "zero":  # everything behind the name
        place = 4 + int.from_bytes(data[:4], "big")
        return data[:place] + bytes(len(data) - place)
    raise AssertionError(f"no such step: {step}")


def _key(kind: str) -> bytes:
    if kind == "empty":
        return b""
    if kind == "text":
        return b"# no key at all\n"
    if kind == "ed25519":
        key = ed25519.Ed25519PrivateKey.from_private_bytes(_SEED)
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return _framed(b"ssh-ed25519") + _framed(_SEED + public)
    if kind.startswith("ecdsa"):
        return _ecdsa(kind.removeprefix("ecdsa"))
    if kind.startswith("rsa"):
        return _rsa(int(kind.removeprefix("rsa")))
    if kind in ("openssh", "pem", "der"):
        own = ed25519.Ed25519PrivateKey.from_private_bytes(_SEED)
        shapes = {"openssh": (Encoding.PEM, PrivateFormat.OpenSSH), "pem": (Encoding.PEM, PrivateFormat.PKCS8),
                  "der": (Encoding.DER, PrivateFormat.PKCS8)}  # fmt: skip
        return own.private_bytes(*shapes[kind], NoEncryption())
    if kind == "public":
        own = ed25519.Ed25519PrivateKey.from_private_bytes(_SEED)
        return own.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b"\n"
    raise AssertionError(f"no such key: {kind}")


def _ecdsa(bits: str) -> bytes:
    curve, size = _CURVES[bits]
    key = ec.derive_private_key(int.from_bytes((_SEED + _SEED)[:size], "big") >> 1, curve)
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    name = f"nistp{bits}".encode()
    return b"".join(map(_framed, (b"ecdsa-sha2-" + name, name, point))) + _number(key.private_numbers().private_value)


def _rsa(bits: int) -> bytes:
    """Of primes that follow from the seed: found by counting up from it."""
    half = bits // 2
    primes = []
    for label in (b"p", b"q"):
        stream = b"".join(hashlib.sha256(_SEED + label + bytes([part])).digest() for part in range(bits // 256 + 1))
        start = int.from_bytes(stream, "big") >> (len(stream) * 8 - half) | 3 << (half - 2) | 1
        primes.append(_next_prime(start))
    first, second = primes
    public = 65537
    private = pow(public, -1, (first - 1) * (second - 1))
    numbers = (public, first * second, private, first, second)
    return _framed(b"ssh-rsa") + b"".join(map(_number, numbers))


def _next_prime(number: int) -> int:
    while not all(pow(base, number - 1, number) == 1 for base in (2, 3, 5, 7)):
        number += 2
    return number


def _number(value: int) -> bytes:
    return _framed(value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _framed(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data
