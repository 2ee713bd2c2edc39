"""Texts as TOML basic strings: names and reasons of any kind, one line each."""

from __future__ import annotations

import re

_ESCAPED = re.compile(r'[\x00-\x1f"\\\x7f-\x9f]')


def quoted(text: str) -> str:
    """The text in quotation marks; line ends and other controls become escapes."""
    escaped = _ESCAPED.sub(lambda found: f"\\{found[0]}" if found[0] in '"\\' else f"\\u{ord(found[0]):04x}", text)
    return f'"{escaped}"'
