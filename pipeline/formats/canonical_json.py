"""The one JSON writer: one value, one sequence of bytes.

The form: keys sorted by code point, two spaces per level, one element per line, ASCII only (everything else as
``\\uXXXX``), one newline at the end; `python3 -m json.tool --sort-keys --indent 2` writes the same. The values: null,
booleans, integers every reader keeps exact (RFC 7493 section 2.2: up to 2**53 - 1), text without lone surrogates, lists
and objects. No floats, because their text differs between writers.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import NoReturn

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]

MOST = 4_000_000
"""Lists, objects and commas: a manifest of a hundred thousand paths has a twentieth of that."""

_LARGEST = 2**53 - 1
_MOST_NAMED = 5


class JsonError(ValueError):
    """A value that has no canonical form, or bytes that are not strict JSON; the text is one line."""


class _UnfitError(Exception):
    """What is wrong with a value; the way to it is added on the way out, for nobody pays for it otherwise."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.steps: list[str] = []

    def told(self) -> JsonError:
        return JsonError(f"${''.join(reversed(self.steps))}: {self.problem}")


def dumps(value: object) -> bytes:
    """The canonical bytes of a value; mappings are written as objects, tuples as lists.

    Raises:
        JsonError: a float, a key that is not text, or anything else JSON has no exact form for; the place is named.
    """
    try:
        plain = _plain(value)
    except _UnfitError as error:
        raise error.told() from None
    return json.dumps(plain, sort_keys=True, ensure_ascii=True, indent=2, allow_nan=False).encode("ascii") + b"\n"


def loads(data: bytes, *, canonical: bool = False, most: int = MOST) -> Json:
    """Read JSON strictly: UTF-8, each key once, integers only, nothing after the value.

    Time is proportional to the length of the data; memory is bounded by its length and by `most`.

    Args:
        canonical: also demand that the bytes are the ones `dumps` writes, so that nobody can hide anything in
            spacing, order or escapes.
        most: lists, objects and commas it may have; more is refused before anything is made of it.

    Raises:
        JsonError: the bytes are not such JSON.
    """
    if data.count(b"[") + data.count(b"{") + data.count(b",") > most:
        raise JsonError("more values than any such file has")
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
        plain = _plain(value)
    except JsonError:
        raise
    except _UnfitError as error:
        raise error.told() from None
    except UnicodeDecodeError as error:
        raise JsonError(f"not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise JsonError("nested too deeply") from None
    except ValueError as error:
        raise JsonError(f"not JSON: {error}") from None
    if canonical and dumps(plain) != data:
        raise JsonError("not in canonical form: keys out of order, other spacing or other escapes")
    return plain


def _plain(value: object) -> Json:
    """The value in JSON's own types, checked."""
    match value:
        case None | bool():
            return value
        case int():
            if abs(value) > _LARGEST:
                raise _UnfitError("an integer larger than readers of JSON keep exact")
            return int(value)
        case str():
            return _text(value)
        case list() | tuple():
            items: list[Json] = []
            for item in value:
                try:
                    items.append(_plain(item))
                except _UnfitError as error:
                    error.steps.append(f"[{len(items)}]")
                    raise
            return items
        case Mapping():
            members: dict[str, Json] = {}
            for key, item in value.items():
                try:
                    members[_key(key)] = _plain(item)
                except _UnfitError as error:
                    error.steps.append(f".{str(key)[:80]}")
                    raise
            return members
        case _:
            raise _UnfitError(f"{type(value).__name__} has no exact form in JSON")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise _UnfitError(f"a key is {type(key).__name__}, not text")
    return _text(key)


def _text(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise _UnfitError("text with a lone surrogate, which readers of JSON change") from None
    return str(text)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        counted = Counter(name for name, _ in pairs)
        twice = sorted(name for name, times in counted.items() if times > 1)
        more = f" and {len(twice) - _MOST_NAMED} more" if len(twice) > _MOST_NAMED else ""
        raise JsonError(f"key given twice: {', '.join(ascii(name)[:80] for name in twice[:_MOST_NAMED])}{more}")
    return result


def _no_float(text: str) -> NoReturn:
    raise JsonError(f"{text[:80]}: only integers are allowed")
