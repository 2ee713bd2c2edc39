"""What can be wrong with a snapshot, by what the gateway would do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Effect(StrEnum):
    """What the gateway does, or that we do not let it come to that."""

    SKIPS_PROPERTY = "the gateway skips the property without a word"
    OTHER_VALUE = "the gateway loads another value than the one that seems to be there"
    LOADS_NOTHING = "the gateway loads no configuration at all, without an error, and starts with defaults"
    DOES_NOT_START = "the gateway's configuration service does not start: no console, no cloud connection"
    REFUSED_HERE = "refused here, whatever the gateway does with it"

    @property
    def is_fatal(self) -> bool:
        """Whether nothing of the document can be used."""
        return self in (Effect.LOADS_NOTHING, Effect.DOES_NOT_START, Effect.REFUSED_HERE)


@dataclass(frozen=True)
class Malformation:
    """One thing that is wrong.

    Attributes:
        name: stable, short: ``bad-number``, ``not-well-formed``, ….
        line: in the document, from 1; 0 where it is about the whole.
        where: pid and property, empty where it is about the whole.
        detail: what exactly; never a value.
    """

    name: str
    effect: Effect
    line: int = 0
    where: str = ""
    detail: str = ""

    def __str__(self) -> str:
        place = ": ".join(part for part in (f"line {self.line}" if self.line else "", self.where) if part)
        said = f"{self.name} ({self.detail})" if self.detail else self.name
        return f"{place}: {said}: {self.effect}" if place else f"{said}: {self.effect}"


class DocumentLostError(Exception):
    """Ends the reading of a document; `loader` turns it into a result."""

    def __init__(self, malformation: Malformation) -> None:
        super().__init__(str(malformation))
        self.malformation = malformation
