"""Typed values as Java parses them: what is taken, what is refused. Text is never trimmed but where Java trims."""

from __future__ import annotations

import base64
import re

# Largest magnitude bits of Java's integer types.
_BITS = {"Long": 63, "Integer": 31, "Short": 15, "Byte": 7}
_MOST_DIGITS = 20
_INTEGER = re.compile(r"[+-]?\d+")
# Double.parseDouble alone trims: everything up to the space.
_FLOATING = re.compile(
    r"""[\x00-\x20]*[+-]?(?:NaN|Infinity
    |(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fFdD]?
    |0[xX](?:[0-9a-fA-F]+\.?|[0-9a-fA-F]*\.[0-9a-fA-F]+)[pP][+-]?[0-9]+[fFdD]?)[\x00-\x20]*""",
    re.VERBOSE,
)
# java.util.Base64's basic decoder: no white space, padding complete or left out.
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?")


def problem(kind: str, text: str) -> str:
    """What Java's parser of a type says against a text in clear: a short name, or empty when it takes it."""
    if kind in _BITS:
        return "" if _is_integer(text, _BITS[kind]) else "bad-number"
    if kind in ("Float", "Double"):
        return "" if _FLOATING.fullmatch(text) else "bad-number"
    if kind == "Char":
        # Java takes the first of two UTF-16 units, which no document can be written with at the first start.
        return (
            "empty-char" if not text else "half-char" if text[0] > "\uffff" or "\ud800" <= text[0] <= "\udfff" else ""
        )
    return ""


def doubt(kind: str, text: str) -> str:
    """What is taken, but hardly meant: a short name, or empty."""
    if kind == "Boolean" and text.lower() not in ("true", "false"):
        return "boolean-is-false"
    if kind == "Char" and len(text.encode("utf-16-le", "surrogatepass")) > 2:
        return "char-is-first-letter"
    return ""


def is_base64(text: str) -> bool:
    """Whether Java's basic decoder takes a text."""
    return _BASE64.fullmatch(text) is not None


def decoded_password(text: str) -> str:
    """The plain text of a Base64 value; what is not UTF-8 is replaced, as Java does."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4))
    return raw.decode("utf-8", "replace")


def meaning(kind: str, text: str) -> object:
    """The value a text stands for: ``+5`` and ``5`` are one Integer, every text but ``true`` is one Boolean."""
    if kind in _BITS:
        return int(_without_zeros(text))
    if kind == "Boolean":
        return text.lower() == "true"
    if kind == "Char":
        return text.encode("utf-16-le", "surrogatepass")[:2]
    if kind in ("Float", "Double"):
        return _floating(text.strip())
    return text


def _floating(text: str) -> str:
    body = text.rstrip("fFdD")
    if "x" not in body.lower():
        return repr(float(body))
    try:
        return repr(float.fromhex(body))
    except OverflowError:
        return "-inf" if body.startswith("-") else "inf"


def _is_integer(text: str, bits: int) -> bool:
    # Java looks at UTF-16 units: digits beyond the first plane are none to it.
    if not _INTEGER.fullmatch(text) or max(text) > "\uffff":
        return False
    short = _without_zeros(text)
    return len(short) <= _MOST_DIGITS and -(1 << bits) <= int(short) < (1 << bits)


def _without_zeros(text: str) -> str:
    """The number without leading zeros, of which Java takes any amount and Python's `int` does not."""
    sign = text[0] if text[0] in "+-" else ""
    return sign + (text.lstrip("+-").lstrip("0") or "0")
