"""What OASIS SARIF 2.1.0 (errata 01) asks of the parts of a log that we write, as its JSON schema has it.

No package of PyPI or Debian ships the schema itself, so this is written from the specification's sections by hand:
required properties, no others, types, enumerations, and items that are there once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

Problems = Iterator[str]
Check = Callable[[str, object], Problems]


@dataclass(frozen=True)
class An:
    """An object: its required properties, and the checks of all it may have."""

    required: tuple[str, ...]
    known: Mapping[str, Check]

    def __call__(self, place: str, value: object) -> Problems:
        if not isinstance(value, dict):
            yield f"{place}: is no object"
            return
        yield from (f"{place}: {name} is missing" for name in self.required if name not in value)
        for name, item in value.items():
            if name not in self.known:
                yield f"{place}: {name} is not of the schema, or not of what we write"
            else:
                yield from self.known[name](f"{place}.{name}", item)


def text(place: str, value: object) -> Problems:
    """Any string."""
    if not isinstance(value, str):
        yield f"{place}: is no string"


def uri(place: str, value: object) -> Problems:
    """A URI or a relative reference (RFC 3986)."""
    if not isinstance(value, str) or not re.fullmatch(r"(?:[A-Za-z0-9._~:/?#@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+", value):
        yield f"{place}: is no URI reference"


def one_of(*values: str) -> Check:
    """One word of an enumeration."""

    def check(place: str, value: object) -> Problems:
        if value not in values:
            yield f"{place}: {value!r} is none of {', '.join(values)}"

    return check


def number(least: int) -> Check:
    """A whole number from one on."""

    def check(place: str, value: object) -> Problems:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            yield f"{place}: {value!r} is no whole number from {least} on"

    return check


def many(item: Check, *, once: bool = False) -> Check:
    """A list, whose items may have to differ."""

    def check(place: str, value: object) -> Problems:
        if not isinstance(value, list):
            yield f"{place}: is no list"
            return
        for index, one in enumerate(value):
            yield from item(f"{place}[{index}]", one)
        if once and any(one in value[:index] for index, one in enumerate(value)):
            yield f"{place}: has an item twice"

    return check


def named(item: Check) -> Check:
    """An object whose property names are anybody's."""

    def check(place: str, value: object) -> Problems:
        if not isinstance(value, dict):
            yield f"{place}: is no object"
            return
        for name, one in value.items():
            yield from item(f"{place}.{name}", one)

    return check


def bag(place: str, value: object) -> Problems:
    """3.8: anything, but `tags` are strings that are there once."""
    if not isinstance(value, dict):
        yield f"{place}: is no object"
    elif "tags" in value:
        yield from many(text, once=True)(f"{place}.tags", value["tags"])


MESSAGE = An(("text",), {"text": text})
LEVEL = one_of("none", "note", "warning", "error")
ARTIFACT = An((), {"uri": uri, "uriBaseId": text, "description": MESSAGE})
PHYSICAL = An(("artifactLocation",), {"artifactLocation": ARTIFACT, "region": An((), {"startLine": number(1)})})
SUPPRESSION = An(
    ("kind",),
    {
        "kind": one_of("inSource", "external"),
        "status": one_of("accepted", "underReview", "rejected"),
        "justification": text,
    },
)
RULE = An(
    ("id",),
    {
        "id": text,
        "shortDescription": MESSAGE,
        "fullDescription": MESSAGE,
        "help": MESSAGE,
        "defaultConfiguration": An((), {"level": LEVEL}),
        "properties": bag,
    },
)
RESULT = An(
    ("message",),
    {
        "ruleId": text,
        "ruleIndex": number(-1),
        "kind": one_of("notApplicable", "pass", "fail", "review", "open", "informational"),
        "level": LEVEL,
        "message": MESSAGE,
        "locations": many(An((), {"physicalLocation": PHYSICAL})),
        "suppressions": many(SUPPRESSION, once=True),
        "properties": bag,
    },
)
DRIVER = An(("name",), {"name": text, "version": text, "rules": many(RULE, once=True)})
RUN = An(
    ("tool",),
    {
        "tool": An(("driver",), {"driver": DRIVER}),
        "automationDetails": An((), {"id": text}),
        "originalUriBaseIds": named(ARTIFACT),
        "results": many(RESULT),
        "properties": bag,
    },
)
LOG = An(("version", "runs"), {"$schema": uri, "version": one_of("2.1.0"), "runs": many(RUN)})


def problems_of(log: object) -> list[str]:
    """Where a log is not as the standard asks; none when it is."""
    return [*LOG("log", log), *_references(log)]


def _references(log: object) -> Problems:
    """What a schema cannot say: 3.27.6 rule ids and indices agree, 3.27.10 only failures have a level."""
    for run in log["runs"] if isinstance(log, dict) and isinstance(log.get("runs"), list) else ():
        rules = run["tool"]["driver"]["rules"]
        for place, result in enumerate(run["results"]):
            if rules[result["ruleIndex"]]["id"] != result["ruleId"]:
                yield f"result {place}: index and id are of different rules"
            if result["kind"] != "fail" and result["level"] != "none":
                yield f"result {place}: a level, and no failure"
            for location in result.get("locations", ()):
                base = location["physicalLocation"]["artifactLocation"].get("uriBaseId")
                if base is not None and base not in run["originalUriBaseIds"]:
                    yield f"result {place}: base {base} is not declared"
