"""``passwd``, ``shadow``, ``group`` and ``gshadow`` (passwd(5), shadow(5), group(5), gshadow(5))."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

# File to number of fields.
WIDTHS = {"passwd": 7, "shadow": 9, "group": 4, "gshadow": 4}


class AccountsError(ValueError):
    """A line the C library would read in another way than it looks; the text names the line, never its content."""


@dataclass(frozen=True)
class Table:
    """One of the four files: rows by name in the order of the file.

    Attributes:
        kind: a key of `WIDTHS`.
    """

    kind: str
    rows: tuple[tuple[str, ...], ...] = field(repr=False)

    def get(self, name: str) -> tuple[str, ...] | None:
        """The fields of one row."""
        return next((row for row in self.rows if row[0] == name), None)

    def put(self, row: Iterable[str]) -> Table:
        """The table with a row replaced, or added at the end.

        Raises:
            ValueError: a field would break the file; values are checked before they get this far.
        """
        fields = tuple(row)
        if len(fields) != WIDTHS[self.kind] or any(":" in value or not value.isprintable() for value in fields):
            raise ValueError(f"not a row of {self.kind}: {fields[0]!r}")
        if self.get(fields[0]) is None:
            return replace(self, rows=(*self.rows, fields))
        return replace(self, rows=tuple(fields if known[0] == fields[0] else known for known in self.rows))


def parse(kind: str, data: bytes) -> Table:
    """Read a file.

    Raises:
        AccountsError: a line with too few or too many fields, an empty or doubled name, NIS (``+``), CRLF, an identity
            that is not a number, or text that is not UTF-8.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise AccountsError(f"line {data.count(bytes([10]), 0, error.start) + 1}: not UTF-8") from None
    rows: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        row = tuple(line.split(":"))
        problem = _problem(kind, row, seen)
        if problem:
            raise AccountsError(f"line {number}: {problem}")
        seen.add(row[0])
        rows.append(row)
    return Table(kind, tuple(rows))


def render(table: Table) -> bytes:
    """The file of a table."""
    return "".join(":".join(row) + "\n" for row in table.rows).encode("utf-8")


def _problem(kind: str, row: tuple[str, ...], seen: set[str]) -> str:
    if row[0].startswith(("+", "-")):
        return "accounts from the network (NIS) could not be judged"
    if not ":".join(row).isprintable():
        return "control characters, such as the line ends of another system"
    if len(row) != WIDTHS[kind]:
        return f"{len(row)} fields instead of {WIDTHS[kind]}"
    if not row[0]:
        return "no name"
    if row[0] in seen:
        return f"{row[0]} is there twice"
    numbers = {"passwd": row[2:4], "group": row[2:3]}.get(kind, ())
    if any(not (number.isascii() and number.isdigit()) for number in numbers):
        return f"an identity of {row[0]} is not a number"
    return ""
