"""``/etc/network/interfaces`` of the Debian family (interfaces(5)), as ifupdown and as ESF read it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.errors import Problem, raise_if_any

# ESF hides lines from ifupdown behind this prefix and still reads them itself (Wi-Fi clients on some boards).
KURA_MARK = "#!kura!"

_KEYWORDS = (
    *("iface", "auto", "mapping", "rename"),
    *("source", "source-directory", "no-auto-down", "no-scripts"),
)
# Families and their methods, each with the options it cannot do without (ifupdown 0.8, the files ending in .defn).
_METHODS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "inet": {
        **dict.fromkeys(("loopback", "manual", "dhcp", "bootp", "ppp", "wvdial", "ipv4ll"), ()),
        "static": ("address",), "tunnel": ("address", "netmask", "mode", "endpoint"),
    },
    "inet6": {
        **dict.fromkeys(("loopback", "auto", "manual", "dhcp"), ()),
        "static": ("address",), "v4tunnel": ("address", "endpoint"), "6to4": ("local",),
        "tunnel": ("mode", "endpoint"),
    },
    "can": {"static": ("bitrate",)},
    "ipx": {"static": ("frame", "netnum"), "dynamic": ("frame",)},
}  # fmt: skip
# Given twice, these mean different things to different versions.
_ONCE = ("address", "netmask", "gateway")
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
        elif current is None or current.keyword not in ("iface", "mapping"):
            problems.append(Problem(f"{where}: line {number}: option {words[0]!r} outside a stanza", _REMEDY))
        else:
            option = replace(_option(stripped, dns, marked=marked), line=number)
            if not option.value and option.prefix != "#":
                problems.append(Problem(f"{where}: line {number}: option {option.name!r} without a value", _REMEDY))
            elif option.name in _ONCE and current.get(option.name) is not None:
                problems.append(Problem(f"{where}: line {number}: option {option.name!r} is given twice", _REMEDY))
            current = replace(current, body=(*current.body, *waiting, option))
            waiting.clear()
    close()
    stanzas = [item for item in items if isinstance(item, Stanza)]
    for stanza in stanzas:
        problems += [Problem(f"{where}: line {at}: {what}", _REMEDY) for at, what in _refused(stanza, stanzas)]
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
    name, *values = re.split(r"[ \t]", stripped, maxsplit=1)  # a tab further on belongs to the value
    return Option(name, "".join(values).strip(), prefix=KURA_MARK if marked else "")


def _refused(stanza: Stanza, stanzas: Sequence[Stanza]) -> Iterator[tuple[int, str]]:
    """What ifupdown refuses in a stanza: it then brings up nothing at all, or not this interface."""
    if stanza.kura:
        return
    if stanza.keyword == "iface":
        yield from _refused_interface(stanza, stanzas)
    elif stanza.keyword == "mapping":
        options = [option for option in stanza.body if isinstance(option, Option) and option.prefix != "#"]
        for option in options:
            if option.name not in ("script", "map"):
                yield option.line, f"option {option.name!r} is none of a mapping"
        for option in [option for option in options if option.name == "script"][1:]:
            yield option.line, "a second script of one mapping"
    elif stanza.keyword == "rename":
        for word in stanza.words:
            if "=" not in word:
                yield stanza.line, f"'rename' needs OLD=NEW, has {word!r}"


def _refused_interface(stanza: Stanza, stanzas: Sequence[Stanza]) -> Iterator[tuple[int, str]]:
    words = stanza.words
    if len(words) < 3:
        yield stanza.line, "'iface' needs a name, an address family and a method"
        return
    base = words[words.index("inherits") + 1 :][:1] if "inherits" in words[1:] else ()
    if base:
        found = [other for other in stanzas if other.keyword == "iface" and other.words[:1] == base]
        sourced = any(other.keyword.startswith("source") for other in stanzas)
        if not found and not sourced:
            yield stanza.line, f"inherits from {base[0]!r}, which is not there"
        return
    methods = _METHODS.get(words[1])
    if methods is None:
        yield stanza.line, f"no address family: {words[1]!r}, as {' or '.join(_METHODS)}"
    elif words[2] not in methods:
        yield stanza.line, f"no method of {words[1]}: {words[2]!r}, as {', '.join(sorted(methods))}"
    else:
        given = {option.name for option in stanza.body if isinstance(option, Option) and not option.prefix}
        prefixed = "/" in (stanza.get("address") or "")
        for name in methods[words[2]]:
            if name not in given and not (name == "netmask" and prefixed):
                yield stanza.line, f"method {words[2]} of {words[1]} needs {name!r}"


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
