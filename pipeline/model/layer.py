"""A layer: every change to an image as data, each with the reason for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from pipeline.errors import Problem, raise_if_any
from pipeline.model.guest_path import GuestPath


@dataclass(frozen=True, order=True)
class Origin:
    """Why an entry exists.

    Attributes:
        rule: the rule or transform that wants it, such as ``ssh.port``.
        source: the input it was made from, such as ``gateway.toml [ssh]`` or ``golden: kura/dpa.properties``.
        document: the line of the documents that asks for it: ``A:n`` Move to Production, ``B:n`` Security Features.
    """

    rule: str
    source: str
    document: str = ""


@dataclass(frozen=True, order=True)
class LineOrigin:
    """Why a stretch of lines of a file is as it is; lines are counted from 1, the last one is in it."""

    first: int
    last: int
    origin: Origin


@dataclass(frozen=True)
class FileEntry:
    """A regular file, as it will lie in the image.

    Attributes:
        lines: who is responsible for which lines, where several are; empty says nothing. Two rules that want the same
            file agree whatever they know of its lines.
        secret: the content holds a secret; its digest never reaches a manifest, its text never a plan.
        xattrs: extended attributes, sorted by name.
    """

    path: GuestPath
    content: bytes = field(repr=False)
    origins: tuple[Origin, ...]
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    secret: bool = False
    xattrs: tuple[tuple[str, bytes], ...] = ()
    lines: tuple[LineOrigin, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        _check(self.path, self.mode, self.origins)


@dataclass(frozen=True)
class DirEntry:
    """A directory that is to exist with this mode and owner; what lies in it stays."""

    path: GuestPath
    origins: tuple[Origin, ...]
    mode: int = 0o755
    uid: int = 0
    gid: int = 0

    def __post_init__(self) -> None:
        _check(self.path, self.mode, self.origins)


@dataclass(frozen=True)
class LinkEntry:
    """A symbolic link with a literal target."""

    path: GuestPath
    target: str
    origins: tuple[Origin, ...]
    uid: int = 0
    gid: int = 0

    def __post_init__(self) -> None:
        _check(self.path, 0o777, self.origins)
        if not self.target or not self.target.isprintable() or not self.target.isascii() or '"' in self.target:
            raise ValueError(f"link target cannot be written: {self.target!r}")


@dataclass(frozen=True)
class Removal:
    """A path that must not exist; a directory goes with all that is in it."""

    path: GuestPath
    origins: tuple[Origin, ...]

    def __post_init__(self) -> None:
        _check(self.path, 0, self.origins)


Entry = FileEntry | DirEntry | LinkEntry | Removal


def _check(path: GuestPath, mode: int, origins: tuple[Origin, ...]) -> None:
    """Refuse what a writer could not write: debugfs has no way to quote a quotation mark or a control character."""
    if path == "/" or not path.isprintable() or not path.isascii() or '"' in path:
        raise ValueError(f"path cannot be written: {path!r}")
    if not 0 <= mode <= 0o7777:
        raise ValueError(f"mode out of range for {path}: {mode:o}")
    if not origins:
        raise ValueError(f"entry without a reason: {path}")


@dataclass(frozen=True)
class Layer:
    """Entries sorted by path, one for each path.

    Writers apply removals first, then everything else from the root down.
    """

    entries: tuple[Entry, ...] = ()

    def __post_init__(self) -> None:
        paths = [entry.path for entry in self.entries]
        if paths != sorted(set(paths)):
            raise ValueError("the entries of a layer are sorted and have one path each; use Layer.of or combine")

    @classmethod
    def of(cls, *entries: Entry) -> Layer:
        """A layer of these entries; two that differ on one path are a `PipelineError`."""
        return combine([cls((entry,)) for entry in entries])

    @cached_property
    def by_path(self) -> dict[GuestPath, Entry]:
        """The entries by their path."""
        return {entry.path: entry for entry in self.entries}

    def files(self) -> Iterator[FileEntry]:
        """The regular files, by path."""
        return (entry for entry in self.entries if isinstance(entry, FileEntry))

    def removals(self) -> Iterator[Removal]:
        """The removals, by path."""
        return (entry for entry in self.entries if isinstance(entry, Removal))

    def __len__(self) -> int:
        return len(self.entries)


def combine(layers: Iterable[Layer]) -> Layer:
    """One layer of several.

    The same entry wanted by two rules becomes one entry with both origins.

    Raises:
        PipelineError: two rules want different things of one path, or something below a path that is to be a file or
            a link; every such pair is named.
    """
    merged: dict[GuestPath, Entry] = {}
    problems: list[Problem] = []
    for layer in layers:
        for entry in layer.entries:
            known = merged.get(entry.path)
            if known is None:
                merged[entry.path] = entry
            elif _same(known, entry):
                merged[entry.path] = _with_origins(known, entry.origins)
            else:
                problems.append(_conflict(entry.path, known, entry))
    for path, entry in merged.items():
        for above in path.ancestors():
            holder = merged.get(above)
            if isinstance(holder, FileEntry | LinkEntry) and not isinstance(entry, Removal):
                problems.append(_conflict(path, holder, entry))
    raise_if_any(problems)
    return Layer(tuple(merged[path] for path in sorted(merged)))


def _same(left: Entry, right: Entry) -> bool:
    """Whether two entries ask for the same thing, whoever asks."""
    return _with_origins(left, ()) == _with_origins(right, ())


def _with_origins(entry: Entry, more: tuple[Origin, ...]) -> Entry:
    """The entry with further origins; with none given, its origins reduced to a neutral one, for comparison."""
    values = {name: getattr(entry, name) for name in entry.__dataclass_fields__}
    values["origins"] = tuple(sorted({*entry.origins, *more})) if more else (Origin("", ""),)
    return type(entry)(**values)


def _conflict(path: GuestPath, left: Entry, right: Entry) -> Problem:
    rules = " and ".join(
        f"{entry.origins[0].rule} ({type(entry).__name__}, from {entry.origins[0].source})" for entry in (left, right)
    )
    return Problem(
        f"{path}: wanted differently by {rules}",
        "change one of the two inputs; a file has one owner",
    )
