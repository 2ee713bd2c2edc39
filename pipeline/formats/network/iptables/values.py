"""What an option of iptables takes as its value, by kind, as iptables-restore 1.8 judges it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping

from pipeline.formats.network.iptables.rules import parse_ports

_STATES = frozenset("NEW ESTABLISHED RELATED INVALID UNTRACKED".split())
_CT_STATES = _STATES | {"SNAT", "DNAT"}
_FLAGS = frozenset("SYN ACK FIN RST URG PSH ALL NONE".split())
_PERIODS = ("second", "minute", "hour", "day")
_LEVELS = frozenset("emerg panic alert crit err error warning warn notice info debug 0 1 2 3 4 5 6 7".split())
_ADDRESS_TYPES = frozenset(
    "UNSPEC UNICAST LOCAL BROADCAST ANYCAST MULTICAST BLACKHOLE UNREACHABLE PROHIBIT THROW NAT XRESOLVE".split()
)
_ICMP = frozenset(
    """any echo-reply destination-unreachable network-unreachable host-unreachable protocol-unreachable
    port-unreachable fragmentation-needed source-route-failed network-unknown host-unknown network-prohibited
    host-prohibited TOS-network-unreachable TOS-host-unreachable communication-prohibited host-precedence-violation
    precedence-cutoff source-quench redirect network-redirect host-redirect TOS-network-redirect TOS-host-redirect
    echo-request ping pong router-advertisement router-solicitation time-exceeded ttl-exceeded ttl-zero-during-transit
    ttl-zero-during-reassembly parameter-problem ip-header-bad required-option-missing timestamp-request timestamp-reply
    address-mask-request address-mask-reply""".lower().split()
)
_ICMP6 = frozenset(
    """destination-unreachable no-route communication-prohibited beyond-scope address-unreachable port-unreachable
    failed-policy reject-route packet-too-big time-exceeded ttl-exceeded ttl-zero-during-transit
    ttl-zero-during-reassembly parameter-problem bad-header unknown-header-type unknown-option echo-request ping
    echo-reply pong mld-listener-query mld-listener-report mld-listener-done mld-listener-reduction router-solicitation
    router-advertisement neighbour-solicitation neighbor-solicitation neighbour-advertisement neighbor-advertisement
    redirect""".split()
)
_REJECTS = frozenset(
    """icmp-net-unreachable net-unreach icmp-host-unreachable host-unreach icmp-proto-unreachable proto-unreach
    icmp-port-unreachable port-unreach icmp-net-prohibited net-prohib icmp-host-prohibited host-prohib tcp-reset tcp-rst
    icmp-admin-prohibited admin-prohib""".split()
)
_REJECTS6 = frozenset(
    """icmp6-no-route no-route icmp6-adm-prohibited adm-prohibited icmp6-addr-unreachable addr-unreach
    icmp6-port-unreachable port-unreach tcp-reset icmp6-policy-fail policy-fail icmp6-reject-route reject-route
    """.split()
)


def _number(most: int, least: int = 0) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        found = re.fullmatch(r"0[xX][0-9a-fA-F]+|\d+", text, re.ASCII)
        if found is None:
            return False
        base = 16 if text[1:2] in ("x", "X") else 8 if text[0] == "0" and len(text) > 1 else 10
        try:
            return least <= int(text, base) <= most
        except ValueError:
            return False

    return check


def _form(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


def _listed(known: frozenset[str], *, upper: bool = False) -> Callable[[str], bool]:
    return lambda text: all((part.upper() if upper else part) in known for part in text.split(","))


def _port(text: str) -> bool:
    try:
        parse_ports(text)
    except ValueError:
        return False
    return "," not in text


def _ports(text: str) -> bool:
    """Up to fifteen, a range counts as two."""
    try:
        parse_ports(text)
    except ValueError:
        return False
    return sum(2 if ":" in part else 1 for part in text.split(",")) <= 15


def _rate(text: str) -> bool:
    """``5/min`` and the like, or a bare number for one second; at least one in a day, at most 10,000 in a second."""
    number, slash, period = text.partition("/")
    unit = next((name for name in _PERIODS if period and name.startswith(period.lower())), None)
    if not number.isascii() or not number.isdigit() or int(number) == 0 or (slash and unit is None):
        return False
    seconds = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}[unit or "second"]
    return int(number) <= 10_000 * seconds


def _translated(text: str) -> bool:
    """``ADDRESS[-ADDRESS][:PORT[-PORT]]`` of SNAT and DNAT, in brackets for IPv6 with a port."""
    found = re.fullmatch(r"(?:\[([0-9a-fA-F:.-]+)\]|([0-9.]+(?:-[0-9.]+)?)|([0-9a-fA-F:.]*(?:-[0-9a-fA-F:.]+)?))??"
                         r"(?::(\d+)(?:-(\d+))?)?", text)  # fmt: skip
    if found is None:
        return False
    for end in (found[1] or found[2] or found[3] or "").split("-"):
        try:
            ipaddress.ip_address(end or "::")
        except ValueError:
            return False
    return all(port is None or 0 < int(port) < 65536 for port in (found[4], found[5]))


def _time(text: str) -> bool:
    found = re.fullmatch(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?", text, re.ASCII)
    return found is not None and int(found[1]) < 24 and int(found[2]) < 60 and int(found[3] or 0) < 60


def _ranged(text: str) -> bool:
    try:
        ends = [ipaddress.ip_address(end) for end in text.split("-")]
    except ValueError:
        return False
    return len(ends) <= 2 and len({end.version for end in ends}) == 1


def _icmp(names: frozenset[str]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        kind, slash, code = text.partition("/")
        numbers = all(part.isascii() and part.isdigit() and int(part) < 256 for part in ((kind, code) if slash else
                                                                                         (kind,)))  # fmt: skip
        return numbers or any(name.startswith(text.lower()) for name in names)

    return check


KINDS: Mapping[str, Callable[[str], bool]] = {
    "text": _form(r"(?s).*"),
    "word": bool,
    "byte": _number(255),
    "short": _number(65535),
    "long": _number(2**32 - 1),
    "positive": _number(2**32 - 1, 1),
    "burst": _number(10_000),
    "port": _port,
    "ports": _ports,
    "dashed ports": _form(r"\d{1,5}(?:-\d{1,5})?"),
    "rate": _rate,
    "states": _listed(_STATES, upper=True),
    "ctstates": _listed(_CT_STATES, upper=True),
    "flags": _listed(_FLAGS),
    "icmp": _icmp(_ICMP),
    "icmp6": _icmp(_ICMP6),
    "mac": _form(r"(?:[0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}"),
    "mark": _form(r"(?:0[xX][0-9a-fA-F]{1,8}|\d{1,10})(?:/(?:0[xX][0-9a-fA-F]{1,8}|\d{1,10}))?"),
    "range": _form(r"\d{1,5}|\d{0,5}:\d{0,5}"),
    "addresses": _ranged,
    "translated": _translated,
    "reject": lambda text: any(name.startswith(text) for name in _REJECTS),
    "reject6": lambda text: any(name.startswith(text) for name in _REJECTS6),
    "level": lambda text: text.lower() in _LEVELS,
    "time": _time,
    "packets": _listed(frozenset({"unicast", "broadcast", "multicast", "host", "otherhost"})),
    "types": _listed(_ADDRESS_TYPES),
    "modes": _listed(frozenset({"srcip", "srcport", "dstip", "dstport"})),
    # A name must be in the image's /etc/passwd when the rules are loaded; iptables-save writes numbers.
    "user": _form(r"\d+(?:-\d+)?|root|nobody"),
}
