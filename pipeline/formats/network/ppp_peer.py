"""``/etc/ppp/peers/<name>``: options of pppd (pppd(8)), which may share a line; ESF writes one a line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pipeline.errors import PipelineError

_REMEDY = "`pppd file FILE dryrun` on the golden gateway names what pppd does not understand"
# Options that take a value (options.c and the protocols' own, 2.4.9 and 2.5.2; those of IPX up to 2.4 only).
WITH_VALUE = frozenset(
    """+ua active-filter allow-ip allow-number asyncmap bsdcomp bundle ca call capath cert chap-interval
    chap-max-challenge chap-restart chap-timeout child-timeout connect connect-delay crl crl-dir datarate
    defaultroute-metric deflate disconnect domain eap-interval eap-max-rreq eap-max-sreq eap-restart eap-timeout
    endpoint escape file holdoff idle ifname init ip-down-script ip-up-script ipcp-max-configure ipcp-max-failure
    ipcp-max-terminate ipcp-restart ipparam ipv6 ipv6cp-max-configure ipv6cp-max-failure ipv6cp-max-terminate
    ipv6cp-restart ipx-network ipx-node ipx-router-name ipx-routing ipxcp-max-configure ipxcp-max-failure
    ipxcp-max-terminate ipxcp-restart kdebug key lcp-echo-failure lcp-echo-interval lcp-max-configure
    lcp-max-failure lcp-max-terminate lcp-restart linkname logfd logfile max-tls-version maxconnect maxfail
    maxoctets mo mo-direction mo-timeout mrru mru ms-dns ms-wins mtu name netmask pap-max-authreq pap-restart
    pap-timeout pass-filter password plugin privgroup pty record remotename remotenumber set socket stop-bits unit
    unset user vj-max-slots welcome""".split()
)
# A word may change in and out of quotation marks, which may hold line ends too; a backslash frees the next letter.
_WORD = re.compile(
    r"""(?:[^\s"'#\\]|\\.|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')*""",
    re.DOTALL,
)
_PART = re.compile(r"""\\(.)|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'""", re.DOTALL)


@dataclass(frozen=True)
class Line:
    """A line and its words; a comment or empty line has none."""

    words: tuple[str, ...]
    text: str
    number: int = field(default=0, compare=False)


@dataclass(frozen=True)
class PppPeer:
    """The file in order."""

    lines: tuple[Line, ...]

    @property
    def options(self) -> tuple[tuple[int, str, tuple[str, ...]], ...]:
        """Line, option and its value, in order; there may be several on a line, and a value on the next one."""
        words = [(line.number, word) for line in self.lines for word in line.words]
        found: list[tuple[int, str, tuple[str, ...]]] = []
        while words:
            number, word = words.pop(0)
            value = (words.pop(0)[1],) if word in WITH_VALUE and words else ()
            found.append((number, word, value))
        return tuple(found)

    def get(self, option: str) -> tuple[str, ...] | None:
        """The values of an option; None when it is not there."""
        return next((value for _, name, value in self.options if name == option), None)

    def line_of(self, option: str) -> int:
        """Where an option stands, from 1; 0 when it is not there."""
        return next((number for number, name, _ in self.options if name == option), 0)

    @property
    def scripts(self) -> tuple[str, ...]:
        """Chat scripts named by ``connect`` and ``disconnect`` (``chat -v -f PATH``)."""
        found = []
        for option in ("connect", "disconnect"):
            values = self.get(option)
            path = re.search(r"\bchat\b.*\s-f\s*(\S+)", values[0]) if values else None
            if path:
                found.append(path[1])
        return tuple(found)


def parse(text: str, where: str) -> PppPeer:
    """Read the file.

    Raises:
        PipelineError: a quotation mark that is not closed, with its line: pppd takes the rest of the file for one word.
    """
    rows = text.removesuffix("\n").split("\n")
    words: list[list[str]] = [[] for _ in rows]
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
        elif text[place] == "#":
            place = text.find("\n", place) if "\n" in text[place:] else len(text)
        else:
            number = text.count("\n", 0, place) + 1
            found = _WORD.match(text, place)
            unclosed = found is None or text[found.end() : found.end() + 1] in ("'", '"')
            if found is None or unclosed:
                raise PipelineError(f"{where}: line {number}: a quotation mark is not closed", _REMEDY)
            words[number - 1].append(_PART.sub(_bare, found.group()))
            place = found.end()
    return PppPeer(tuple(Line(tuple(words[index]), row, index + 1) for index, row in enumerate(rows)))


def _bare(part: re.Match[str]) -> str:
    if part[1] is not None:
        return "" if part[1] == "\n" else part[1]
    inside = part[2] if part[2] is not None else part[3]
    return re.sub(r"\\(.)", lambda found: "" if found[1] == "\n" else found[1], inside, flags=re.DOTALL)


def problems_of(text: str) -> tuple[tuple[int, str], ...]:
    """What keeps a file from being read at all: line and words; empty when nothing does."""
    try:
        parse(text, "")
    except PipelineError as error:
        found = [re.match(r": line (\d+): (.*)", problem.what) for problem in error.problems]
        return tuple((int(one[1]), one[2]) for one in found if one)
    return ()


def render(file: PppPeer) -> str:
    """Write the file, every line as it stood: ESF reads it back with a reader that knows its own quoting only."""
    return "".join(f"{line.text}\n" for line in file.lines)
