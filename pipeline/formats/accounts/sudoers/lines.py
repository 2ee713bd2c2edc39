"""The lines of a sudoers file: what each says, or why sudo refuses it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.formats.accounts.sudoers import options


@dataclass(frozen=True)
class Alias:
    """A name for several; the kind is ``User``, ``Runas``, ``Host`` or ``Cmnd``."""

    kind: str
    name: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class Defaults:
    """Options and for whom: ``scope`` is empty for everybody, else ``:``, ``@``, ``>`` or ``!`` with its names."""

    scope: str
    names: tuple[str, ...]
    on: frozenset[str]
    off: frozenset[str]


@dataclass(frozen=True)
class Command:
    """One command; no run-as list means root, an empty one the caller; no word about a password leaves it open."""

    command: str
    run_as: tuple[str, ...] | None
    password: bool | None


@dataclass(frozen=True)
class Specification:
    """Users and what they may do on one list of hosts."""

    users: tuple[str, ...]
    hosts: tuple[str, ...]
    commands: tuple[Command, ...]


@dataclass(frozen=True)
class Line:
    """One statement, whatever of these it is."""

    number: int
    aliases: tuple[Alias, ...] = ()
    defaults: Defaults | None = None
    specifications: tuple[Specification, ...] = ()
    include: str = ""
    refused: str = ""


_PIECE = re.compile(r'\s+|"(?:[^"\\\n]|\\.)*"|[,:=!()]|(?:\\.|[^\s,:=!()"\\])+')
_KINDS = {"User_Alias": "User", "Runas_Alias": "Runas", "Host_Alias": "Host", "Cmnd_Alias": "Cmnd", "Cmd_Alias": "Cmnd"}
_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_INCLUDE = re.compile(r"[#@](?P<kind>include|includedir)\s+\"?(?P<path>[^\"]+?)\"?\s*")
_DEFAULTS = re.compile(
    r"Defaults(?:(?P<scope>[@:!>])\s*(?P<names>[^\s,]+(?:\s*,\s*[^\s,]+)*))?(?:\s+(?P<settings>.*))?"
)
_SETTING = re.compile(
    r"\s*(?P<off>(?:!\s*)*)(?P<name>\w+)\s*"
    r"(?:(?P<operator>[+-]?=)\s*(?P<value>\"(?:[^\"\\]|\\.)*\"|[^\s,\"]+))?\s*(,|$)"
)
_TAGS = frozenset(
    """EXEC NOEXEC FOLLOW NOFOLLOW INTERCEPT NOINTERCEPT LOG_INPUT NOLOG_INPUT LOG_OUTPUT NOLOG_OUTPUT MAIL NOMAIL
    PASSWD NOPASSWD SETENV NOSETENV""".split()
)
_SETTINGS = frozenset("TIMEOUT CWD CHROOT ROLE TYPE NOTBEFORE NOTAFTER APPARMOR_PROFILE PRIVS LIMITPRIVS".split())


class _RefusedError(ValueError):
    """sudo's parser would stop here."""


def lines(text: str) -> tuple[Line, ...]:
    """Every statement of a file."""
    return tuple(_line(number, content) for number, content in _joined(text))


def _line(number: int, content: str) -> Line:
    include = _INCLUDE.fullmatch(content)
    if include:
        path = include["path"].rstrip("/")
        return Line(number, include=path if include["kind"] == "include" else f"{path}/*")
    try:
        first = content.split(maxsplit=1)[0]
        if first.startswith("@"):
            raise _RefusedError(f"{first} is no directive with a path")
        if first.startswith("Defaults") and re.match(r"Defaults(?:[@:!>]|\s|$)", content):
            return Line(number, defaults=_defaults(content))
        tokens = _Tokens(content)
        if first in _KINDS:
            tokens.take()
            return Line(number, aliases=tuple(_aliases(tokens, _KINDS[first])))
        return Line(number, specifications=tuple(_specifications(tokens)))
    except _RefusedError as error:
        return Line(number, refused=str(error))


class _Tokens:
    """Words and marks of a line, taken one by one."""

    def __init__(self, text: str) -> None:
        self._left: list[str] = []
        place = 0
        while place < len(text):
            found = _PIECE.match(text, place)
            if found is None:
                raise _RefusedError("a quotation mark is not closed")
            self._left.append(found.group())
            place = found.end()

    def peek(self, ahead: int = 0) -> str:
        """The next word or mark; empty at the end."""
        left = [token for token in self._left if not token.isspace()]
        return left[ahead] if len(left) > ahead else ""

    def take(self) -> str:
        """It, and go on."""
        while self._left and self._left[0].isspace():
            self._left.pop(0)
        return self._left.pop(0) if self._left else ""

    def word(self, what: str) -> str:
        """A word that must be there."""
        word = self.take()
        if not word or word in ",:=!()":
            raise _RefusedError(f"{what} is missing" if not word else f"{word!r} stands where {what} is wanted")
        return word

    def mark(self, mark: str, behind: str) -> None:
        """A mark that must be there."""
        if self.take() != mark:
            raise _RefusedError(f"{mark!r} is missing behind {behind}")


