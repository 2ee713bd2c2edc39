"""What the gateway's loader makes of a snapshot, generation by generation (formats 1.1 to 1.6).

Generations: A is Kura 3 (ESF 5), B is Kura 4, C is Kura 5 and later. The loader is lenient where one would not expect
it (names of elements, unknown types) and gives up the whole document where one would expect it to go on (one bad
number); both are kept here as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from pipeline.errors import PipelineError, Problem
from pipeline.formats.esf.esf_snapshot import typed
from pipeline.formats.esf.esf_snapshot.malformed import DocumentLostError, Effect, Malformation
from pipeline.formats.esf.esf_snapshot.tree import MOST_BYTES, Element, parse
from pipeline.formats.esf.esf_snapshot.values import FACTORY_PID, TYPES, Configuration, Property, Snapshot, snapshot_of

_MOST_KEPT = 4  # documents: the golden sample's, and the one that is worked on, which is looked at again and again
GENERATIONS = ("A", "B", "C")

_CONFIGURATION = "esf:configuration"  # compared literally, whatever the prefix is bound to
_ECB = re.compile(rb"[A-Za-z0-9+/]+={0,2}\s*")
_GCM = re.compile(rb"[A-Za-z0-9+/]{16}-[A-Za-z0-9+/]+={0,2}\s*")
_ASCII_LETTERS = [chr(byte) if byte < 128 else "\ufffd" for byte in range(256)]
_LINE_ENDS = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Loaded:
    """Result of loading: the snapshot, or None when the document is lost, and everything that is wrong with it."""

    snapshot: Snapshot | None
    malformations: tuple[Malformation, ...] = ()


def looks_encrypted(content: bytes) -> bool:
    """Whether the file was encrypted by a device: one Base64 text, from Kura 5 two joined by a hyphen (formats 1.4)."""
    start = content[:4096].lstrip()
    if not start or start.startswith(b"<"):
        return False
    return bool(_GCM.fullmatch(content) or (_ECB.fullmatch(content) and len(content.strip()) % 4 == 0))


@lru_cache(maxsize=_MOST_KEPT)
def load(content: bytes, generation: str) -> Loaded:
    """What a gateway gets from this file at boot.

    Generation A joins lines without their ends; every generation reads with the platform's character set, which under
    an init script is ASCII, so that each byte above 127 becomes a replacement character (formats 1.5).
    """
    doubts: list[Malformation] = []
    text = content.decode("ascii") if content.isascii() else "".join(map(_ASCII_LETTERS.__getitem__, content))
    if not content.isascii():
        doubts.append(Malformation("not-ascii", Effect.OTHER_VALUE, 0, "", "letters above 127 are lost at boot"))
    if generation == "A":
        text = "".join(_LINE_ENDS.split(text))
    return _loaded(content, text, generation, doubts)


@lru_cache(maxsize=_MOST_KEPT)
def read(content: bytes, generation: str, source: str) -> Loaded:
    """A snapshot as the console gives it to be downloaded: UTF-8, line ends intact.

    Args:
        source: how messages call the file.

    Raises:
        PipelineError: a gateway could load nothing from it, or it holds what is never let through (DTD, XInclude).
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PipelineError(
            f"{source}: byte {error.start} is not UTF-8, which the console writes", _DOWNLOAD_AGAIN
        ) from None
    loaded = _loaded(content, text, generation, [])
    fatal = [malformation for malformation in loaded.malformations if malformation.effect.is_fatal]
    if fatal:
        raise PipelineError.of(Problem(f"{source}: {malformation}", _remedy(malformation)) for malformation in fatal)
    return loaded


_DOWNLOAD_AGAIN = "download the latest snapshot from the golden sample's console again and do not edit it (A:137)"


def _remedy(malformation: Malformation) -> str:
    if malformation.name == "device-encrypted":
        return (
            "this file was taken from the gateway's disk, where only that gateway can read it; "
            "download the snapshot from its console instead (A:137)"
        )
    if malformation.name == "no-configurations":
        return "elements are called literally esf:…; a tool that renames prefixes has written this: " + _DOWNLOAD_AGAIN
    return _DOWNLOAD_AGAIN


def _loaded(content: bytes, text: str, generation: str, doubts: list[Malformation]) -> Loaded:
    if generation not in GENERATIONS:
        raise ValueError(f"no such generation: {generation}")
    try:
        if len(content) > MOST_BYTES:
            raise _fatal("too-large", Effect.REFUSED_HERE, 0, "", f"more than {MOST_BYTES >> 20} MiB")
        if looks_encrypted(content):
            raise _fatal("device-encrypted", Effect.DOES_NOT_START, 0, "", "another device cannot decrypt it")
        root = parse(text)
        configurations = [_configuration(element, doubts) for element in root.walk() if element.name == _CONFIGURATION]
        configurations = _one_of_each(configurations, generation, doubts)
    except DocumentLostError as error:
        return Loaded(None, (*doubts, error.malformation))
    if not configurations:
        nothing = Malformation("no-configurations", Effect.LOADS_NOTHING, root.line, "", f"<{root.name[:40]}>")
        return Loaded(None, (*doubts, nothing))
    return Loaded(snapshot_of(configurations), tuple(doubts))


