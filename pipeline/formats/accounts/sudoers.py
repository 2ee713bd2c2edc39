"""``sudoers`` (sudoers(5)): who may become whom, as far as it takes to see who can become root.

User specifications, the tags ``PASSWD`` and ``NOPASSWD``, ``User_Alias``, ``rootpw`` and includes are understood.
Everything else, such as aliases of hosts and commands, is a word like any other and judged by nobody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


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
    """

    grants: tuple[Grant, ...]
    rootpw: frozenset[str]
    includes: Mapping[str, int] = field(default_factory=dict)


_DEFAULTS = re.compile(r"Defaults(?::\s*(?P<users>\S+))?(?:[@!>]\S+)?\s+(?P<settings>.*)")
_INCLUDE = re.compile(r"[#@](?P<kind>include|includedir)\s+\"?(?P<path>[^\"]+?)\"?\s*")
_ALIAS = re.compile(r"(?P<kind>\w+)_Alias\s+(?P<rest>.*)")
_SPECIFICATION = re.compile(r"(?P<who>[^=]+?)\s+(?P<hosts>\S+)\s*=\s*(?P<what>.*)")
_RUN_AS = re.compile(r"\((?P<users>[^):]*)(?::[^)]*)?\)\s*")
_TAG = re.compile(r"(?P<tag>[A-Z_]+)\s*:\s*")


def parse(data: bytes) -> Sudoers:
    """Read a file; a line that is nothing of the above is passed over, as it grants nothing to anybody."""
    grants: list[Grant] = []
    rootpw: set[str] = set()
    includes: dict[str, int] = {}
    people: dict[str, tuple[str, ...]] = {}
    lines = list(_joined(data.decode("utf-8", "replace")))
    for _, line in lines:
        alias = _ALIAS.fullmatch(line)
        if alias and alias["kind"] == "User":
            for definition in alias["rest"].split(":"):
                name, _, members = definition.partition("=")
                people[name.strip()] = _listed(members)
    for number, line in lines:
        include = _INCLUDE.fullmatch(line)
        defaults = _DEFAULTS.fullmatch(line)
        if include:
            path = include["path"].rstrip("/")
            includes.setdefault(path if include["kind"] == "include" else f"{path}/*", number)
        elif _ALIAS.fullmatch(line):
            continue
        elif defaults:
            if re.search(r"(^|,)\s*rootpw\s*(,|$)", defaults["settings"]):
                rootpw.update(_listed(defaults["users"] or "ALL"))
        elif specification := _SPECIFICATION.fullmatch(line):
            named = [name for who in _listed(specification["who"]) for name in people.get(who, (who,))]
            grants.extend(_grant(number, name, specification["what"]) for name in named)
    return Sudoers(tuple(grants), frozenset(rootpw), includes)


def _grant(number: int, who: str, what: str) -> Grant:
    """The widest of what the commands of one specification allow; tags hold until they are taken back."""
    run_as: tuple[str, ...] = ("root",)
    password = True
    as_root = everything = False
    asked = False
    for command in _listed(what):
        found = _RUN_AS.match(command)
        if found:
            run_as = _listed(found["users"]) or (who,)
            command = command[found.end() :]
        while tag := _TAG.match(command):
            if tag["tag"] in ("NOPASSWD", "PASSWD"):
                password = tag["tag"] == "PASSWD"
            command = command[tag.end() :]
        root = bool({"root", "ALL", "#0"} & {*run_as})
        as_root |= root
        if command == "ALL" and root:
            everything, asked = True, password
    return Grant(number, who, as_root, everything, asked if everything else password)


def _listed(text: str) -> tuple[str, ...]:
    """A list with commas, which may stand inside the parentheses of a run-as list."""
    parts = re.findall(r"(?:\([^)]*\)|\\.|[^,(])+", text)
    return tuple(part.strip() for part in parts if part.strip())


def _joined(text: str) -> list[tuple[int, str]]:
    """Lines without comments, continued ones joined, each with the number of its first."""
    found: list[tuple[int, str]] = []
    waiting, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        first = first if waiting else number
        if line.endswith("\\"):
            waiting += line[:-1]
            continue
        content, waiting = (waiting + line).strip(), ""
        if not _INCLUDE.fullmatch(content):
            # "#1000" is a user by number; any other number sign begins a comment.
            content = re.sub(r"(?<!\\)#(?!\d).*", "", content).strip()
        if content:
            found.append((first, content))
    return found
