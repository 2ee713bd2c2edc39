"""Strict reading of TOML: every value checked as it is taken, every key that nobody took reported, all at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pipeline.errors import PipelineError, Problem

LARGEST = 16 << 20  # bytes; a fleet of 100 000 gateways fits, a disk image given by mistake does not

_Choice = TypeVar("_Choice", bound=str)


def read_bytes(path: Path, what: str) -> bytes:
    """The whole of a file a user named; `PipelineError` when it cannot be read or cannot be such a file."""
    try:
        if not path.is_file():
            raise PipelineError(f"{path}: {what} is not there, or is not a file", "check the path")
        if path.stat().st_size > LARGEST:
            raise PipelineError(
                f"{path}: larger than {LARGEST >> 20} MiB, too large to be the {what}", "check the path"
            )
        return path.read_bytes()
    except OSError as error:
        raise PipelineError(f"{path}: {what} cannot be read: {error.strerror}", "check path and permissions") from None


def decode(data: bytes, place: str) -> str:
    """UTF-8 text, with or without a byte order mark; `PipelineError` for anything else."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PipelineError(f"{place}: line {line} is not UTF-8", "save the file as UTF-8") from None
    if "\0" in text:
        raise PipelineError(f"{place}: holds NUL characters", "save the file as UTF-8 text")
    return text


def load(path: Path, what: str) -> dict[str, object]:
    """Read a TOML file; `PipelineError` when it is not there or is not TOML."""
    text = decode(read_bytes(path, what), str(path))
    try:
        return tomllib.loads(text)
    except RecursionError:
        reason = "nested too deeply"
    except tomllib.TOMLDecodeError as error:
        reason = str(error)
    except ValueError:  # Python's own limit; its text names a function of Python
        reason = "a number in it has thousands of digits"
    raise PipelineError(f"{path}: not TOML: {reason}", "correct the line named; keys are documented in it")


class Table:
    """One table of a TOML file (or one row of a CSV file in the same shape).

    Every getter takes a key, checks its value and notes a problem when it is wrong; the value returned then is a
    harmless one of the right type, so that reading goes on and all problems are found in one pass. `close` notes keys
    that nobody asked for.

    Args:
        place: what a user finds the table by, such as ``gateway.toml [ssh]``.
    """

    def __init__(self, place: str, values: object, problems: list[Problem]) -> None:
        self.place = place
        self.problems = problems
        self._known: set[str] = set()
        self._values: Mapping[str, object] = {}
        if isinstance(values, dict):
            self._values = values
        else:
            self.wrong("", "must be a table", "write it as [name] with keys below it")

    def wrong(self, key: str, what: str, remedy: str) -> None:
        """Note a problem with one key; the value is not shown, because it may be anything."""
        self.problems.append(Problem(f"{self.place}{' ' + key if key else ''}: {what}", remedy))

    def has(self, key: str) -> bool:
        """Whether the key is given at all."""
        return key in self._values

    def close(self) -> None:
        """Report the keys that mean nothing; a misspelt key must not silently leave a default in force."""
        for key in sorted(set(self._values) - self._known):
            known = ", ".join(sorted(self._known))
            self.wrong(ascii(key)[1:-1], "unknown key", f"known here: {known}")

    def text(
        self, key: str, default: str | None = None, *, form: str = r"[ -~]*", meaning: str = "text", shown: bool = False
    ) -> str:
        """A string that matches a regular expression as a whole; no default makes the key mandatory.

        Args:
            shown: a wrong value is shown in the message, for keys in which nobody keeps a secret.
        """
        value = self._take(key, default)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.wrong(key, f"must be {meaning}, in quotes", "put the value in quotes")
        elif value != default and not re.fullmatch(form, value):
            told = f"{ascii(value[:80])} " if shown else ""
            self.wrong(key, f"{told}is not {meaning}", f"allowed form: {form}")
        else:
            return value
        return default or ""

    def choice(self, key: str, default: _Choice, allowed: Sequence[_Choice]) -> _Choice:
        """One of a few words."""
        value = self._take(key, default)
        for word in allowed:
            if value == word:
                return word
        self.wrong(key, "is not one of the values known", f"use one of: {', '.join(allowed)}")
        return default

    def integer(self, key: str, default: int | None, lowest: int, highest: int) -> int:
        """A whole number within bounds, both included."""
        value = self._take(key, default)
        if value is None:
            return lowest
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            self.wrong(key, f"must be a whole number from {lowest} to {highest}", "correct the value, without quotes")
            return lowest if default is None else default
        return value

    def boolean(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self._take(key, default)
        if not isinstance(value, bool):
            self.wrong(key, "must be true or false", "write true or false, without quotes")
            return default
        return value

    def variant(self, key: str, allowed: Sequence[str]) -> str:
        """One of a few words, or true for the first of them, or false for none, which reads as empty."""
        value = self._take(key, default=False)
        if isinstance(value, bool):
            return allowed[0] if value else ""
        if value in allowed:
            return str(value)
        self.wrong(key, "is not one of the values known", f"use one of: false, {', '.join(allowed)}")
        return ""

    def items(self, key: str, default: Sequence[object] = ()) -> tuple[object, ...]:
        """An array of anything; the caller checks the elements."""
        value = self._take(key, list(default))
        if not isinstance(value, list):
            self.wrong(key, "must be an array", "put the values in square brackets")
            return tuple(default)
        return tuple(value)

    def texts(
        self, key: str, default: Sequence[str] = (), *, form: str = r"[ -~]+", meaning: str = "text"
    ) -> tuple[str, ...]:
        """An array of strings that each match a regular expression; none may come twice."""
        found: list[str] = []
        for number, value in enumerate(self.items(key, default), 1):
            if not isinstance(value, str) or not re.fullmatch(form, value):
                self.wrong(f"{key}[{number}]", f"is not {meaning}", f"allowed form: {form}")
            elif value in found:
                self.wrong(f"{key}[{number}]", "is there twice", "remove one of them")
            else:
                found.append(value)
        return tuple(found)

    def table(self, key: str) -> Table:
        """A table below this one; missing reads as empty."""
        value = self._take(key, {})
        return Table(f"{self.place} {key}" if " [" in self.place else f"{self.place} [{key}]", value, self.problems)

    def tables(self, key: str) -> tuple[Table, ...]:
        """An array of tables."""
        return tuple(
            Table(f"{self.place} {key}[{number}]", value, self.problems)
            for number, value in enumerate(self.items(key), 1)
        )

    def names(self, form: str = "") -> tuple[str, ...]:  # noqa: ARG002 - for schemas, which are made of the same calls
        """All keys given, each thereby known: for tables whose keys are names of the user's own.

        Args:
            form: what they are like, as a regular expression; the caller refuses others in its own words.
        """
        self._known.update(self._values)
        return tuple(sorted(self._values))

    def _take(self, key: str, default: object) -> object:
        self._known.add(key)
        if key not in self._values:
            if default is None:
                self.wrong(key, "is missing", f"add {key} = …")
            return default
        return self._values[key]
