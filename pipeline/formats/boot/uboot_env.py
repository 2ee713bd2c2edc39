"""U-Boot's environment: a CRC-32, a flags byte when there are two copies, and NUL-separated ``name=value`` pairs.

The form is that of U-Boot's ``include/env_internal.h``: little-endian CRC over everything after the header, padding
included; the first empty pair ends the list. Of two copies U-Boot takes the valid one with the larger flag (255 is
older than 0); so both are written, or an interrupted update on the gateway could bring the old one back.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace


class UbootEnvError(ValueError):
    """Not an environment U-Boot would accept, or a change that does not fit; one line."""


@dataclass(frozen=True)
class Copy:
    """One copy of the environment.

    Attributes:
        size: bytes of the copy, header included.
        flags: of a redundant copy; None for a single one.
        valid: whether the CRC is right; U-Boot ignores a copy where it is not.
        pairs: in their order.
        padding: what follows the list, kept as it is.
    """

    size: int
    flags: int | None
    valid: bool
    pairs: tuple[tuple[bytes, bytes], ...]
    padding: bytes


@dataclass(frozen=True)
class Environment:
    """One copy, or the two of a redundant environment in the order they lie in."""

    copies: tuple[Copy, ...]

    @property
    def current(self) -> Copy:
        """The copy U-Boot uses."""
        valid = [copy for copy in self.copies if copy.valid]
        if len(valid) == 2 and valid[0].flags is not None and valid[1].flags is not None:
            first, second = valid[0].flags, valid[1].flags
            if (first, second) in ((255, 0), (0, 255)):
                return valid[0] if first == 0 else valid[1]
            return valid[1] if second > first else valid[0]
        return valid[0]

    def get(self, name: str) -> str | None:
        """Value of a variable in the copy U-Boot uses."""
        found = dict(self.current.pairs).get(name.encode())
        return None if found is None else found.decode("utf-8", "replace")


def parse(data: bytes) -> Environment:
    """Read an environment; which form it has shows in where its CRC fits.

    Raises:
        UbootEnvError: no form fits, so a change would make U-Boot fall back to what is compiled in.
    """
    half = len(data) // 2
    forms: list[tuple[tuple[bytes, ...], bool]] = [((data,), False), ((data,), True)]
    if len(data) % 2 == 0:
        forms.append(((data[:half], data[half:]), True))
    for parts, redundant in forms:
        copies = tuple(_parse_copy(part, redundant=redundant) for part in parts)
        if any(copy.valid for copy in copies):
            return Environment(copies)
    raise UbootEnvError("no CRC fits: not an environment, cut off, or of another size than its bootloader's")


def from_text(data: bytes, size: int, *, redundant: bool) -> Environment:
    """The environment ``mkenvimage`` makes of such lines, as U-Boot's build writes them to ``u-boot-initial-env``.

    A backslash before its end keeps the end of a line as part of the value; blank lines and comments (``#``) say
    nothing. Of two copies the first is the one U-Boot takes.

    Args:
        size: bytes of one copy.

    Raises:
        UbootEnvError: a line is no assignment, a name comes twice, or there is no room.
    """
    pairs: dict[bytes, bytes] = {}
    for number, line in _joined(data):
        name, equals, value = line.partition(b"=")
        if not equals or not name or b"\0" in line or name in pairs:
            raise UbootEnvError(f"line {number} of the defaults: not name=value, or a name again")
        pairs[name] = value
    room = size - (5 if redundant else 4) - len(_list(tuple(pairs.items())))
    if room < 0:
        raise UbootEnvError(f"no room for {len(pairs)} variables in {size} bytes")
    flags = (1, 0) if redundant else (None,)
    return Environment(
        tuple(Copy(size, flag, valid=True, pairs=tuple(pairs.items()), padding=b"\xff" * room) for flag in flags)
    )


def change(environment: Environment, values: Mapping[str, str]) -> Environment:
    """Set variables in every copy; everything else stays, in its order.

    A copy whose CRC is wrong becomes like the current one.

    Raises:
        UbootEnvError: a value cannot be written, or there is no room.
    """
    for name, value in values.items():
        if not name or "=" in name or "\0" in name + value:
            raise UbootEnvError(f"{name!r} cannot be a variable")
    current = environment.current
    return Environment(
        tuple(_changed(copy if copy.valid else _like(current, copy), values) for copy in environment.copies)
    )


def render(environment: Environment) -> bytes:
    """The bytes of an environment; an unchanged valid one gives the same bytes back."""
    return b"".join(_render_copy(copy) for copy in environment.copies)


def _parse_copy(data: bytes, *, redundant: bool) -> Copy:
    header = 5 if redundant else 4
    if len(data) <= header:
        return Copy(len(data), None, valid=False, pairs=(), padding=b"")
    body = data[header:]
    (checksum,) = struct.unpack_from("<I", data)
    end = 0 if body.startswith(b"\0") else body.find(b"\0\0") + 1
    texts = body[:end].split(b"\0")[:-1] if end > 0 else []
    valid = checksum == zlib.crc32(body) and (end > 0 or body.startswith(b"\0"))
    pairs = tuple((name, value) for name, _, value in (text.partition(b"=") for text in texts))
    if any(b"=" not in text for text in texts):
        valid = False
    return Copy(len(data), data[4] if redundant else None, valid, pairs, body[end + 1 :])


def _joined(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Assignments with the number of their first line."""
    waiting, first = b"", 0
    for number, line in enumerate(data.replace(b"\r\n", b"\n").split(b"\n"), 1):
        if not waiting and (not line.strip() or line.startswith(b"#")):
            continue
        first = first if waiting else number
        if line.endswith(b"\\"):
            waiting += line[:-1] + b"\n"
        else:
            yield first, waiting + line
            waiting = b""
    if waiting:
        yield first, waiting


def _like(current: Copy, copy: Copy) -> Copy:
    """The current content in the place of a copy nobody can read; older by its flag than the one in use."""
    return replace(current, size=copy.size, flags=None if current.flags is None else (current.flags - 1) % 256)


def _changed(copy: Copy, values: Mapping[str, str]) -> Copy:
    pairs = dict(copy.pairs)
    pairs.update({name.encode(): value.encode() for name, value in values.items()})
    if tuple(pairs.items()) == copy.pairs:
        return copy
    header = 4 if copy.flags is None else 5
    room = copy.size - header - len(_list(tuple(pairs.items())))
    if room < 0:
        raise UbootEnvError(f"no room for {', '.join(values)} in {copy.size} bytes")
    fill = copy.padding[-1:] or b"\0"  # U-Boot fills with zeros, mkenvimage -p with 0xff
    return replace(copy, pairs=tuple(pairs.items()), padding=(copy.padding + fill * room)[:room])


def _list(pairs: tuple[tuple[bytes, bytes], ...]) -> bytes:
    return b"".join(name + b"=" + value + b"\0" for name, value in pairs) + b"\0"


def _render_copy(copy: Copy) -> bytes:
    body = _list(copy.pairs) + copy.padding
    flags = b"" if copy.flags is None else bytes([copy.flags])
    return struct.pack("<I", zlib.crc32(body)) + flags + body
