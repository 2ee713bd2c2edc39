"""``/etc/network/interfaces`` of the Debian family (interfaces(5)), as ifupdown and as ESF read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from pipeline.errors import Problem, raise_if_any

# ESF hides lines from ifupdown behind this prefix and still reads them itself (Wi-Fi clients on some boards).
KURA_MARK = "#!kura!"

_KEYWORDS = (
    *("iface", "auto", "mapping", "template", "rename"),
    *("source", "source-directory", "no-auto-down", "no-scripts"),
)
_SEVERAL = ("up", "down", "pre-up", "post-up", "pre-down", "post-down")
_DNS_COMMENT = re.compile(r"\s*#dns-nameservers(?:\s+(.*))?$")
_REMEDY = "write the file as interfaces(5) describes it; `ifquery --list -a -i FILE` shows what ifupdown makes of it"


@dataclass(frozen=True)
class Remark:
    """A comment or an empty line, as it stands."""

    text: str = ""


@dataclass(frozen=True)
class Option:
    """One line inside a stanza.

    Attributes:
        prefix: empty; ``#`` for the ``#dns-nameservers`` comment that ESF keeps on purpose; or the ESF mark.
        line: where it stood, for messages.
    """

    name: str
    value: str
    prefix: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Stanza:
    """A keyword line with its words and the lines that belong to it.

    Attributes:
        kura: the keyword line stands behind the ESF mark: ifupdown does not see it.
        line: where it stood, for messages.
    """

    keyword: str
    words: tuple[str, ...]
    body: tuple[Option | Remark, ...] = ()
    kura: bool = False
    line: int = field(default=0, compare=False)

    def get(self, name: str) -> str | None:
        """Value of the first option of that name, commented ones included."""
        return next((o.value for o in self.body if isinstance(o, Option) and o.name == name), None)

    def line_of(self, name: str) -> int:
        """Where an option stands; without it, where the stanza begins."""
        return next((o.line for o in self.body if isinstance(o, Option) and o.name == name), self.line)


@dataclass(frozen=True)
class Interfaces:
    """The whole file in order."""

    items: tuple[Remark | Stanza, ...]

    def stanzas(self, keyword: str) -> Iterator[Stanza]:
        """All stanzas of one keyword."""
        return (item for item in self.items if isinstance(item, Stanza) and item.keyword == keyword)

    def iface(self, name: str) -> Stanza | None:
        """The IPv4 stanza of an interface."""
        return next((s for s in self.stanzas("iface") if s.words[0] == name and s.words[1] == "inet"), None)

    @property
    def automatic(self) -> tuple[str, ...]:
        """Interfaces brought up at boot or when they appear, in order of the file."""
        return tuple(
            name
            for item in self.items
            if isinstance(item, Stanza) and (item.keyword == "auto" or item.keyword.startswith("allow-"))
            for name in item.words
        )

    def start_line(self, name: str) -> int:
        """Where an interface is started; 0 where it is not."""
        return next(
            (
                item.line
                for item in self.items
                if isinstance(item, Stanza)
                and (item.keyword == "auto" or item.keyword.startswith("allow-"))
                and name in item.words
            ),
            0,
        )

    def without_start(self, name: str) -> Interfaces:
        """The file with an interface taken from every ``auto`` and ``allow-…`` line."""
        items: list[Remark | Stanza] = []
        for item in self.items:
            if isinstance(item, Stanza) and (item.keyword == "auto" or item.keyword.startswith("allow-")):
                words = tuple(word for word in item.words if word != name)
                if words:
                    items.append(replace(item, words=words))
            else:
                items.append(item)
        return Interfaces(tuple(items))

    def with_iface(self, stanza: Stanza, *, start: bool) -> Interfaces:
        """The file with an interface's IPv4 stanza replaced (or added at the end), started at boot or not."""
        name = stanza.words[0]
        items = list(self.without_start(name).items)
        place = next(
            (
                index
                for index, item in enumerate(items)
                if isinstance(item, Stanza) and item.keyword == "iface" and item.words[:2] == (name, "inet")
            ),
            None,
        )
        if place is None:
            # A blank line, because ESF ends a stanza at one.
            items += [Remark(), stanza]
            place = len(items) - 1
        else:
            items[place] = stanza
        if start:
            items.insert(place, Stanza("auto", (name,), kura=stanza.kura))
        return Interfaces(tuple(items))


