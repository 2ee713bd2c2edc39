"""Who is responsible for which line of a file that several rules, or a rule and an input, made together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import groupby

from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, LineOrigin, Origin

KEPT = "kept"
"""The rule of lines that are as they were: in the vanilla image or in the golden sample, as the source says."""

_LARGEST = 1 << 20  # bytes of a text that is compared line by line


def kept(source: str) -> Origin:
    """The origin of lines that came along from an input and that no rule changed."""
    return Origin(KEPT, source)


def stretches(origins: Iterable[Origin | None]) -> tuple[LineOrigin, ...]:
    """One origin for each line, in order, as stretches; None for a line nobody is known for."""
    numbered = enumerate(origins, 1)
    found: list[LineOrigin] = []
    for origin, members in groupby(numbered, key=lambda pair: pair[1]):
        numbers = [number for number, _ in members]
        if origin is not None:
            found.append(LineOrigin(numbers[0], numbers[-1], origin))
    return tuple(found)


def compared(before: bytes, after: bytes, old: Origin, new: Callable[[bytes], Origin | None]) -> tuple[LineOrigin, ...]:
    """The lines of ``after``: those that ``before`` has too are ``old``, of the others ``new`` says who wrote them.

    Blanks at the ends of a line and their number do not count: a file that is parsed and written again changes those.
    """
    first, second = _words(before), _words(after)
    owners = [new(line) for line in second]
    for match in SequenceMatcher(None, first, second, autojunk=False).get_matching_blocks():
        owners[match.b : match.b + match.size] = [old] * match.size
    return stretches(owners)


def of_line(lines: Iterable[LineOrigin], number: int) -> Origin | None:
    """Who is responsible for one line."""
    return next((one.origin for one in lines if one.first <= number <= one.last), None)


def with_lines(layer: Layer, before: Mapping[GuestPath, bytes]) -> Layer:
    """A landed layer with what comparing tells of the files whose transform says nothing of lines.

    Args:
        before: files of the vanilla image.
    """
    return Layer(
        tuple(_attributed(entry, before) if isinstance(entry, FileEntry) else entry for entry in layer.entries)
    )


def _attributed(entry: FileEntry, before: Mapping[GuestPath, bytes]) -> FileEntry:
    known = before.get(entry.path)
    if entry.lines or known is None or not _is_text(known) or not _is_text(entry.content):
        return entry
    # Of several rules nobody knows which one wrote a line: then only what none of them did is told.
    new = entry.origins[0] if len(entry.origins) == 1 else None
    return replace(entry, lines=compared(known, entry.content, kept(f"vanilla image: {entry.path}"), lambda _: new))


def _is_text(content: bytes) -> bool:
    return len(content) <= _LARGEST and b"\0" not in content


def _words(content: bytes) -> list[bytes]:
    return [b" ".join(line.split()) for line in _lines(content)]


def _lines(content: bytes) -> Iterator[bytes]:
    """Lines as editors and `sed -n` count them: a line feed ends one, nothing else does."""
    parts = content.split(b"\n")
    yield from parts if parts[-1] else parts[:-1]
