"""Who is handed which of the gateways' secrets."""

from __future__ import annotations

from dataclasses import dataclass

KNOWABLE = ("root", "console", "wifi", "certificates_keystore", "cacerts_keystore", "client_keys")
"""What a role may be told, by the names that given secrets have."""


@dataclass(frozen=True)
class Recipient:
    """A role: one encrypted file for all gateways.

    Attributes:
        age: recipients, each of whom opens the file alone.
        knows: of `KNOWABLE`; whatever is not named is not in the file.
    """

    role: str
    age: tuple[str, ...]
    knows: tuple[str, ...]
