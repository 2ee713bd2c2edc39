"""Public key lines of every kind, built by RFC 4253 and 5656 rather than by the code under test."""

from __future__ import annotations

import base64


def a_public_key(algorithm: str, *fields: bytes, comment: str = "someone@example", name: str = "") -> str:
    """A public key line of any fields."""
    blob = b"".join(len(field).to_bytes(4, "big") + field for field in ((name or algorithm).encode(), *fields))
    return f"{algorithm} {base64.b64encode(blob).decode()} {comment}".strip()


def rsa(bits: int, **options: str) -> str:
    """An RSA key of exactly so many bits; nobody has its factors."""
    modulus = (1 << (bits - 1)) + 1
    return a_public_key("ssh-rsa", b"\1\0\1", b"\0" + modulus.to_bytes(-(-bits // 8), "big"), **options)


def ecdsa(bits: int) -> str:
    """A key on a NIST curve."""
    point = b"\4" + b"\1" * (2 * -(-bits // 8))
    return a_public_key(f"ecdsa-sha2-nistp{bits}", b"nistp%d" % bits, point)


def ed25519(seed: int = 1, **options: str) -> str:
    """An Ed25519 key."""
    return a_public_key("ssh-ed25519", bytes([seed]) * 32, **options)


def dsa() -> str:
    """A DSA key of 1024 bits."""
    return a_public_key("ssh-dss", b"\0" + b"\xff" * 128, b"\0" + b"\xff" * 20, b"\1", b"\1")
