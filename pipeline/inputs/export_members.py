"""Checks names, kinds and sizes of an export's members before any of their content is used."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from pipeline.errors import PipelineError, Problem, raise_if_any

# An export is a few hundred kilobytes of configuration and some deployment packages.
MOST_BYTES = 512 << 20
MOST_MEMBERS = 10_000
MOST_DEPTH = 32
LONGEST_NAME, LONGEST_PATH = 255, 4096
# How much larger than its archive an export may become; text compresses by ten or twenty.
HIGHEST_RATIO = 200
_RATIO_MATTERS_FROM = 16 << 20

# The one link the documents know (A:247): a peer of pppd by the name of its interface. An archive may have a directory
# around everything.
_PEER_LINK = re.compile(r"(?:[^/]+/)?etc/ppp/peers/ppp[0-9]+")
_PEER = re.compile(r"(?:/etc/ppp/peers/)?(?!\.{1,2}\Z)[A-Za-z0-9._-]+")
_REMEDY = "take it out of the export; only regular files of the documents' list belong in one (A:164 to A:193)"


class Kind(Enum):
    """What a member is."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "symbolic link"
    OTHER = "device, pipe, socket or hard link"


@dataclass(frozen=True)
class Member:
    """One member as its container describes it.

    Attributes:
        name: as written there, not checked.
        mode: permission bits.
        read: gives the content, at most as many bytes as asked for.
    """

    name: str
    kind: Kind
    mode: int = 0
    target: str = ""
    read: Callable[[int], bytes] = field(default=lambda _: b"", repr=False)


@dataclass(frozen=True)
class Contents:
    """Everything in an export, by path relative to its root.

    Attributes:
        files: content by path.
        links: literal target by path.
    """

    files: dict[str, bytes] = field(repr=False)
    links: dict[str, str]


def collect(members: Iterable[Member], source: str, packed: int | None = None) -> Contents:
    """Read an export member by member.

    Args:
        source: how messages call the export.
        packed: bytes of the archive, for its ratio; None for a directory.

    Raises:
        PipelineError: names every member that has no place in an export; nothing is ever written anywhere.
    """
    problems: list[Problem] = []
    files: dict[str, bytes] = {}
    links: dict[str, str] = {}
    seen: dict[str, str] = {}
    total = 0
    for number, member in enumerate(members):
        if number >= MOST_MEMBERS:
            raise PipelineError(f"{source}: more than {MOST_MEMBERS} members", _REMEDY)
        shown = f"{source}: {_printable(member.name)}"
        wrong = _name_problem(member)
        path = _canonical(member.name)
        if wrong or (member.kind is not Kind.DIRECTORY and not path):
            problems.append(Problem(f"{shown}: {wrong or 'is not a name'}", _REMEDY))
            continue
        if member.kind is Kind.DIRECTORY:
            continue
        twin = seen.setdefault(unicodedata.normalize("NFC", path).casefold(), path)
        if path in files or path in links:
            problems.append(Problem(f"{shown}: is in the export twice", _REMEDY))
        elif twin != path:
            problems.append(Problem(f"{shown}: differs from {_printable(twin)} in case or accents only", _REMEDY))
        elif member.kind is Kind.OTHER:
            problems.append(Problem(f"{shown}: is a {Kind.OTHER.value}", _REMEDY))
        elif member.kind is Kind.LINK:
            if _PEER_LINK.fullmatch(path) and _PEER.fullmatch(member.target):
                links[path] = member.target
            else:
                problems.append(
                    Problem(
                        f"{shown}: is a symbolic link; only /etc/ppp/peers/pppN to a peer beside it may be", _REMEDY
                    )
                )
        else:
            content = member.read(MOST_BYTES - total + 1)
            total += len(content)
            if total > MOST_BYTES:
                raise PipelineError(f"{shown}: the export has more than {MOST_BYTES >> 20} MiB", _REMEDY)
            if packed is not None and total > max(_RATIO_MATTERS_FROM, HIGHEST_RATIO * packed):
                raise PipelineError(
                    f"{shown}: the archive unpacks to more than {HIGHEST_RATIO} times its size", _REMEDY
                )
            files[path] = content
    names = {*files, *links}
    for path in sorted(names):
        above = next((path[:place] for place, letter in enumerate(path) if letter == "/" and path[:place] in names), "")
        if above:
            problems.append(Problem(f"{source}: {_printable(path)}: {_printable(above)} is also a file", _REMEDY))
    raise_if_any(problems)
    return Contents(files, links)


def directory_members(directory: Path) -> Iterator[Member]:
    """The members of an export that is a directory, sorted; no link is followed."""
    waiting = [(directory, "")]
    while waiting:
        here, prefix = waiting.pop()
        for entry in sorted(_scan(here), key=lambda found: found.name):
            name = f"{prefix}{entry.name}"
            about = entry.stat(follow_symlinks=False)
            mode = stat.S_IMODE(about.st_mode)
            if stat.S_ISDIR(about.st_mode):
                yield Member(f"{name}/", Kind.DIRECTORY, mode)
                if name.count("/") < MOST_DEPTH:
                    waiting.append((here / entry.name, f"{name}/"))
            elif stat.S_ISLNK(about.st_mode):
                yield Member(name, Kind.LINK, mode, str((here / entry.name).readlink()))
            elif stat.S_ISREG(about.st_mode):
                yield Member(name, Kind.FILE, mode, read=_reader(Path(entry.path)))
            else:
                yield Member(name, Kind.OTHER, mode)


def _scan(directory: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except OSError as error:
        raise _unreadable(directory, error) from None


def _reader(path: Path) -> Callable[[int], bytes]:
    def read(most: int) -> bytes:
        try:
            # Not followed and not waited for, whatever has come to lie there since it was listed.
            number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(number, "rb") as stream:
                if not stat.S_ISREG(os.fstat(number).st_mode):
                    raise PipelineError(f"{path}: changed while the export was read", "read the export again")
                return stream.read(most)
        except OSError as error:
            raise _unreadable(path, error) from None

    return read


def _unreadable(path: Path, error: OSError) -> PipelineError:
    return PipelineError(f"{path}: cannot be read: {error.strerror}", "check its permissions")


def _canonical(name: str) -> str:
    """The name without leading ``./`` and a directory's trailing slash."""
    while name.startswith("./"):
        name = name[2:]
    return "" if name == "." else name.rstrip("/")


def _name_problem(member: Member) -> str:
    name = _canonical(member.name)
    parts = name.split("/") if name else []
    try:
        raw = name.encode("utf-8")
    except UnicodeEncodeError:
        return "has a name that is not UTF-8"
    if member.name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "has an absolute name"
    if "\\" in name:
        return "has a backslash in its name"
    if not name.isprintable():
        return "has unprintable characters in its name"
    if any(part in ("", ".", "..") for part in parts):
        return "has a name with ., .. or doubled slashes"
    if len(raw) > LONGEST_PATH or any(len(part.encode()) > LONGEST_NAME for part in parts):
        return "has a name that is too long"
    if len(parts) > MOST_DEPTH:
        return "lies too deep"
    return ""


def _printable(name: str) -> str:
    text = name if len(name) <= 120 else name[:117] + "..."
    return text if text.isprintable() and text.isascii() else ascii(text)
