"""In which forms a secret can lie in an image: as it is, and as texts, archives and other machines write it. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

LEAST = 8  # bytes; anything shorter is found everywhere
_TAIL = 32  # bytes of a binary value
_TEXT = bytes(range(32, 127)) + b"\t\r\n\0"
_WINDOW = 48  # bytes of a long value that are looked for: enough to be no accident, and no line break in them


@dataclass(frozen=True)
class Secret:
    """Something that must not lie in an image, and what to call it."""

    name: str
    value: bytes = field(repr=False)


def patterns(secrets: Iterable[Secret]) -> Mapping[bytes, tuple[str, str]]:
    """What to look for, with the name of the secret and of the form; the first secret with a form has it.

    No pattern has a zero byte or a line break in it: they are for a stream from which zero bytes are taken, so that
    UTF-16 of either order reads like plain text, and which is searched by lines. A secret shorter than `LEAST` has
    none.
    """
    found: dict[bytes, tuple[str, str]] = {}
    for secret in secrets:
        for form, raw in _forms(secret.value):
            pattern = _searchable(raw)
            if len(pattern) >= LEAST:
                found.setdefault(pattern, (secret.name, form))
    return found


def _forms(value: bytes) -> Iterator[tuple[str, bytes]]:
    if len(value.strip()) < LEAST:
        return
    yield "plain or UTF-16", value
    core = _searchable(value)
    yield "hex", core.hex().encode()
    yield "hex", core.hex().upper().encode()
    for shift in range(3):
        text = _base64_core(core, shift)
        yield "Base64", text
        yield "Base64", text.replace(b"+", b"-").replace(b"/", b"_")
    try:
        words = core.decode("utf-8")
    except UnicodeDecodeError:
        return
    if not words.isprintable():
        return
    yield "UTF-16", words.encode("utf-16-le")
    yield "URL-escaped", quote(words, safe="").encode()
    yield "URL-escaped", quote_plus(words).encode()
    yield "URL-escaped", _lower_escapes(quote(words, safe=""))
    yield "XML-escaped", escape(words).encode()
    yield "XML-escaped", escape(words, {'"': "&quot;", "'": "&apos;"}).encode()
    yield "XML-escaped", escape(words, {'"': "&#34;", "'": "&#39;"}).encode()
    yield "JSON-escaped", json.dumps(words)[1:-1].encode()
    yield "escaped as in Java properties", "".join(f"\\{c}" if c in "\\:=#! " else c for c in words).encode()
    yield "escaped for a shell", "".join(f"\\{c}" if not c.isalnum() else c for c in words).encode()


def _base64_core(value: bytes, shift: int) -> bytes:
    """The characters that stand for these bytes alone, whatever comes before them and after them."""
    text = base64.b64encode(bytes(shift) + value)
    return text[-(-shift * 8 // 6) : (shift + len(value)) * 8 // 6]


def _lower_escapes(text: str) -> bytes:
    parts = text.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])]).encode()


def _searchable(raw: bytes) -> bytes:
    """One line without zero bytes that tells this value from all others.

    Of a text the last one of the longest lines: private keys in PEM begin alike. Of other bytes the end: keystores of
    the same certificates differ in their digest, which comes last.
    """
    is_text = raw.isascii() and not raw.strip(b"\0").translate(None, _TEXT)
    lines = (raw if is_text else raw[-_TAIL:]).replace(b"\0", b"").split(b"\n")
    line: bytes = max(reversed(lines), key=len)
    return line if len(line) <= 2 * _WINDOW else line[-_WINDOW:]