def parse(text: str, where: str) -> Interfaces:
    """Read the file.

    Args:
        where: how the file is called in messages.

    Raises:
        PipelineError: every line ifupdown would refuse, with its number.
    """
    problems: list[Problem] = []
    items: list[Remark | Stanza] = []
    current: Stanza | None = None
    waiting: list[Remark] = []  # remarks that belong to the stanza only if an option follows

    def close() -> None:
        nonlocal current
        if current is not None:
            items.append(current)
        current = None
        items.extend(waiting)
        waiting.clear()

    for number, line in _joined(text):
        dns = _DNS_COMMENT.match(line)
        marked = line.lstrip().startswith(KURA_MARK)
        stripped = line.lstrip()[len(KURA_MARK) :].strip() if marked else line.strip()
        if not stripped or (stripped.startswith("#") and not (dns and current)):
            waiting.append(Remark(line.rstrip()))
            if current is None:
                close()
            continue
        words = stripped.split()
        if words[0] in _KEYWORDS or words[0].startswith("allow-"):
            close()
            current = Stanza(words[0], tuple(words[1:]), kura=marked, line=number)
            problems += _bad_head(current, where)
        elif current is None or current.keyword not in ("iface", "mapping", "template"):
            problems.append(Problem(f"{where}: line {number}: option {words[0]!r} outside a stanza", _REMEDY))
        else:
            option = replace(_option(stripped, dns, marked=marked), line=number)
            if not option.value and option.prefix != "#":
                problems.append(Problem(f"{where}: line {number}: option {option.name!r} without a value", _REMEDY))
            elif option.name not in _SEVERAL and option.name != "map" and current.get(option.name) is not None:
                problems.append(Problem(f"{where}: line {number}: option {option.name!r} is given twice", _REMEDY))
            current = replace(current, body=(*current.body, *waiting, option))
            waiting.clear()
    close()
    raise_if_any(problems)
    return Interfaces(tuple(items))


def render(file: Interfaces) -> str:
    """Write the file; options are indented by a tab, as ESF does."""
    lines: list[str] = []
    for item in file.items:
        if isinstance(item, Remark):
            lines.append(item.text)
            continue
        mark = KURA_MARK if item.kura else ""
        lines.append(mark + " ".join((item.keyword, *item.words)))
        lines += [
            entry.text if isinstance(entry, Remark) else f"\t{entry.prefix}{entry.name} {entry.value}"
            for entry in item.body
        ]
    return "".join(f"{line}\n" for line in lines)


def _option(stripped: str, dns: re.Match[str] | None, *, marked: bool) -> Option:
    if dns:
        return Option("dns-nameservers", " ".join((dns.group(1) or "").split()), prefix="#")
    name, _, value = stripped.replace("\t", " ", 1).partition(" ")
    return Option(name, value.strip(), prefix=KURA_MARK if marked else "")


def _bad_head(stanza: Stanza, where: str) -> Iterator[Problem]:
    """What ifupdown refuses in a keyword line."""
    here = f"{where}: line {stanza.line}"
    if not stanza.words:
        yield Problem(f"{here}: {stanza.keyword!r} without a name", _REMEDY)
    elif stanza.keyword == "iface" and len(stanza.words) < 3:
        yield Problem(f"{here}: 'iface' needs a name, an address family and a method", _REMEDY)


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers; a backslash at the end continues a line, but never a comment."""
    held = ""
    start = 0
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), 1):
        if not held:
            start = number
            if line.lstrip().startswith("#"):
                yield number, line
                continue
        if line.endswith("\\"):
            held += line[:-1] + " "
            continue
        yield start, held + line
        held = ""
    if held:
        yield start, held
