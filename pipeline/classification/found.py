"""What the search for secrets reports: where, and why it looks like one; never what it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class FoundSecret:
    """One place that holds, or may hold, a secret.

    Attributes:
        kind: stable, short: ``private key``, ``keystore``, ``password``, ``token``, ``high entropy``, ``not searched``.
        place: file, members of archives after ``!/``, line; or pid and property.
        reason: by what it was found; never a value.
    """

    kind: str
    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.kind}: {self.reason}"


KEYSTORE = "keystore"
PRIVATE_KEY = "private key"
PASSWORD = "password"  # noqa: S105 - a kind, not a password
TOKEN = "token"  # noqa: S105 - a kind, not a token
ENTROPY = "high entropy"
NOT_SEARCHED = "not searched"
