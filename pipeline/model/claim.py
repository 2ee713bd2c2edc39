"""A claim: what one place of an export says about a subject, and where two places contradict each other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pipeline.errors import Problem


@dataclass(frozen=True, order=True)
class Place:
    """A file, called as messages call it, and a line in it, from 1; 0 where it is about the whole file."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}: line {self.line}" if self.line else self.file


@dataclass(frozen=True)
class Claim:
    """What a place says.

    Attributes:
        subject: what it is said of, such as the name of an interface.
        about: what is said, such as ``address``; places that say the same thing use the same word and form of value.
        secret: the value must not be shown; it is given as `comparable` makes it.
    """

    subject: str
    about: str
    value: str = field(repr=False)
    place: Place
    secret: bool = False


def comparable(secret: str) -> str:
    """A secret as something that can be compared with another, and not used."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def contradictions(claims: Iterable[Claim], remedy: str) -> Iterator[Problem]:
    """Everything that is said of one thing and is not what was said of it first; each problem names both places."""
    first: dict[tuple[str, str], Claim] = {}
    for claim in claims:
        known = first.setdefault((claim.subject, claim.about), claim)
        if known.value == claim.value:
            continue
        if claim.secret or known.secret:
            yield Problem(f"{known.place}: {claim.subject}: {claim.about} is another than in {claim.place}", remedy)
        else:
            yield Problem(
                f"{known.place}: {claim.subject}: {claim.about} is {known.value or 'none'}, "
                f"but {claim.value or 'none'} in {claim.place}",
                remedy,
            )
