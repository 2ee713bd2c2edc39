"""What BusyBox's udhcpd does not take (``udhcp/files.c``, ``udhcp/common.c``; 1.35 and 1.37).

A line it cannot read it names and passes over, then serves with what it has built in: other addresses, or no options.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

Refusal = tuple[int, str]
"""Line (0 for the file as a whole) and what is refused."""

_BUILT_IN = {"start": "192.168.0.20", "end": "192.168.0.254"}
_BLANKS = re.compile(r"[ \t]+")


def _number(least: int, most: int) -> Callable[[str], bool]:
    def takes(text: str) -> bool:
        return re.fullmatch(r"\d+", text) is not None and least <= int(text) <= most

    return takes


def _signed(text: str) -> bool:
    return re.fullmatch(r"-?\d+", text) is not None and abs(int(text)) < 1 << 31


def _address(text: str) -> bool:
    """As inet_aton, which completes fewer than four numbers; a name would be looked up, and nobody answers at boot."""
    parts = (text.split() or [""])[0].split(".")  # what stands behind a blank it does not look at
    numbers = [int(part, 0) if re.fullmatch(r"0x[0-9a-fA-F]+|0|[1-9]\d*", part) else -1 for part in parts]
    if not 1 <= len(parts) <= 4 or min(numbers) < 0:
        return False
    return all(number < 256 for number in numbers[:-1]) and numbers[-1] < 256 ** (5 - len(parts))


def _addresses(text: str) -> bool:
    return all(_address(word) for word in re.split(r"[ \t,]+", text.strip(" \t,")))


def _routes(text: str) -> bool:
    """Pairs of a network with its prefix and a router."""
    words = re.split(r"[ \t,]+", text.strip())
    forms = [re.fullmatch(r"([\d.]+)/(\d+)", network) for network in words[::2]]
    right = all(form and _address(form[1]) and int(form[2]) <= 32 for form in forms)
    return right and len(words) % 2 == 0 and all(_address(router) for router in words[1::2])


def _any(text: str) -> bool:
    return bool(text)


def _hex(text: str) -> bool:
    return re.fullmatch(r"(?:[0-9a-fA-F]{2}:?)+", text) is not None


_U32 = _number(0, (1 << 32) - 1)
_KEYWORDS: Mapping[str, Callable[[str], bool]] = {
    "start": _address, "end": _address, "interface": _any, "max_leases": _U32, "auto_time": _U32, "decline_time": _U32,
    "conflict_time": _U32, "offer_time": _U32, "min_lease": _U32, "lease_file": _any, "pidfile": _any,
    "notify_file": _any, "siaddr": _address, "sname": _any, "boot_file": _any,
}  # fmt: skip
_SMALL = _number(0, (1 << 32) - 1)  # wider than the option's field, which the program cuts without a word
_OPTIONS: Mapping[str, Callable[[str], bool]] = {
    **dict.fromkeys(("subnet", "swapsrv", "broadcast", "serverid"), _address),
    **dict.fromkeys(("router", "dns", "lprsrv", "nissrv", "ntpsrv", "wins", "routes"), _addresses),
    **dict.fromkeys(("bootsize", "ipttl", "mtu", "lease", "reboottime", "vlanid", "vlanpriority"), _SMALL),
    **dict.fromkeys(
        "hostname domain rootpath nisdomain message vendor tftp bootfile tzstr tzdbstr search sipsrv pxeconffile "
        "pxepathprefix wpad ip6rd".split(), _any),
    "timezone": _signed, "staticroutes": _routes, "msstaticroutes": _routes,
}  # fmt: skip


def refusals(text: str) -> Iterator[Refusal]:
    """Every line udhcpd complains about, then a range of leases the wrong way round."""
    values: dict[str, tuple[int, str]] = {}
    for number, line in _lines(text):
        words = _BLANKS.split(line, maxsplit=1)
        if len(words) < 2:
            yield number, f"{words[0][:40]!r} has no value"
            continue
        keyword, value = words[0].lower(), words[1]
        bad = _bad(keyword, value)
        if bad:
            yield number, bad
        elif keyword in _KEYWORDS:
            values[keyword] = (number, value)
    first, last = (values.get(key, (0, _BUILT_IN[key])) for key in ("start", "end"))
    if _as_number(last[1]) < _as_number(first[1]):
        built_in = "" if len(values.keys() & _BUILT_IN.keys()) == 2 else ", one of them built in,"
        yield max(first[0], last[0]), f"the range of leases{built_in} ends before it starts"


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments; a backslash at the end joins the next without a blank."""
    waiting = ""
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.removesuffix("\r")
        if line.endswith("\\"):
            waiting += line[:-1]
            continue
        line, waiting = (waiting + line).partition("#")[0].strip(" \t"), ""
        if line:
            yield number, line


def _bad(keyword: str, value: str) -> str:
    if keyword in ("opt", "option"):
        return _bad_option(_BLANKS.split(value, maxsplit=1))
    if keyword == "static_lease":
        words = _BLANKS.split(value)
        mac = re.fullmatch(r"[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}", words[0])
        return "" if mac and len(words) > 1 and _address(words[1]) else "a hardware address and an address are wanted"
    takes = _KEYWORDS.get(keyword)
    return "" if takes is None or takes(value) else f"{keyword} does not take its value"


def _bad_option(words: Sequence[str]) -> str:
    name, value = words[0], words[1] if len(words) > 1 else ""
    takes = _OPTIONS.get(name)
    if takes is None and re.fullmatch(r"0x[0-9a-fA-F]+|\d+", name) and int(name, 0) < 256:
        takes = _hex
    if takes is None:
        return f"udhcpd knows no option {name[:40]!r}"
    return "" if value and takes(value) else f"option {name} does not take its value"


def _as_number(text: str) -> int:
    try:
        return int(ipaddress.IPv4Address(text))
    except ValueError:
        return 0
