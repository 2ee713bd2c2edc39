"""Problems that a user can correct. Everything else is a bug and keeps its traceback."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong, and what to do about it; each is one line for a person.

    Attributes:
        what: names the thing (file and line or key, device, tool) and what is wrong with it.
        remedy: what the user does next.
    """

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}\n  fix: {self.remedy}"


class PipelineError(Exception):
    """One or more problems of one input or one step, reported together.

    The command line prints them without a traceback and exits non-zero. Neither text may hold a secret.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.problems: tuple[Problem, ...] = (Problem(what, remedy),)

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> PipelineError:
        """An error that carries every problem found, in the order given; at least one is required."""
        found = tuple(problems)
        if not found:
            raise ValueError("an error needs at least one problem")
        error = cls(found[0].what, found[0].remedy)
        error.problems = found
        error.args = ("; ".join(problem.what for problem in found),)
        return error

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class MissingLibraryError(ImportError):
    """A library that a step needs is not installed; no fault of any input, so no reader may take it for one."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}\n  fix: {remedy}")


def raise_if_any(problems: Iterable[Problem]) -> None:
    """Raise one `PipelineError` that lists all problems, or return when there are none."""
    found = tuple(problems)
    if found:
        raise PipelineError.of(found)
