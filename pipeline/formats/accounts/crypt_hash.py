"""Password hashes of ``/etc/shadow``: sha256crypt and sha512crypt (U. Drepper, "Unix crypt using SHA-256 and SHA-512").

Old gateways may lack yescrypt, so sha512crypt is the strongest that all of them read. Python's own ``crypt`` is gone in
3.13.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from functools import lru_cache

ROUNDS = 5000  # the default; then the hash does not name them
_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SALT_ALPHABET = _ALPHABET
SALT_LENGTH = 16
# More than this takes seconds a try; the specification allows 999 999 999.
_MOST_ROUNDS = 200_000
_HASH = re.compile(r"\$([56])\$(?:rounds=(\d{1,9})\$)?([^$:]{1,16})\$([./0-9A-Za-z]{43}|[./0-9A-Za-z]{86})")
_CYCLE = 42  # turns after which what is hashed beside the running digest repeats: 2, 3 and 7 decide
_MOST_MADE = 16
_MADE: OrderedDict[str, bytes] = OrderedDict()
"""Hashes made here last, with a digest of the password: a rule that tries a dozen words on one need not compute it."""
# The three bytes of each group of letters start one after the other (the second start), by the specification's tables.
_ORDERS: dict[str, tuple[tuple[int, ...], tuple[int, ...], int, tuple[int, ...]]] = {
    "5": ((0, 10, 20), (2, 0, 1), 10, (31, 30)),
    "6": ((0, 21, 42), (1, 2, 0), 21, (63,)),
}


@lru_cache(maxsize=4)
def sha512crypt(password: str, salt: str) -> str:
    """``$6$salt$hash``; `ValueError` for a salt that is not 1 to 16 letters of `SALT_ALPHABET`."""
    if not 1 <= len(salt) <= SALT_LENGTH or not set(salt) <= set(SALT_ALPHABET):
        raise ValueError("a salt is 1 to 16 characters of ./0-9A-Za-z")
    hashed = f"$6${salt}${_digest('6', password, salt, ROUNDS)}"
    _MADE[hashed] = hashlib.sha256(password.encode()).digest()
    while len(_MADE) > _MOST_MADE:
        _MADE.popitem(last=False)
    return hashed


def fits(password: str, hashed: str) -> bool | None:
    """Whether a password is the one behind a hash; None for schemes, salts or rounds that are not computed here."""
    if hashed in _MADE:  # no two passwords are known that have one SHA-512 crypt
        return _MADE[hashed] == hashlib.sha256(password.encode()).digest()
    found = _HASH.fullmatch(hashed)
    if found is None:
        return None
    kind, rounds, salt, digest = found.groups()
    turns = ROUNDS if rounds is None else max(1000, int(rounds))
    if turns > _MOST_ROUNDS:
        return None
    return _digest(kind, password, salt, turns) == digest


def _digest(kind: str, password: str, salt: str, rounds: int) -> str:
    sha = hashlib.sha256 if kind == "5" else hashlib.sha512
    secret, seasoning = password.encode(), salt.encode()
    other = sha(secret + seasoning + secret).digest()
    first = sha(secret + seasoning + _stretched(other, len(secret)))
    bits = len(secret)
    while bits:
        first.update(other if bits & 1 else secret)
        bits >>= 1
    running = first.digest()
    long_secret = _stretched(sha(secret * len(secret)).digest(), len(secret))
    long_salt = _stretched(sha(seasoning * (16 + running[0])).digest(), len(seasoning))
    around = []
    for turn in range(_CYCLE):
        between = (long_salt if turn % 3 else b"") + (long_secret if turn % 7 else b"")
        around.append((long_secret + between, b"") if turn & 1 else (b"", between + long_secret))
    for turn in range(rounds):
        before, after = around[turn % _CYCLE]
        running = sha(before + running + after).digest()
    return _encoded(kind, running)


def _stretched(block: bytes, length: int) -> bytes:
    return (block * (length // len(block) + 1))[:length]


def _encoded(kind: str, digest: bytes) -> str:
    """The digest's bytes in crypt's own order, six bits a letter, least significant first."""
    order, turn, groups, rest = _ORDERS[kind]
    letters = []
    for _ in range(groups):
        number = int.from_bytes(bytes(digest[index] for index in order), "big")
        letters.append("".join(_ALPHABET[number >> shift & 63] for shift in (0, 6, 12, 18)))
        order = tuple((order[place] + 1) % (3 * groups) for place in turn)
    last = int.from_bytes(bytes(digest[index] for index in rest), "big")
    shifts = (0, 6, 12)[: len(rest) + 1]
    return "".join([*letters, "".join(_ALPHABET[last >> shift & 63] for shift in shifts)])