def _list(tokens: _Tokens, what: str) -> tuple[str, ...]:
    """Names with commas between them, each perhaps negated."""
    found: list[str] = []
    while True:
        negated = False
        while tokens.peek() == "!":
            tokens.take()
            negated = not negated
        word = tokens.word(what).strip('"')
        if word in ("%", "+", "%#", "%:"):
            raise _RefusedError(f"{word!r} without a name")
        found.append(f"!{word}" if negated else word)
        if tokens.peek() != ",":
            return tuple(found)
        tokens.take()


def _aliases(tokens: _Tokens, kind: str) -> Iterator[Alias]:
    while True:
        name = tokens.word("an alias's name")
        if not _NAME.fullmatch(name) or name == "ALL":
            raise _RefusedError(f"{name!r} cannot be an alias's name: capitals, digits and underscores")
        tokens.mark("=", "an alias's name")
        if kind == "Cmnd":
            members = [_command(tokens)]
            while tokens.peek() == ",":
                tokens.take()
                members.append(_command(tokens))
            yield Alias(kind, name, tuple(members))
        else:
            yield Alias(kind, name, _list(tokens, "a member"))
        if not tokens.peek():
            return
        tokens.mark(":", "an alias")


def _specifications(tokens: _Tokens) -> Iterator[Specification]:
    users = _list(tokens, "a user")
    while True:
        hosts = _list(tokens, "a host")
        tokens.mark("=", "the hosts")
        yield Specification(users, hosts, tuple(_commands(tokens)))
        if not tokens.peek():
            return
        tokens.mark(":", "the commands")


def _commands(tokens: _Tokens) -> Iterator[Command]:
    """Run-as lists and tags hold until others are said."""
    run_as: tuple[str, ...] | None = None
    password: bool | None = None
    while True:
        if tokens.peek() == "(":
            tokens.take()
            run_as = () if tokens.peek() in (":", ")") else _list(tokens, "a user to run as")
            if tokens.peek() == ":":
                tokens.take()
                if tokens.peek() != ")":
                    _list(tokens, "a group to run as")
            tokens.mark(")", "the users to run as")
        while tokens.peek() in _TAGS | _SETTINGS and tokens.peek(1) in (":", "="):
            word = tokens.take()
            if tokens.take() == "=":
                tokens.word(f"a value of {word}")
            elif word in ("PASSWD", "NOPASSWD"):
                password = word == "PASSWD"
        yield Command(_command(tokens), run_as, password)
        if tokens.peek() != ",":
            return
        tokens.take()


def _command(tokens: _Tokens) -> str:
    """A command without its arguments: a path, ``ALL``, an alias, or one of sudo's own words."""
    negated = False
    while tokens.peek() == "!":
        tokens.take()
        negated = not negated
    word = tokens.word("a command")
    if re.fullmatch(r"sha(?:224|256|384|512)", word) and tokens.peek() == ":":
        size = {"sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}[word]
        tokens.take()
        digest = tokens.word("a digest")
        if len(digest) != size and not re.fullmatch(r"[A-Za-z0-9+/]{38,88}=*", digest):
            raise _RefusedError(f"no digest of {word}")
        word = tokens.word("a command")
    if word == "ALL" or _NAME.fullmatch(word):
        if tokens.peek() not in ("", ",", ":"):
            raise _RefusedError(f"{tokens.peek()!r} stands behind {word}")
    elif word.startswith(("/", "^", "\\/")) or word in ("sudoedit", "list"):
        while tokens.peek() not in ("", ",", ":"):
            tokens.take()
    else:
        raise _RefusedError(f"{word!r} is no command: a path from / on is wanted")
    return f"!{word}" if negated else word


def _defaults(content: str) -> Defaults:
    found = _DEFAULTS.fullmatch(content)
    if found is None or not (found["settings"] or "").strip():
        raise _RefusedError("Defaults without an option")
    settings, place = found["settings"], 0
    on, off = set[str](), set[str]()
    while place < len(settings):
        setting = _SETTING.match(settings, place)
        if setting is None or (setting[5] == "," and not settings[setting.end() :].strip()):
            raise _RefusedError("an option of Defaults is none")
        place = setting.end()
        taken_back = setting["off"].count("!") % 2 == 1
        value = setting["value"].strip('"') if setting["value"] is not None else None
        bad = options.refusal(setting["name"], setting["operator"] or "", value, off=taken_back)
        if bad:
            raise _RefusedError(bad)
        (off if taken_back else on).add(setting["name"])
        (on if taken_back else off).discard(setting["name"])
    names = tuple(name.strip().strip('"') for name in (found["names"] or "").split(",") if name.strip())
    return Defaults(found["scope"] or "", names, frozenset(on), frozenset(off))


def _joined(text: str) -> list[tuple[int, str]]:
    """Lines without comments, continued ones joined, each with the number of its first."""
    found: list[tuple[int, str]] = []
    waiting, first = "", 0
    rows = text.splitlines()
    for number, line in enumerate(rows, 1):
        first = first if waiting else number
        comment = not waiting and re.match(r"\s*#(?!\d|include)", line)
        if line.endswith("\\") and not comment:
            waiting += line[:-1] + " "
            if number < len(rows):
                continue
            found.append((first, "@ (a line that is continued behind the end)"))
            break
        content, waiting = (waiting + line).strip(), ""
        if not _INCLUDE.fullmatch(content):
            # "#1000" is a user by number; any other number sign begins a comment.
            content = re.sub(r"(?<!\\)#(?!\d).*", "", content).strip()
        if content:
            found.append((first, content))
    return found
