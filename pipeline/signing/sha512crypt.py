"""Password hashes for ``/etc/shadow``: sha512crypt (U. Drepper, "Unix crypt using SHA-256 and SHA-512").

Old gateways may lack yescrypt, so this is the strongest that all of them read. Python's own ``crypt`` is deprecated.
"""

from __future__ import annotations

import hashlib

_ROUNDS = 5000  # the default; then the hash does not name them
_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SALT_ALPHABET = _ALPHABET
SALT_LENGTH = 16


def sha512crypt(password: str, salt: str) -> str:
    """``$6$salt$hash``; `ValueError` for a salt that is not 1 to 16 letters of `SALT_ALPHABET`."""
    if not 1 <= len(salt) <= SALT_LENGTH or not set(salt) <= set(SALT_ALPHABET):
        raise ValueError("a salt is 1 to 16 characters of ./0-9A-Za-z")
    secret, seasoning = password.encode(), salt.encode()
    other = hashlib.sha512(secret + seasoning + secret).digest()
    first = hashlib.sha512(secret + seasoning + _stretched(other, len(secret)))
    bits = len(secret)
    while bits:
        first.update(other if bits & 1 else secret)
        bits >>= 1
    running = first.digest()
    long_secret = _stretched(hashlib.sha512(secret * len(secret)).digest(), len(secret))
    long_salt = _stretched(hashlib.sha512(seasoning * (16 + running[0])).digest(), len(seasoning))
    for turn in range(_ROUNDS):
        step = hashlib.sha512(long_secret if turn & 1 else running)
        if turn % 3:
            step.update(long_salt)
        if turn % 7:
            step.update(long_secret)
        step.update(running if turn & 1 else long_secret)
        running = step.digest()
    return f"$6${salt}${_encoded(running)}"


def _stretched(block: bytes, length: int) -> bytes:
    return (block * (length // len(block) + 1))[:length]


def _encoded(digest: bytes) -> str:
    """The digest's bytes in crypt's own order, six bits a letter, least significant first."""
    letters = []
    order = (0, 21, 42)
    for _ in range(21):
        number = int.from_bytes(bytes(digest[index] for index in order), "big")
        letters.append("".join(_ALPHABET[number >> shift & 63] for shift in (0, 6, 12, 18)))
        order = ((order[1] + 1) % 63, (order[2] + 1) % 63, (order[0] + 1) % 63)
    letters.append("".join(_ALPHABET[digest[63] >> shift & 63] for shift in (0, 6)))
    return "".join(letters)
