"""The criteria of a ``Match`` line, as sshd takes them (``servconf.c``, ``addrmatch.c``)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from pipeline.rules.grammar.sshd.keywords import Build

_LISTS = ("user", "group", "host", "rdomain")
_ADDRESSES = ("address", "localaddress")
# Names of /etc/services that anybody would write for a port of SSH's; any other is refused.
SERVICES = {"ssh": 22, "http": 80, "https": 443, "telnet": 23, "ftp": 21, "domain": 53, "imaps": 993}


def refusal(arguments: Sequence[str], build: Build) -> str | None:
    """What sshd refuses in a line's criteria; None where it takes them."""
    words = [piece for word in arguments for piece in _pieces(word)]
    if not words:
        return "Match without criteria"
    at = 0
    while at < len(words):
        name = words[at].lower()
        at += 1
        if name == "all":
            return "Match all beside other criteria" if len(words) > 1 else None
        if name == "invalid-user":
            if build.before((9, 9)):
                return f"{build.shown} has no criterion invalid-user"
            continue
        known = name in (*_LISTS, *_ADDRESSES, "localport") or (name == "version" and not build.before((9, 9)))
        if not known:
            return f"no criterion of sshd: {words[at - 1]}"
        if at >= len(words) or not words[at]:
            return f"Match {words[at - 1]} without a value"
        bad = _bad_value(name, words[at])
        if bad:
            return bad
        at += 1
    return None


def _pieces(word: str) -> list[str]:
    """``User=alice`` is two words, as ``User alice``."""
    name, equals, value = word.partition("=")
    known = name.lower() in (*_LISTS, *_ADDRESSES, "localport", "version")
    return [name, *([value] if value else [])] if equals and known else [word]


def _bad_value(name: str, value: str) -> str | None:
    if name == "localport":
        # a2port: a number or the name of a service, never a list; 0 passes here.
        number = int(value) if value.isascii() and value.isdigit() and len(value) < 9 else None
        good = value in SERVICES if number is None else number <= 65535
        return None if good else f"no port: {value}"
    if name in _ADDRESSES:
        return next((bad for part in value.split(",") if (bad := bad_network(part))), None)
    return None


def bad_network(text: str) -> str | None:
    """What sshd refuses in an address, a pattern or a network of a list.

    Where the part before the slash is an address, the part behind must be a length that leaves no bit of the host:
    10.234.0.1/16 is refused. Anything that is no address is a pattern for names, and taken.
    """
    address, slash, length = text.removeprefix("!").partition("/")
    if not slash:
        return None
    try:
        bits = ipaddress.ip_address(address).max_prefixlen
    except ValueError:
        return None
    if not length.isdigit():
        return None  # a pattern, which means nothing, and is taken
    if int(length) > bits:
        return f"{text}: the length is more than {bits}"
    try:
        ipaddress.ip_network(f"{address}/{length}")
    except ValueError:
        return f"{text}: bits of the host are set, sshd wants the network's own address"
    return None
