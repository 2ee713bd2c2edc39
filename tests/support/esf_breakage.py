"""One breakage of an ESF image."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.model.rule import Expected
from tests.support.esf_edits import Edit

AS_GOLDEN, NORTH, SOUTH, LAB = "gw-as-golden", "gw-north-01", "gw-south-02", "gw-lab-03"


@dataclass(frozen=True)
class Breakage:
    """A change of a hardened image that a rule must catch.

    Attributes:
        path: of the file the breach must name.
        at: what the named line must hold; empty where the whole file or object is meant.
        gateway: whose hardened image is spoilt.
        expected: other decisions of the release than the usual ones.
    """

    name: str
    rule: str
    path: str
    edit: Edit = field(repr=False, compare=False)
    at: str = ""
    gateway: str = AS_GOLDEN
    init: str = "sysv"
    expected: Expected | None = None