def _one_of_each(found: list[Configuration], generation: str, doubts: list[Malformation]) -> list[Configuration]:
    """Of configurations with one pid the first, as Kura 3.2 and later take it; 3.0 takes the last.

    Where both would be the same generation's, nobody can say which one counts.
    """
    by_pid: dict[str, Configuration] = {}
    for one in found:
        first = by_pid.setdefault(one.pid, one)
        if first is one:
            continue
        if generation == "A" and first.meaning != one.meaning:
            raise _fatal("duplicate-pid", Effect.REFUSED_HERE, 0, one.pid, "Kura 3.0 takes the last one, 3.2 the first")
        doubts.append(Malformation("duplicate-pid", Effect.OTHER_VALUE, 0, one.pid, "the first one counts"))
    return list(by_pid.values())


def _configuration(element: Element, doubts: list[Malformation]) -> Configuration:
    pid = element.attributes.get("pid", "")
    if not pid:
        raise _fatal("no-pid", Effect.REFUSED_HERE, element.line, "", "a configuration without pid belongs to nobody")
    children = element.children
    if len(children) > 1 and [child for child in children[:-1] if child.children and child.name != "ocd:OCD"]:
        doubts.append(
            Malformation("not-last-child", Effect.OTHER_VALUE, element.line, pid, "only the last child element counts")
        )
    properties = [
        found
        for child in (children[-1].children if children else [])
        if (found := _property(child, pid, doubts)) is not None
    ]
    doubts.extend(_twins([prop.name for prop in properties], "duplicate-property", pid))
    by_name = {prop.name: prop for prop in properties}
    return Configuration(pid, tuple(by_name[name] for name in sorted(by_name)))


def _property(element: Element, pid: str, doubts: list[Malformation]) -> Property | None:
    name = element.attributes.get("name", "")
    kind = element.attributes.get("type", "")
    where = f"{pid} {name}".strip()
    if kind not in TYPES:
        detail = f"unknown type {kind[:20]!r}" if kind else "no type"
        doubts.append(Malformation("no-type", Effect.SKIPS_PROPERTY, element.line, where, detail))
        return None
    if not name:
        raise _fatal("no-name", Effect.REFUSED_HERE, element.line, pid, "a property without name cannot be kept")
    array = element.attributes.get("array", "").lower() == "true"
    encrypted = element.attributes.get("encrypted", "").lower() == "true"
    values = tuple(child.text for child in element.children)
    if name == FACTORY_PID and (kind != "String" or array):
        raise _fatal("factory-pid-type", Effect.DOES_NOT_START, element.line, where, "Kura casts it to a String")
    if array and not values:
        detail = "an array without values is gone after the first start, and the component's default applies"
        doubts.append(Malformation("empty-array", Effect.SKIPS_PROPERTY, element.line, where, detail))
        return None
    if not array:
        if not values:
            raise _fatal("no-value", Effect.DOES_NOT_START, element.line, where, f"a {kind} without value element")
        if len(values) > 1:
            doubts.append(Malformation("more-values", Effect.OTHER_VALUE, element.line, where, "only the first counts"))
            values = values[:1]
    for value in values:
        for malformation in _value_problems(kind, value, element.line, where, encrypted=encrypted):
            if malformation.effect.is_fatal:
                raise DocumentLostError(malformation)
            doubts.append(malformation)
    return Property(name, kind, values, array, encrypted, element.line)


def _value_problems(kind: str, value: str, line: int, where: str, *, encrypted: bool) -> Iterator[Malformation]:
    if problem := typed.problem(kind, value):
        yield Malformation(problem, Effect.DOES_NOT_START, line, where, f"not a {kind}")
    elif doubt := typed.doubt(kind, value):
        yield Malformation(doubt, Effect.OTHER_VALUE, line, where)
    if kind == "Password" and encrypted:
        if not typed.is_base64(value):
            yield Malformation("bad-base64", Effect.DOES_NOT_START, line, where, "encrypted, but not Base64")
        elif "\ufffd" in typed.decoded_password(value):
            yield Malformation(
                "password-not-text", Effect.OTHER_VALUE, line, where, "Base64 of something else than text"
            )


def _twins(names: list[str], name: str, pid: str) -> Iterator[Malformation]:
    seen: set[str] = set()
    for item in names:
        if item in seen:
            yield Malformation(name, Effect.OTHER_VALUE, 0, f"{pid} {item}".strip(), "the last one counts")
        seen.add(item)


def _fatal(name: str, effect: Effect, line: int, where: str, detail: str) -> DocumentLostError:
    return DocumentLostError(Malformation(name, effect, line, where, detail))
