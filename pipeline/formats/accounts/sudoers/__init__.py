"""``sudoers`` (sudoers(5)): who may become whom, as far as it takes to see who can become root.

User specifications with several hosts, the tags ``PASSWD`` and ``NOPASSWD``, aliases of every kind, ``Defaults`` that
ask for no password or for root's, and includes are understood. What sudo refuses is told by line: older versions then
let nobody do anything, newer ones pass over the line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.formats.accounts.sudoers.lines import Defaults, Line, Specification, lines


@dataclass(frozen=True)
class Grant:
    """What one user specification gives to one user or ``%group``.

    Attributes:
        who: ``alice``, ``%wheel``, ``#1000`` or ``ALL``.
        as_root: the run-as list admits root.
        everything: any command.
        password: whether one is asked for.
    """

    line: int
    who: str
    as_root: bool
    everything: bool
    password: bool


@dataclass(frozen=True)
class Sudoers:
    """One file.

    Attributes:
        rootpw: for whom the password asked for is root's: names, or ``ALL``.
        includes: pattern to line; a directory ends in ``/*``.
        refused: what sudo does not take: line and words.
    """

    grants: tuple[Grant, ...]
    rootpw: frozenset[str]
    includes: Mapping[str, int] = field(default_factory=dict)
    refused: tuple[tuple[int, str], ...] = ()


@dataclass
class _Whole:
    """What all files say together: an alias or default of one holds for the others."""

    aliases: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    defaults: list[Defaults] = field(default_factory=list)


def parse(data: bytes) -> Sudoers:
    """Read a file by itself."""
    return read((("", data),))[""]


def read(files: Sequence[tuple[str, bytes]]) -> Mapping[str, Sudoers]:
    """Read files that belong together, in sudo's order, by name."""
    parsed = {name: lines(data.decode("utf-8", "replace")) for name, data in files}
    whole = _Whole()
    doubled: dict[str, list[tuple[int, str]]] = {name: [] for name in parsed}
    for name, found in parsed.items():
        for line in found:
            for alias in line.aliases:
                key = (alias.kind, alias.name)
                if key in whole.aliases:
                    doubled[name].append((line.number, f"alias {alias.name} is defined twice"))
                whole.aliases.setdefault(key, alias.members)
            if line.defaults:
                whole.defaults.append(line.defaults)
    return {name: _file(found, whole, doubled[name]) for name, found in parsed.items()}


def _file(found: Sequence[Line], whole: _Whole, doubled: list[tuple[int, str]]) -> Sudoers:
    grants: list[Grant] = []
    rootpw: set[str] = set()
    includes: dict[str, int] = {}
    refused = [*doubled]
    for line in found:
        if line.refused:
            refused.append((line.number, line.refused))
        if line.include:
            includes.setdefault(line.include, line.number)
        if line.defaults and "rootpw" in line.defaults.on:
            users = line.defaults.names if line.defaults.scope in (":", "") else ()
            rootpw.update(_expanded("User", users, whole) or ("ALL",))
        for specification in line.specifications:
            named = _expanded("User", specification.users, whole)
            grants += [_grant(line.number, name, specification, whole) for name in named if not name.startswith("!")]
    return Sudoers(tuple(grants), frozenset(rootpw), includes, tuple(sorted(refused)))


def _expanded(kind: str, names: Sequence[str], whole: _Whole, seen: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Names with aliases, which may be nested, replaced; a circle means nobody."""
    found: list[str] = []
    for name in names:
        bare = name.lstrip("!")
        members = whole.aliases.get((kind, bare))
        if members is None:
            found.append(name)
        elif bare not in seen and bare == name:
            found += _expanded(kind, members, whole, seen | {bare})
    return tuple(found)


def _grant(number: int, who: str, specification: Specification, whole: _Whole) -> Grant:
    """The widest of what the commands of one specification allow; what is not said of a password, a default says."""
    as_root = everything = False
    passwords: list[bool] = []
    for command in specification.commands:
        users = ("root",) if command.run_as is None else _expanded("Runas", command.run_as, whole) or ((who,))
        root = any(name in ("root", "ALL", "#0") for name in users) or (
            any(name.startswith("!") for name in users) and not any(name in ("!root", "!ALL", "!#0") for name in users)
        )
        as_root |= root
        every = "ALL" in _expanded("Cmnd", (command.command,), whole)
        if root:
            asked = command.password if command.password is not None else not _unasked(who, whole)
            if every and not everything:
                everything, passwords = True, []
            if every or not everything:
                passwords.append(asked)
    return Grant(number, who, as_root, everything, all(passwords))


def _unasked(who: str, whole: _Whole) -> bool:
    """Whether a default asks this one for no password; one of hosts, run-as users or commands may hold for anybody."""
    unasked = False
    for default in whole.defaults:
        for word, state in (("authenticate", default.on), ("!authenticate", default.off)):
            if "authenticate" in state:
                names = _expanded("User", default.names, whole) if default.scope == ":" else ("ALL",)
                if who in names or "ALL" in names or any(name.startswith("!") for name in names):
                    # Who is asked again by a default of some host is not asked on the others.
                    off = word.startswith("!")
                    unasked = True if off else unasked and default.scope not in ("", ":")
    return unasked
