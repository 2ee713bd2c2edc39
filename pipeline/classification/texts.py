"""Secrets in texts, line by line: options with a telling name, PPP secrets, Wi-Fi keys, dial scripts, XML."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.classification.found import ENTROPY, PASSWORD
from pipeline.classification.wording import announces, is_value, looks_random

# name = value, name: value, name value; also in JSON, XML attributes and shell.
_ASSIGNED = re.compile(r"""([A-Za-z_][\w.\-]*)["']?[ \t]*[:=][ \t]*(?:"([^"\n]*)"|'([^'\n]*)'|([^\s"',;<>&]+))""")
_OPTION = re.compile(r"""^\s*([A-Za-z_][\w.\-]*)[ \t]+(?:"([^"\n]*)"|'([^'\n]*)'|([^\s"';]+))[ \t]*;?\s*(?:#.*)?$""")
_NAMED = re.compile(
    r"""\b(?:name|key|id)\s*=\s*["']([^"']+)["'][^>]*?(?:\bvalue\s*=\s*["']([^"']*)["']|>\s*([^<]*)<)"""
)
_STATEMENT = re.compile(r"""[{;]\s*([A-Za-z_][\w.\-]*)[ \t]+(?:"([^"\n]*)"|([^\s"';{}]+))\s*;""")  # named, dhcpd
_ELEMENT = re.compile(r"<(?:[\w-]+:)?([A-Za-z_][\w.\-]*)(?:\s[^<>]*)?>([^<]+)</")
_PPP_FILE = re.compile(r"(?:.*/)?(?:chap|pap|srp)-secrets")
_PPP_LINE = re.compile(
    r"""\s*(?:"[^"]*"|'[^']*'|[^\s#]+)\s+(?:"[^"]*"|'[^']*'|[^\s#]+)\s+(?:"([^"]*)"|'([^']*)'|([^\s#]+))"""
)
_NETRC = re.compile(r"\bmachine\s+\S+\s+login\s+\S+\s+password\s+\S+")
# A modem's commands: PIN of the SIM card; user and password of the connection.
_MODEM = re.compile(
    r"""(?i)AT[+^$#](?:CPIN=\s*\\?"?\d{4}|(?:CGAUTH|QICSGP|AUTHDATA|PDPAUTH|UAUTHREQ)=[^\n]*,[^\n]*,)"""
)
# Every name that announces a secret has one of these in it; most lines have none.
_HINT = re.compile(r"pass|pwd|secret|psk|token|credential|key|shared|wep|pin|puk", re.IGNORECASE)
_PUBLIC = re.compile(r"\b(?:ssh|ecdsa)-[a-z0-9@.-]+ AAAA[A-Za-z0-9+/=]+")  # made to be known
_COMMENT = re.compile(r"\s*(?:#|;|//|!)")


def by_line(name: str, text: str, *, entropy: bool) -> Iterator[tuple[int, str, str]]:
    """Line, kind and reason of what looks like a secret in a text.

    Args:
        name: of the file: some kinds of files hold a secret in a place without a name.
        entropy: also report runs that look random; not wanted where digests are normal.
    """
    is_ppp = bool(_PPP_FILE.fullmatch(name))
    for number, line in enumerate(text.splitlines(), 1):
        if is_ppp:
            found = _PPP_LINE.match(line)
            if found and is_value(_first(found.groups())):
                yield number, PASSWORD, "a PPP secret"
            continue
        reason = _in_line(line)
        if reason:
            yield number, PASSWORD, reason
        elif entropy and looks_random(_PUBLIC.sub("", line)):
            yield number, ENTROPY, "a run that looks random"


def _in_line(line: str) -> str:
    """By which name a line holds a secret; empty when it does not. Comments are read, too: old passwords stay there."""
    if _NETRC.search(line):
        return "a password in the form of .netrc"
    if _MODEM.search(line):
        return "a modem command with a PIN or password"
    if not _HINT.search(line):
        return ""
    candidates = [(found[1], _first(found.groups()[1:])) for found in _ASSIGNED.finditer(line)]
    option = None if _COMMENT.match(line) else _OPTION.match(line)
    if option:
        candidates.append((option[1], _first(option.groups()[1:])))
    for pattern in (_NAMED, _STATEMENT):
        candidates += [(found[1], _first(found.groups()[1:])) for found in pattern.finditer(line)]
    candidates += [(found[1], found[2]) for found in _ELEMENT.finditer(line)]
    return next((f"by the name {name}" for name, value in candidates if announces(name) and is_value(value)), "")


def _first(groups: tuple[str | None, ...]) -> str:
    return next((group for group in groups if group is not None), "")
