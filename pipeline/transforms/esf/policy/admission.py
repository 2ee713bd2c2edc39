"""What a security policy means for one bundle: will it run, because of which row, or why not.

As OSGi's Conditional Permission Admin decides it: rows are asked in their order, and the first whose condition holds
for the bundle and whose permissions cover what is asked for decides; what no row decides is denied.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from pipeline.formats.crypto import distinguished_name
from pipeline.formats.crypto.distinguished_name import DnError
from pipeline.formats.esf.esf_policy import ALL_PERMISSION, SIGNER, Row, SecurityPolicy


class Decision(Enum):
    """What a bundle may do."""

    EVERYTHING = "everything"
    SOMETHING = "some things"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Admission:
    """The verdict on one bundle.

    Attributes:
        rows: those that decided, with their numbers from 1, in the order they are asked.
        passed_over: every other row with the reason why it does not concern this bundle.
    """

    decision: Decision
    rows: tuple[tuple[int, Row], ...] = ()
    passed_over: tuple[tuple[int, Row, str], ...] = ()


def admission(policy: SecurityPolicy, chain: Sequence[str], location: str = "") -> Admission:
    """The verdict of a policy on a bundle.

    Args:
        chain: subject names of the trusted signer, leaf first; empty for a bundle the framework takes for unsigned.
        location: from where the framework installed it, for conditions on that; empty when nobody knows.
    """
    rows: list[tuple[int, Row]] = []
    over: list[tuple[int, Row, str]] = []
    decided = False
    for number, row in enumerate(policy.rows, 1):
        why = "an earlier row has decided everything" if decided else _not_of(row, chain, location)
        if why:
            over.append((number, row, why))
            continue
        rows.append((number, row))
        decided = any(item.type == ALL_PERMISSION for item in row.permissions)
    return Admission(_decision(rows), tuple(rows), tuple(over))


def _decision(rows: Sequence[tuple[int, Row]]) -> Decision:
    """Denials before the row that allows everything take something away from it."""
    allowed = [row for _, row in rows if row.access == "ALLOW"]
    if not allowed:
        return Decision.NOTHING
    if len(rows) == 1 and allowed[0].allows_everything:
        return Decision.EVERYTHING
    full = any(row.allows_everything for row in allowed)
    return Decision.SOMETHING if not full or len(allowed) < len(rows) else Decision.EVERYTHING


def _not_of(row: Row, chain: Sequence[str], location: str) -> str:
    """Why a row's condition does not hold for a bundle; empty when it does."""
    condition = row.condition
    if condition is None:
        return ""
    if condition.type != SIGNER:
        if not location:
            return "nobody knows where it will lie"
        return "" if _lies_at(condition.argument, location) is not condition.negated else "it lies elsewhere"
    try:
        holds = bool(chain) and distinguished_name.matches(condition.argument, chain)
    except DnError as error:
        return f"its pattern or the signer cannot be compared: {error}"
    if holds is not condition.negated:
        return ""
    if condition.negated:
        return "it is for everybody but this signer"
    return "it is for signed bundles" if not chain else f"{condition.argument} is somebody else"


def _lies_at(pattern: str, location: str) -> bool:
    """``BundleLocationCondition`` compares as an OSGi filter does: a star stands for anything."""
    return re.fullmatch(".*".join(re.escape(piece) for piece in pattern.split("*")), location, re.DOTALL) is not None


def unreachable(policy: SecurityPolicy) -> Iterator[tuple[int, Row, int]]:
    """Rows that never decide: an earlier row, whose number comes along, decides everything for the same bundles.

    Patterns are compared as they are written, wildcards and all; that one covers another in some other way is not seen.
    """
    decisive: list[tuple[int, Row]] = []
    for number, row in enumerate(policy.rows, 1):
        earlier = next((at for at, other in decisive if _covers(other, row)), None)
        if earlier is not None:
            yield number, row, earlier
        if any(item.type == ALL_PERMISSION for item in row.permissions):
            decisive.append((number, row))


def _covers(earlier: Row, later: Row) -> bool:
    if earlier.condition is None:
        return True
    if later.condition is None or earlier.condition.type != later.condition.type:
        return False
    if earlier.condition.negated is not later.condition.negated:
        return False
    if earlier.condition.type != SIGNER:
        return earlier.condition.argument == later.condition.argument
    try:
        return distinguished_name.parse_pattern(earlier.condition.argument) == distinguished_name.parse_pattern(
            later.condition.argument
        )
    except DnError:
        return False
