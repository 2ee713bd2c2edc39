"""``/etc/dhcpd-<interface>.conf`` in the one shape ESF writes and reads back, its comments included."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from pipeline.errors import PipelineError

_REMEDY = "configure the DHCP server of this interface in the console of the golden gateway, and export again"
_TOKEN = re.compile(r'\s+|"[^"\n]*"|[{};,]|[^\s{};,"]+')
_FLAG = re.compile(r"#\s*(enabled\?|prefix:|pass DNS\?)\s*(\S+)\s*$")


@dataclass(frozen=True)
class DhcpServer:
    """A DHCP server on one interface.

    Attributes:
        routers / dns: what clients are told; no DNS server when ESF does not pass it on.
        default_lease / max_lease: seconds.
        first / last: the leased addresses, both included.
        enabled: what the comment ``# enabled?`` says, which is written and read by nobody (DhcpConfigReader, 3.0.0);
            ``kuranet.conf`` decides.
        further: statements of the subnet that ESF does not know, as words.
        lines: where statements stood, by name, for messages.
    """

    enabled: bool
    interface: str
    subnet: IPv4Network
    routers: tuple[IPv4Address, ...]
    dns: tuple[IPv4Address, ...]
    default_lease: int
    max_lease: int
    first: IPv4Address
    last: IPv4Address
    further: tuple[str, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)

    @property
    def pass_dns(self) -> bool:
        """Whether clients are given a DNS server."""
        return bool(self.dns)


def parse(text: str, where: str) -> DhcpServer:
    """Read the file.

    Raises:
        PipelineError: anything but one subnet with one pool, naming the line.
    """
    flags: dict[str, str] = {}
    lines: dict[str, int] = {}
    for raw in text.splitlines():
        if remark := _FLAG.match(raw.strip()):
            flags[remark[1]] = remark[2]
    subnet: IPv4Network | None = None
    known: dict[str, tuple[str, ...]] = {}
    further: list[str] = []
    depth: list[str] = []
    line = 1
    try:
        for number, words, end in _statements(text):
            line = number
            if end == "{":
                depth.append(words[0] if words else "")
                if depth == ["subnet"] and len(words) == 4 and words[2] == "netmask" and subnet is None:
                    subnet = IPv4Network(f"{words[1]}/{words[3]}")
                    lines["subnet"] = number
                elif depth != ["subnet", "pool"]:
                    raise ValueError(f"block {' '.join(words)!r} is not what ESF writes")
            elif end == "}":
                if words or not depth:
                    raise ValueError("'}' without a block, or a statement without ';'")
                depth.pop()
            else:
                name, values = _named(words)
                if name in _KNOWN and name not in known:
                    known[name] = values
                    lines[name] = number
                elif depth == ["subnet"] and name not in _KNOWN:
                    further.append(" ".join(words))
                else:
                    raise ValueError(f"{' '.join(words)!r} is not what ESF writes")
        if depth or subnet is None:
            raise ValueError("no complete subnet block")
        missing = [name for name in _NEEDED if name not in known]
        if missing:
            raise ValueError(f"missing: {', '.join(missing)}")
        first, last = (IPv4Address(word) for word in known["range"])
        return DhcpServer(
            enabled=flags.get("enabled?", "true") == "true",
            interface=known["interface"][0],
            subnet=subnet,
            routers=tuple(IPv4Address(word) for word in known["option routers"]),
            dns=tuple(IPv4Address(word) for word in known.get("option domain-name-servers", ())),
            default_lease=int(known["default-lease-time"][0]),
            max_lease=int(known["max-lease-time"][0]),
            first=first,
            last=last,
            further=tuple(further),
            lines=lines,
        )
    except ValueError as error:
        raise PipelineError(f"{where}: line {line}: {error}", _REMEDY) from None


_KNOWN = (
    "interface",
    "option routers",
    "option domain-name-servers",
    "default-lease-time",
    "max-lease-time",
    "range",
    "ddns-update-style",
    "ddns-updates",
)
_NEEDED = ("interface", "option routers", "default-lease-time", "max-lease-time", "range")


def render(server: DhcpServer) -> str:
    """Write the file as ESF does, with the three comments nobody reads back."""
    dns = ", ".join(str(address) for address in server.dns)
    lines = [
        f"# enabled? {str(server.enabled).lower()}",
        f"# prefix: {server.subnet.prefixlen}",
        f"# pass DNS? {str(server.pass_dns).lower()}",
        "",
        f"subnet {server.subnet.network_address} netmask {server.subnet.netmask} {{",
    ]
    if server.pass_dns:
        lines += [f"    option domain-name-servers {dns};", ""]
    lines += [
        f"    interface {server.interface};",
        f"    option routers {', '.join(str(address) for address in server.routers)};",
    ]
    if not server.pass_dns:
        lines += ["    ddns-update-style none;", "    ddns-updates off;"]
    lines += [
        f"    default-lease-time {server.default_lease};",
        f"    max-lease-time {server.max_lease};",
        *(f"    {statement};" for statement in server.further),
        "    pool {",
        f"        range {server.first} {server.last};",
        "    }",
        "}",
    ]
    return "".join(f"{line}\n" for line in lines)


def _statements(text: str) -> list[tuple[int, list[str], str]]:
    """Line, words, and what ended them: ``;``, ``{`` or ``}``."""
    bare = re.sub(r"#[^\n]*", "", text)
    found: list[tuple[int, list[str], str]] = []
    words: list[str] = []
    place = 0
    while place < len(bare):
        token = _TOKEN.match(bare, place)
        line = bare.count("\n", 0, place) + 1
        if token is None:
            raise ValueError(f"a quotation mark is not closed (line {line})")
        place = token.end()
        word = token.group()
        if word in (";", "{", "}"):
            found.append((line, words, word))
            words = []
        elif word == ",":
            if words:
                words[-1] += ","
        elif not word.isspace():
            words.append(word)
    if words:
        raise ValueError(f"{' '.join(words)!r} without ';'")
    return found


def _named(words: list[str]) -> tuple[str, tuple[str, ...]]:
    """A statement's name, two words for options, and its values without commas."""
    if not words:
        raise ValueError("an empty statement")
    size = 2 if words[0] == "option" else 1
    values = tuple(word.rstrip(",") for word in words[size:])
    name = " ".join(words[:size])
    if not all(values) or (not values and name in _KNOWN):
        raise ValueError(f"{' '.join(words)!r} has no value")
    return name, values
