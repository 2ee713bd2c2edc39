"""What keeps sshd from starting, or from serving anybody who connects: statement by statement, then together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.formats.ssh.sshd_config import Statement
from pipeline.rules.grammar.sshd import keywords, match, values
from pipeline.rules.grammar.sshd.keywords import Build

_MOST_PORTS = 256  # MAX_PORTS


@dataclass(frozen=True)
class Refusal:
    """Where sshd stops, why, and what it would take."""

    file: str
    line: int
    found: str
    wanted: str


def refusals(read: Sequence[Statement], build: Build) -> Iterator[Refusal]:
    """Everything this sshd refuses in a configuration, in its order."""
    for statement in read:
        found = _alone(statement, build)
        if found:
            yield Refusal(statement.file, statement.line, *found)
    yield from _together(read, build)


def _alone(statement: Statement, build: Build) -> tuple[str, str] | None:
    keyword, shown = statement.keyword, " ".join((statement.keyword, *statement.arguments))
    if keyword == "match":
        bad = match.refusal(statement.arguments, build)
        return (f"{shown}: {bad}", "criteria sshd knows") if bad else None
    why = keywords.unknown(keyword, build)
    if why:
        return f"{keyword}: {why}", "a keyword of the image's OpenSSH"
    if statement.match and keywords.outside_match_only(keyword):
        return f"{keyword} in a Match block", "keywords that may stand in a Match block"
    if keyword in keywords.DEPRECATED:
        return None
    check = values.CHECKS.get(keyword)
    if keyword == "subsystem" and len(statement.arguments) == 1 and statement.match and build.from_on((9, 5)):
        return None  # nobody looks at it there
    if not statement.arguments or not any(statement.arguments):
        return f"{keyword} without a value", "a value"
    wanted = check(statement.arguments, build) if check else None
    return (shown, wanted) if wanted else None


def _together(read: Sequence[Statement], build: Build) -> Iterator[Refusal]:
    outside = [statement for statement in read if not statement.match]
    yield from _subsystems(read, build)
    ports = [statement for statement in outside if statement.keyword == "port"]
    for statement in ports[_MOST_PORTS:]:
        yield Refusal(statement.file, statement.line, "too many ports", f"at most {_MOST_PORTS}")
    first: dict[str, Statement] = {}
    for statement in outside:
        first.setdefault(statement.meaning, statement)
    for command in ("authorizedkeyscommand", "authorizedprincipalscommand"):
        found = first.get(command)
        if found and found.arguments != ("none",) and f"{command}user" not in first:
            yield Refusal(found.file, found.line, f"{command} without {command}user", f"{command}user")
    yield from _family(outside, first)
    yield from _methods(first)


def _subsystems(read: Sequence[Statement], build: Build) -> Iterator[Refusal]:
    """One name twice: fatal up to 9.4; from 9.5 on the first one holds, and Match blocks may have their own.

    A block's own without any outside ends the process that serves the connection (seen with 10.0).
    """
    names: set[str] = set()
    for statement in read:
        if statement.keyword != "subsystem" or not statement.arguments:
            continue
        found = ""
        if statement.match:
            if not build.from_on((9, 5)):
                found = "subsystem in a Match block"
            elif not names:
                found = "subsystem in a Match block, and none outside"
        elif statement.arguments[0] in names and not build.from_on((9, 5)):
            found = f"subsystem {statement.arguments[0]} is defined twice"
        if found:
            yield Refusal(statement.file, statement.line, found, "one line for each subsystem, outside Match")
        if not statement.match:
            names.add(statement.arguments[0])


def _family(outside: Sequence[Statement], first: dict[str, Statement]) -> Iterator[Refusal]:
    family = first.get("addressfamily")
    if family is None or family.arguments[:1] not in (("inet",), ("inet6",)):
        return
    for statement in outside:
        if statement.keyword == "listenaddress" and statement.arguments:
            six = statement.arguments[0].count(":") > 1
            if six != (family.arguments[0] == "inet6"):
                found = f"listenaddress {statement.arguments[0]} beside addressfamily {family.arguments[0]}"
                yield Refusal(statement.file, statement.line, found, "an address of that family")


def _methods(first: dict[str, Statement]) -> Iterator[Refusal]:
    """Lists of which none could ever be fulfilled, because each names a method that is switched off."""
    statement = first.get("authenticationmethods")
    if statement is None or statement.arguments[:1] == ("any",):
        return
    lists = [[name.partition(":")[0] for name in listed.split(",")] for listed in statement.arguments]
    if all(any(not _is_on(method, first) for method in listed) for listed in lists):
        shown = " ".join(statement.arguments)
        yield Refusal(
            statement.file, statement.line, f"authenticationmethods {shown}: each list has a method that is off",
            "a list whose methods are all on",
        )  # fmt: skip


def _is_on(method: str, first: dict[str, Statement]) -> bool:
    keyword, default = {
        "publickey": ("pubkeyauthentication", "yes"),
        "password": ("passwordauthentication", "yes"),
        "keyboard-interactive": ("kbdinteractiveauthentication", "yes"),
        "hostbased": ("hostbasedauthentication", "no"),
        "gssapi-with-mic": ("gssapiauthentication", "no"),
        "gssapi-keyex": ("gssapikeyexchange", "no"),
        "none": ("permitemptypasswords", "no"),
    }.get(method, ("", "yes"))
    if method == "none":
        return True
    found = first.get(keyword)
    return (found.arguments[0].lower() if found and found.arguments else default) == "yes"
