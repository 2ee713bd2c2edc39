"""One thing of an export, the class it belongs to, and what may be decided about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is judged: files and links by their path, settings of the snapshot by pid and name."""

    FILE = "file"
    LINK = "link"
    PROPERTY = "property"


class Class(StrEnum):
    """What a thing is to the other gateways."""

    PORTABLE = "portable"
    """The same on all gateways."""
    PER_GATEWAY = "per-gateway"
    """Belongs to one gateway: the inventory's word, or nothing at all, takes its place."""
    SECRET = "secret"  # noqa: S105 - a class, not a secret
    """A credential, or a file that holds one."""
    FORBIDDEN = "forbidden"
    """Must never reach another gateway; nobody can decide otherwise."""
    DERIVED = "derived"
    """Written anew by the pipeline; what the golden sample has does not count, or goes through a rule."""
    UNKNOWN = "unknown"
    """No document and no rule speaks of it."""


class Decision(StrEnum):
    """What becomes of a thing."""

    TRAVELS = "travels"
    STAYS = "stays"
    UNDECIDED = "undecided"


ANY = frozenset({Decision.TRAVELS, Decision.STAYS})
TRAVELS = frozenset({Decision.TRAVELS})
STAYS = frozenset({Decision.STAYS})


@dataclass(frozen=True, order=True)
class Key:
    """Which thing: ``name`` is a path relative to the gateway's root, or a property's; ``pid`` is the component's."""

    kind: Kind
    pid: str
    name: str

    def __str__(self) -> str:
        return f"{self.pid} {self.name}" if self.kind is Kind.PROPERTY else self.name


@dataclass(frozen=True, order=True)
class Item:
    """A judged thing.

    Attributes:
        reason: document line or format fact; never a value.
        proposal: what its rule decides; ``undecided`` where a person has to.
        allowed: what a person may decide.
        digest: of its content, 128 bits of SHA-256 in hex digits; empty where it could be used to guess a secret.
    """

    key: Key
    sort: Class
    reason: str
    proposal: Decision
    allowed: frozenset[Decision]
    digest: str = ""
