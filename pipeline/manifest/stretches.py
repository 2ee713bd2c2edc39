"""Which origins made which lines of a file, in a short form: each origin once, the lines as one text.

Format 1 repeats an origin with every stretch, which makes a hundred kilobytes of a configuration with a thousand
settings. Here ``lines`` is ``{"origins": […], "at": "1-3:0 4-4:1"}``: first line, last line, number of the origin.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_ONE = re.compile(r"([1-9][0-9]{0,8})-([1-9][0-9]{0,8}):(0|[1-9][0-9]{0,5})")


def brief(changes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Changes as format 2 tells them."""
    return {path: _brief(change) if "lines" in change else dict(change) for path, change in changes.items()}


def in_full(changes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The same as format 1 tells them.

    Raises:
        ValueError: stretches that are none, or name an origin there is not.
    """
    return {path: _in_full(change) if "lines" in change else dict(change) for path, change in changes.items()}


def _brief(change: Mapping[str, Any]) -> dict[str, Any]:
    origins: dict[tuple[str, str, str], int] = {}
    at = []
    for one in change["lines"]:
        number = origins.setdefault((one["rule"], one["source"], one["document"]), len(origins))
        at.append(f"{one['first']}-{one['last']}:{number}")
    told = [{"rule": rule, "source": source, "document": document} for rule, source, document in origins]
    return {**change, "lines": {"origins": told, "at": " ".join(at)}}


def _in_full(change: Mapping[str, Any]) -> dict[str, Any]:
    lines = change["lines"]
    if not isinstance(lines, Mapping) or set(lines) != {"origins", "at"} or not isinstance(lines["at"], str):
        raise ValueError("lines of a change are not told as origins and stretches")
    told = []
    for word in lines["at"].split(" "):
        found = _ONE.fullmatch(word)
        if found is None or int(found[3]) >= len(lines["origins"]):
            raise ValueError(f"not a stretch of lines: {ascii(word)}")
        told.append({"first": int(found[1]), "last": int(found[2]), **lines["origins"][int(found[3])]})
    return {**change, "lines": told}
