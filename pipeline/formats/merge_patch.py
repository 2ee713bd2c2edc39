"""JSON merge patches (RFC 7396): what one JSON value has differently from another, and both together again.

A patch cannot say that something becomes null, because null in a patch means that it goes away.
"""

from __future__ import annotations

from collections.abc import Mapping


def difference(base: Mapping[str, object], now: Mapping[str, object]) -> dict[str, object]:
    """The patch that makes the second object of the first one.

    Raises:
        ValueError: something is null that was not, or in an object that is not in the base.
    """
    patch: dict[str, object] = {name: None for name in base if name not in now}
    for name, value in now.items():
        known = base.get(name)
        if name in base and known == value and type(known) is type(value):
            continue
        if isinstance(value, Mapping):
            patch[name] = difference(known if isinstance(known, Mapping) else {}, value)
            if not isinstance(known, Mapping) or patch[name]:
                continue
            del patch[name]
        elif value is None:
            raise ValueError(f"{name} becomes null, which no merge patch can say")
        else:
            patch[name] = value
    return patch


def merged(base: object, patch: object) -> object:
    """The base with a patch applied; neither is changed."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(base) if isinstance(base, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result
