"""``allowed_signers`` files (ssh-keygen(1)): whose signature counts, for what, and when; decided as OpenSSH decides.

The rules are those of OpenSSH's own sources (sshsig.c, sshkey.c, misc.c, match.c): how words and quotes end, which
options exist, that a line nobody understands is passed over, and that the first line that admits a key decides.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.errors import PipelineError, Problem, raise_if_any

LocalTime = Callable[[datetime.datetime], int]
"""Seconds since 1970 of a time without a zone, by the zone of whoever reads the file."""

_ED25519 = "ssh-ed25519"
_KINDS = re.compile(
    r"(?:ssh-(?:ed25519|rsa|dss|xmss@openssh\.com)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)"
    r"@openssh\.com)(?:-cert-v0[01]@openssh\.com)?|(?:sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)-cert-v01@openssh\.com)"
)
_LONGEST = 1023  # bytes of one pattern (match.c)
_BLANK = " \t"
# The forms of a time and what its parts may be (misc.c parse_absolute_time, whose strptime takes a 60th second, too).
_MOMENT = re.compile(r"(.{4})(.{2})(.{2})(?:(.{2})(.{2})(.{2})?)?", re.DOTALL)
_PARTS = ((0, 9999), (1, 12), (1, 31), (0, 23), (0, 59), (0, 61))


@dataclass(frozen=True)
class AllowedSigner:
    """One line of the file that names an Ed25519 key.

    Attributes:
        principals: a pattern list of identities.
        public: 32 bytes.
        namespaces: a pattern list of purposes, or None for any.
        not_before / not_after: seconds since 1970, or None.
    """

    principals: str
    public: bytes
    namespaces: str | None = None
    not_before: int | None = None
    not_after: int | None = None

    def refusal(self, namespace: str, principal: str | None, at: int | None) -> str:
        """Why a signature by this key does not count; empty when it does.

        Args:
            principal: who must have signed; None for anybody this line names.
            at: the time it is judged at; None leaves the time out.
        """
        if principal is not None and not matches(principal, self.principals):
            return "is not allowed for this identity"
        if self.namespaces is not None and not matches(namespace, self.namespaces):
            return "is not allowed for this purpose"
        if at is not None and self.not_before is not None and at < self.not_before:
            return f"is not allowed yet at the time it is judged at: from {_shown(self.not_before)} on"
        if at is not None and self.not_after is not None and at > self.not_after:
            return f"is no longer allowed at the time it is judged at: until {_shown(self.not_after)}"
        return ""


def read_allowed_signers(
    text: str, where: str, local: LocalTime | None = None
) -> tuple[tuple[AllowedSigner, ...], tuple[Problem, ...]]:
    """The lines that name an Ed25519 key, and what is wrong with those that OpenSSH would pass over with a complaint.

    Keys of other kinds and certificate authorities are passed over without one: they sign nothing here.

    Args:
        local: what a time without ``Z`` or ``UTC`` means; None refuses such times.
    """
    signers: list[AllowedSigner] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), 1):
        content = line.partition("\0")[0].lstrip(_BLANK)
        if not content.rstrip("\r") or content.startswith("#"):
            continue
        try:
            found = _line(content, local)
        except ValueError as error:
            what, _, remedy = str(error).partition(" | ")
            problems.append(Problem(f"{where}: line {number}: {what}", remedy or "see ssh-keygen(1), ALLOWED SIGNERS"))
        else:
            if found is not None:
                signers.append(found)
    return tuple(signers), tuple(problems)


def parse_allowed_signers(text: str, where: str) -> tuple[AllowedSigner, ...]:
    """The same, of a file of ours, in which nothing may be wrong; `PipelineError` names every line that is."""
    signers, problems = read_allowed_signers(text, where)
    raise_if_any(problems)
    return signers


def moment(text: str, where: str, local: LocalTime | None = None) -> int:
    """Seconds since 1970 of a time as the file has them; `PipelineError` names the form."""
    try:
        return _time(text, local)
    except ValueError as error:
        what, _, remedy = str(error).partition(" | ")
        raise PipelineError(f"{where}: {what}", remedy) from None


def matches(text: str, patterns: str) -> bool:
    """OpenSSH's pattern lists: ``*`` and ``?``, a negated pattern that fits decides; an overlong one fits nothing."""
    positive = False
    # a comma at the end begins nothing (match.c)
    for pattern in patterns.removesuffix(",").split(",") if patterns else ():
        negated = pattern.startswith("!")
        body = pattern[1:] if negated else pattern
        if len(body) >= _LONGEST:
            return False
        if _like(text, body):
            if negated:
                return False
            positive = True
    return positive


def _like(text: str, pattern: str) -> bool:
    """One pattern, in time proportional to both lengths: after a star only the last one is ever tried again."""
    place = here = 0
    star, resume = -1, 0
    while place < len(text):
        if here < len(pattern) and pattern[here] == "*":
            star, resume = here, place
            here += 1
        elif here < len(pattern) and pattern[here] in ("?", text[place]):
            here, place = here + 1, place + 1
        elif star >= 0:
            resume += 1
            here, place = star + 1, resume
        else:
            return False
    return not pattern[here:].strip("*")


def _line(content: str, local: LocalTime | None) -> AllowedSigner | None:
    principals, rest = _first_word(content)
    options = ""
    key = _key(rest)
    if key is None:
        options, rest = _past_options(rest)
        key = _key(rest.lstrip(_BLANK))
    if key is None:
        if _KINDS.fullmatch(options):
            raise ValueError("its key is damaged | copy the line of the .pub file again")
        raise ValueError("it has no key behind its identity and options | write: name@example.com ssh-ed25519 AAAA…")
    kind, public = key
    found = _options(options, local)
    if kind != _ED25519 or found.authority:
        return None
    return AllowedSigner(principals, public, found.namespaces, found.after, found.before)


