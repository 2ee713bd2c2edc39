"""Distinguished names, and chains of them, compared as OSGi's ``BundleSignerCondition`` compares them.

OSGi Core, Conditional Permission Admin, "Bundle Signer Condition", and Java's ``X500Principal.CANONICAL``. Names that
Java and this module could understand differently (several attributes in one part, types Java compares as encoded
bytes) are refused instead of compared.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

_COMPARED_AS_TEXT = frozenset({"CN", "C", "L", "ST", "O", "OU", "STREET", "UID"})
_COMPARED_EXACTLY = frozenset({"DC"})
_PLAIN_LABEL = re.compile(r"[A-Za-z0-9-]+")
_PART = re.compile(r"\s*([A-Za-z][A-Za-z0-9.]*)\s*=(.*)", re.DOTALL)
_ESCAPED = re.compile(r'(?:[^\\]|\\[,+"\\<>;=# *])*', re.DOTALL)
# Characters that some step between a policy file and the framework may take for syntax of its own.
_UNSAFE = re.compile(r'[,+"\\<>;=#*!]|[^\x20-\x7e]')


class DnError(ValueError):
    """Text that is not a distinguished name or pattern; one line that says why."""


@dataclass(frozen=True)
class Part:
    """One ``TYPE=value``; None as value matches every value."""

    type: str
    value: str | None


@dataclass(frozen=True)
class Element:
    """One element of a chain pattern.

    Attributes:
        any_number: the hyphen: any number of certificates.
        any_one: the star alone: one certificate or none.
        open_start: ``*, rest``: any parts may come before the rest.
    """

    parts: tuple[Part, ...] = ()
    any_number: bool = False
    any_one: bool = False
    open_start: bool = False

    @property
    def is_concrete(self) -> bool:
        """Whether it demands a value at least somewhere."""
        return any(part.value is not None for part in self.parts)


def parse_name(text: str) -> tuple[Part, ...]:
    """A distinguished name, canonical, in the order written (RFC 4514: the most specific part first).

    Raises:
        DnError: see the module.
    """
    return tuple(_part(piece) for piece in _split(text, ","))


@lru_cache(maxsize=1024)
def parse_pattern(text: str) -> tuple[Element, ...]:
    """A ``BundleSignerCondition``'s pattern: names and wildcards, leaf first, between semicolons (B:149 to B:172)."""
    return tuple(_element(piece.strip()) for piece in _split(text, ";"))


def matches(pattern: str, chain: Sequence[str]) -> bool:
    """Whether a pattern matches a signer's chain of subject names, leaf first; the whole chain must be consumed."""
    return _matches(parse_pattern(pattern), tuple(parse_name(name) for name in chain))


def admits_anybody(pattern: str) -> bool:
    """Whether a pattern names nobody: no element of it demands any value."""
    return not any(element.is_concrete for element in parse_pattern(pattern))


def unsafe_parts(name: str) -> list[str]:
    """What in a certificate's subject could be read differently on its way through a policy file into the framework.

    Such a subject cannot be written without escaping, and each reader on the way has its own rules for that.
    """
    try:
        pieces = [(part, _raw_value(part)) for part in _split(name, ",")]
        parse_name(name)
    except DnError as error:
        return [str(error)]
    return [f"{part.strip()} has characters that need escaping" for part, value in pieces if _UNSAFE.search(value)]


def _matches(pattern: Sequence[Element], chain: Sequence[tuple[Part, ...]]) -> bool:
    """Dynamic programming over (element, certificate), so that hyphens in a row cost nothing."""
    reachable = {0}
    for element in pattern:
        if element.any_number:
            reachable = set(range(min(reachable), len(chain) + 1)) if reachable else set()
            continue
        following = {at + 1 for at in reachable if at < len(chain) and (element.any_one or _fits(element, chain[at]))}
        reachable = following | reachable if element.any_one else following
    return len(chain) in reachable


def _fits(element: Element, name: tuple[Part, ...]) -> bool:
    wanted = element.parts
    if element.open_start:
        if len(name) < len(wanted):
            return False
        name = name[len(name) - len(wanted) :]
    return len(name) == len(wanted) and all(
        want.type == have.type and (want.value is None or want.value == have.value)
        for want, have in zip(wanted, name, strict=True)
    )


def _element(text: str) -> Element:
    if not text:
        raise DnError("empty name in the pattern")
    if text == "-":
        return Element(any_number=True)
    if text == "*":
        return Element(any_one=True)
    if text.startswith("*"):
        star, comma, rest = text.partition(",")
        if star.strip() != "*" or not comma:
            raise DnError(f"a star stands alone or before a comma: {text!r}")
        return Element(parse_name(rest), open_start=True)
    return Element(parse_name(text))


def _split(text: str, separator: str) -> Iterator[str]:
    """Pieces between separators that are neither quoted nor escaped."""
    piece, quoted, escaped = "", False, False
    for letter in text:
        if escaped:
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter == '"':
            quoted = not quoted
        elif letter == separator and not quoted:
            yield piece
            piece = ""
            continue
        piece += letter
    if quoted or escaped:
        raise DnError(f"a quotation mark or backslash without its counterpart: {text!r}")
    yield piece


def _part(text: str) -> Part:
    match = _PART.fullmatch(text)
    if match is None:
        raise DnError(f"not of the form TYPE=value: {text.strip()!r}")
    kind, value = match[1].upper(), _raw_value(text)
    if kind not in _COMPARED_AS_TEXT | _COMPARED_EXACTLY:
        raise DnError(f"attribute type {kind} is compared by its encoding; use CN, OU, O, L, ST, C, STREET, DC, UID")
    if value == "*":
        return Part(kind, None)
    if kind in _COMPARED_EXACTLY:
        if not _PLAIN_LABEL.fullmatch(value):
            raise DnError(f"{kind} value is not a plain label: {value!r}")
        return Part(kind, value)
    return Part(kind, _canonical(value))


def _raw_value(text: str) -> str:
    """The value of a part with quotes and escapes resolved."""
    match = _PART.fullmatch(text)
    if match is None:
        raise DnError(f"not of the form TYPE=value: {text.strip()!r}")
    value = match[2].strip()
    if value.startswith('"'):
        if len(value) < 2 or not value.endswith('"') or re.search(r'(?<!\\)"', value[1:-1]):
            raise DnError(f"a quotation mark in the middle of a value: {value!r}")
        value = value[1:-1]
    elif re.search(r'(?<!\\)["+<>]', value) or value.startswith("#"):
        raise DnError(f"several values in one part, or a value given as bytes: {value!r}")
    if not _ESCAPED.fullmatch(value):
        raise DnError(f"an escape that readers understand differently: {value!r}")
    plain = re.sub(r"\\(.)", r"\1", value)
    if not plain.strip():
        raise DnError(f"empty value: {text.strip()!r}")
    return plain


def _canonical(value: str) -> str:
    """As ``X500Principal.CANONICAL`` does: trimmed, spaces collapsed, case folded by way of upper case, NFKD."""
    collapsed = re.sub(r"\s+", " ", value.strip())
    return unicodedata.normalize("NFKD", collapsed.upper().lower())
