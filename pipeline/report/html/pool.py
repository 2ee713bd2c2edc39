"""Values that many gateways share, stored once: a thousand gateways differ in little."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.formats.canonical_json import Json
from pipeline.report.text.plain import plain


@dataclass
class Pool:
    """JSON values by number, each once, in the order in which they came first."""

    values: list[Json] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def number(self, value: Json) -> int:
        """The number of a value; text in it is made harmless."""
        # No JSON text begins with "s": texts, the most frequent values, need not become JSON first.
        key = f"s{value}" if isinstance(value, str) else json.dumps(value, sort_keys=True)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.values)
            self.values.append(harmless(value))
        return found


def harmless(value: Json) -> Json:
    """The value with every text in it free of what does not print."""
    match value:
        case str():
            return plain(value)
        case list():
            return [harmless(item) for item in value]
        case dict():
            return {plain(name): harmless(item) for name, item in value.items()}
        case _:
            return value


def shared(lists: Iterable[list[int]]) -> list[int]:
    """The numbers every list has, ascending; they are taken out of the lists."""
    every = list(lists)
    common = set.intersection(*(set(numbers) for numbers in every)) if every else set[int]()
    for numbers in every:
        numbers[:] = [number for number in numbers if number not in common]
    return sorted(common)
