"""Results of looking at an image: what deviates, and what could not be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LEAK_SCAN = "leak scan"
"""Begins the line among a verdict's checks that tells what was looked for in the raw image and not found."""


class Outcome(StrEnum):
    """How a check ended. "Could not look" is never a pass."""

    DEVIATION = "deviation"
    NOT_LOOKED = "not looked"


@dataclass(frozen=True, order=True)
class Finding:
    """One deviation, or one thing that could not be looked at.

    Attributes:
        subject: a path in the image, a file of the release, or a part of the manifest.
        check: what was compared: ``content``, ``mode``, ``missing``, ``signature``, ….
        expected / seen: never a secret.
    """

    subject: str
    check: str
    expected: str = ""
    seen: str = ""
    outcome: Outcome = Outcome.DEVIATION


@dataclass(frozen=True)
class Verdict:
    """All findings about one gateway's image, sorted, and what was covered.

    Attributes:
        checks: what was covered of this gateway.
        together: what was covered by looking at several; depends on which were looked at in one go.
    """

    gateway: str
    findings: tuple[Finding, ...]
    checks: tuple[str, ...]
    together: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Nothing deviates and everything could be looked at."""
        return not self.findings

    @property
    def exit_status(self) -> int:
        """0 verified, 1 deviations, 2 could not look."""
        if any(finding.outcome is Outcome.NOT_LOOKED for finding in self.findings):
            return 2
        return 1 if self.findings else 0
