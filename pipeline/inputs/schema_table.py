"""JSON Schemas of what people write, made by the readers themselves: a table that notes what it is asked for.

The readers of ``gateway.toml`` and its like take every value from a `Table`. Given a `SchemaTable` instead, they tell
every key, kind, form and bound they know; nothing has to be written twice. A schema accepts whatever its reader does;
what only several values together show (a range outside its network) is the reader's alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from pipeline.formats.canonical_json import Json
from pipeline.inputs.toml_table import Table

DRAFT = "http://json-schema.org/draft-07/schema#"  # the newest that taplo and VS Code's extensions know

_ANY_NAME = "eth0"  # where names are the user's own: one that every reader takes for a name
# Letters of every language are one class in Python and different ones in editors, so it is said by what is left out.
_NO_LETTERS = r"""^[^\x00-\x1f\x7f!"#$%&'*<>?\[\]\\^`{|}~]{0,1024}$"""

_Choice = TypeVar("_Choice", bound=str)


class SchemaTable(Table):
    """A table without values that notes what its reader asks for."""

    def __init__(self, place: str = "", chosen: Mapping[str, str] | None = None) -> None:
        super().__init__(place, {}, [])
        self._chosen = chosen or {}
        self._properties: dict[str, Callable[[], dict[str, Json]]] = {}
        self._required: set[str] = set()
        self._children: dict[str, SchemaTable] = {}
        self._names: str | None = None

    def schema(self) -> dict[str, Json]:
        """The schema of this table, once a reader has been through it."""
        if self._names is not None:
            form = self._names
            values: Json = self._properties[_ANY_NAME]() if _ANY_NAME in self._properties else True
            named: dict[str, Json] = {"type": "object", "additionalProperties": values}
            return {**named, "propertyNames": {"pattern": _whole(form)}} if form else named
        required: list[Json] = [*sorted(self._required | {name for name, one in self._children.items() if one._must()})]
        return {
            "type": "object",
            "properties": {name: self._properties[name]() for name in sorted(self._properties)},
            "required": required,
            "additionalProperties": False,
        }

    def _must(self) -> bool:
        return self._names is None and bool(self._required or any(one._must() for one in self._children.values()))

    def _note(self, key: str, rule: dict[str, Json], *, required: bool = False) -> None:
        self._properties.setdefault(key, lambda: rule)
        if required:
            self._required.add(key)

    def has(self, key: str) -> bool:  # noqa: ARG002 - whatever the key
        """Everything is given, so that readers ask for what depends on it too."""
        return True

    def close(self) -> None:
        """Nothing is left over: there are no values."""

    def wrong(self, key: str, what: str, remedy: str) -> None:
        """Nothing is wrong: there are no values."""

    def text(
        self,
        key: str,
        default: str | None = None,
        *,
        form: str = r"[ -~]*",
        meaning: str = "text",
        shown: bool = False,  # noqa: ARG002 - the reader's call
    ) -> str:
        """A string of a form."""
        self._note(key, _text(form, meaning, default), required=default is None)
        return default or ""

    def choice(self, key: str, default: _Choice, allowed: Sequence[_Choice]) -> _Choice:
        """One of a few words."""
        words: list[Json] = [*allowed]
        self._note(key, {"enum": words}, required=default not in allowed)
        chosen = self._chosen.get(key, default)
        return next((word for word in allowed if word == chosen), default)

    def integer(self, key: str, default: int | None, lowest: int, highest: int) -> int:
        """A whole number within bounds."""
        self._note(key, {"type": "integer", "minimum": lowest, "maximum": highest}, required=default is None)
        return lowest if default is None else default

    def boolean(self, key: str, *, default: bool) -> bool:
        """True or false."""
        self._note(key, {"type": "boolean"})
        return default

    def variant(self, key: str, allowed: Sequence[str]) -> str:
        """A word, or true or false."""
        words: list[Json] = [True, False, *allowed]
        self._note(key, {"enum": words})
        return ""

    def items(self, key: str, default: Sequence[object] = ()) -> tuple[object, ...]:
        """An array of anything."""
        self._note(key, {"type": "array"})
        return tuple(default)

    def texts(
        self, key: str, default: Sequence[str] = (), *, form: str = r"[ -~]+", meaning: str = "text"
    ) -> tuple[str, ...]:
        """An array of different strings of a form."""
        self._note(key, {"type": "array", "items": _text(form, meaning, None), "uniqueItems": True})
        return tuple(default)

    def table(self, key: str) -> SchemaTable:
        """A table below."""
        child = SchemaTable(key, self._chosen)
        self._properties[key] = child.schema
        self._children[key] = child
        return child

    def tables(self, key: str) -> tuple[Table, ...]:
        """An array of tables, of which one is asked."""
        child = SchemaTable(key, self._chosen)
        self._properties[key] = lambda: {"type": "array", "items": child.schema()}
        return (child,)

    def names(self, form: str = "") -> tuple[str, ...]:
        """The keys are names of the user's own."""
        self._names = form
        return (_ANY_NAME,)


def _text(form: str, meaning: str, default: str | None) -> dict[str, Json]:
    if default is not None and not re.fullmatch(form, default):
        form = f"{form}|{re.escape(default)}"
    return {"type": "string", "pattern": _whole(form), "description": meaning}


def _whole(form: str) -> str:
    """As editors' engines know regular expressions: the whole text, no octal escapes, no \\Z."""
    if r"\w" in form:
        return _NO_LETTERS
    return f"^(?:{form})$".replace(r"\0-", r"\x00-").replace(r"\s\0", r"\s\x00").replace(r"\Z", "$")
