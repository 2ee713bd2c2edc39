"""Addresses and networks behind ``-s`` and ``-d``, as iptables-restore 1.8 reads them without asking a name server."""

from __future__ import annotations

import ipaddress
import re


def networks(text: str, *, six: bool) -> tuple[str, ...]:
    """The networks of a list with commas, each in a form any reader takes.

    Raises:
        ValueError: one of them is none; a name, which nobody can look up before the network is up, is none either.
    """
    return tuple(_network6(part) if six else _network4(part) for part in text.split(","))


def _network4(text: str) -> str:
    """``192.0.2`` is 192.0.2.0 for itself, and a number may be octal or hexadecimal, as in C."""
    address, slash, mask = text.partition("/")
    if address == "localhost":
        address = "127.0.0.1"
    numbers = [_number(part) for part in address.split(".")]
    good = [number for number in numbers if number is not None and number < 256]
    if len(good) != len(numbers) or len(numbers) > 4:
        raise ValueError(f"{text}: not an IPv4 address or network")
    whole = ".".join(str(number) for number in [*good, 0, 0, 0][:4])
    plain = address if address == whole else whole
    try:
        ipaddress.IPv4Network(f"{plain}/{mask}" if slash else plain, strict=False)
    except ValueError:
        raise ValueError(f"{text}: not an IPv4 address or network") from None
    if slash and "." in mask and not _contiguous(mask):
        raise ValueError(f"{text}: a mask with holes")
    return f"{plain}/{mask}" if slash else plain


def _contiguous(mask: str) -> bool:
    """Python takes 0.0.0.255 for /24, the kernel for a mask with holes."""
    bits = int(ipaddress.IPv4Address(mask))
    return bits | (bits - 1) == 2**32 - 1 or bits == 0


def _network6(text: str) -> str:
    address, slash, mask = text.partition("/")
    length = mask
    try:
        if "%" in text:
            raise ValueError(text)
        if ":" in mask:
            bits = int(ipaddress.IPv6Address(mask))
            length = str(bits.bit_count())
            if bits != (2**128 - 1) ^ (2 ** (128 - bits.bit_count()) - 1):
                raise ValueError(text)
        ipaddress.IPv6Network(f"{address}/{length}" if slash else address, strict=False)
    except ValueError:
        raise ValueError(f"{text}: not an IPv6 address or network") from None
    return f"{address}/{length}" if slash else address


def _number(text: str) -> int | None:
    """As C's ``strtoul`` with base 0."""
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", text):
        return int(text, 16)
    if re.fullmatch(r"0[0-7]*", text):
        return int(text, 8)
    return int(text) if re.fullmatch(r"[1-9]\d*", text, re.ASCII) else None
