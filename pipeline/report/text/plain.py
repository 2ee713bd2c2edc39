"""Makes foreign text harmless: names and contents of an image must not control the terminal they are shown on."""

from __future__ import annotations


def plain(text: str) -> str:
    """The text with everything that does not print written as an escape; tabs stay, letters of all languages too."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\t" else ascii(char)[1:-1] for char in text)