def _first_word(content: str) -> tuple[str, str]:
    """The identities, up to a blank or through a pair of quotes (misc.c strdelimw), and what follows."""
    cut = re.search(r'[ \t\r\n"]', content)
    if cut is None:
        raise ValueError("it has an identity only | write: name@example.com ssh-ed25519 AAAA…")
    head, rest = content[: cut.start()], content[cut.end() :]
    if cut[0] == '"':
        inner, quote, rest = rest.partition('"')
        if not quote:
            raise ValueError("its identity has no closing quote | close it")
        head += inner
    return head, rest.lstrip(" \t\r\n")


def _past_options(text: str) -> tuple[str, str]:
    place, quoted = 0, False
    while place < len(text) and (quoted or text[place] not in _BLANK):
        if text.startswith('\\"', place):
            place += 1
        elif text[place] == '"':
            quoted = not quoted
        place += 1
    if quoted:
        raise ValueError("its options have no closing quote | close it")
    return text[:place], text[place:]


def _key(text: str) -> tuple[str, bytes] | None:
    """Kind and raw bytes of a key that a text begins with (sshkey.c sshkey_read); of other kinds than ours no bytes."""
    kind, _, rest = text.partition(" ") if " " in text.partition("\t")[0] else text.partition("\t")
    if not _KINDS.fullmatch(kind) or not rest:
        return None
    word = re.split(r"[ \t]", rest.lstrip(_BLANK), maxsplit=1)[0]
    encoded = "".join(word.split())
    try:
        blob = base64.b64decode(encoded, validate=True)
        size = struct.unpack_from(">I", blob)[0]
    except (ValueError, binascii.Error, struct.error):
        return None
    if base64.b64encode(blob).decode() != encoded or blob[4 : 4 + size] != kind.encode():
        return None
    if kind != _ED25519:
        return kind, b""
    return (kind, blob[-32:]) if blob[:-32] == struct.pack(">I11sI", 11, kind.encode(), 32) else None


@dataclass
class _Options:
    authority: bool = False
    namespaces: str | None = None
    after: int | None = None
    before: int | None = None


def _options(text: str, local: LocalTime | None) -> _Options:
    """Options as sshsig.c reads them: by prefix and without regard to case, each but the flag once."""
    found = _Options()
    while text:
        lower = text.lower()
        if lower.startswith("cert-authority"):
            found.authority, text = True, text[len("cert-authority") :]
        elif lower.startswith("namespaces="):
            if found.namespaces is not None:
                raise ValueError('namespaces is given twice | write one list: namespaces="a,b"')
            found.namespaces, text = _dequoted(text[len("namespaces=") :], "namespaces")
        elif lower.startswith("valid-after="):
            if found.after is not None:
                raise ValueError("valid-after is given twice | keep one")
            value, text = _dequoted(text[len("valid-after=") :], "valid-after")
            found.after = _time(value, local)
        elif lower.startswith("valid-before="):
            if found.before is not None:
                raise ValueError("valid-before is given twice | keep one")
            value, text = _dequoted(text[len("valid-before=") :], "valid-before")
            found.before = _time(value, local)
        if text:
            if not text.startswith(",") or text == ",":
                raise ValueError(f"unknown option {ascii(text[:80])}")
            text = text[1:]
    if found.after is not None and found.before is not None and found.before <= found.after:
        raise ValueError("valid-before is not after valid-after | correct the two times")
    return found


def _dequoted(text: str, name: str) -> tuple[str, str]:
    match = re.match(r'"((?:\\"|[^"])*)"', text)
    if match is None:
        raise ValueError(f'{name} has no value in quotes | write {name}="…"')
    return match[1].replace('\\"', '"'), text[match.end() :]


def _time(text: str, local: LocalTime | None) -> int:
    """Seconds since 1970 of ``YYYYMMDD[HHMM[SS]]`` with ``Z`` or ``UTC`` behind it, or in the reader's own zone."""
    lower = text.lower()
    universal = (lower.endswith("z") and len(text) > 1) or (lower.endswith("utc") and len(text) > 3)
    digits = text[: -1 if lower.endswith("z") else -3] if universal else text
    form = _MOMENT.fullmatch(digits)
    moment = _moment([part for part in form.groups() if part is not None]) if form is not None else None
    if moment is None:
        raise ValueError(f"time {ascii(text[:40])} is not of the form YYYYMMDD[HHMM[SS]][Z] | write it in UTC, with Z")
    if not universal and local is None:
        raise ValueError(f"time {ascii(text[:40])} has no zone | write it in UTC, with a Z at its end")
    start, seconds = moment
    if universal or local is None:
        base = int(start.replace(tzinfo=datetime.UTC).timestamp()) + seconds
    else:
        base = local(start + datetime.timedelta(seconds=seconds))
    if base <= 0:
        raise ValueError(f"time {ascii(text[:40])} is not after 1970 | correct it")
    return base


def _moment(parts: list[str]) -> tuple[datetime.datetime, int] | None:
    """The first of the month and the seconds from there: days a month does not have run on into the next."""
    numbers = []
    for part, (least, most) in zip(parts, _PARTS, strict=False):
        if not re.fullmatch(r" *[0-9]+", part, re.ASCII) or not least <= int(part) <= most:
            return None
        numbers.append(int(part))
    year, month, day, hour, minute, second = (*numbers, *(0,) * (6 - len(numbers)))
    if year < 1:
        return None
    return datetime.datetime(year, month, 1), ((day - 1) * 24 + hour) * 3600 + minute * 60 + second  # noqa: DTZ001


def _shown(moment: int) -> str:
    # a year beyond 9999 cannot come out of four digits and a month
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
