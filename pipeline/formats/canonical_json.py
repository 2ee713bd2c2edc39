"""The one JSON writer: one value, one sequence of bytes.

The form: keys sorted by code point, two spaces per level, one element per line, ASCII only (everything else as
``\\uXXXX``), one newline at the end; `python3 -m json.tool --sort-keys --indent 2` writes the same. The values: null,
booleans, integers every reader keeps exact (RFC 7493 section 2.2: up to 2**53 - 1), text without lone surrogates, lists
and objects. No floats, because their text differs between writers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NoReturn

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]

_LARGEST = 2**53 - 1


class JsonError(ValueError):
    """A value that has no canonical form, or bytes that are not strict JSON; the text is one line."""


def dumps(value: object) -> bytes:
    """The canonical bytes of a value; mappings are written as objects, tuples as lists.

    Raises:
        JsonError: a float, a key that is not text, or anything else JSON has no exact form for; the place is named.
    """
    plain = _plain(value, "$")
    return json.dumps(plain, sort_keys=True, ensure_ascii=True, indent=2, allow_nan=False).encode("ascii") + b"\n"


def loads(data: bytes, *, canonical: bool = False) -> Json:
    """Read JSON strictly: UTF-8, each key once, integers only, nothing after the value.

    Args:
        canonical: also demand that the bytes are the ones `dumps` writes, so that nobody can hide anything in
            spacing, order or escapes.

    Raises:
        JsonError: the bytes are not such JSON.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
        plain = _plain(value, "$")
    except JsonError:
        raise
    except UnicodeDecodeError as error:
        raise JsonError(f"not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise JsonError("nested too deeply") from None
    except ValueError as error:
        raise JsonError(f"not JSON: {error}") from None
    if canonical and dumps(plain) != data:
        raise JsonError("not in canonical form: keys out of order, other spacing or other escapes")
    return plain


def _plain(value: object, place: str) -> Json:
    """The value in JSON's own types, checked."""
    match value:
        case None | bool():
            return value
        case int():
            if abs(value) > _LARGEST:
                raise JsonError(f"{place}: an integer larger than readers of JSON keep exact")
            return int(value)
        case str():
            return _text(value, place)
        case list() | tuple():
            return [_plain(item, f"{place}[{index}]") for index, item in enumerate(value)]
        case Mapping():
            return {_key(key, place): _plain(item, f"{place}.{key}") for key, item in value.items()}
        case _:
            raise JsonError(f"{place}: {type(value).__name__} has no exact form in JSON")


def _key(key: object, place: str) -> str:
    if not isinstance(key, str):
        raise JsonError(f"{place}: a key is {type(key).__name__}, not text")
    return _text(key, place)


def _text(text: str, place: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise JsonError(f"{place}: text with a lone surrogate, which readers of JSON change") from None
    return str(text)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise JsonError(f"key given twice: {', '.join(ascii(name) for name in twice)}")
    return result


def _no_float(text: str) -> NoReturn:
    raise JsonError(f"{text}: only integers are allowed")
