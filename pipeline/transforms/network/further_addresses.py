"""Addresses of the golden sample beside the one each interface has, and in files that do not move with it.

A gateway has one IPv4 address for each interface, by the inventory. What a second stanza, another family or a command
of a stanza gives would be the golden sample's own on every gateway. And where an interface moves to another network,
what still speaks of the old one is a disagreement: clients would ask a time server that is not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Interface

from pipeline.errors import Problem
from pipeline.formats.network.interfaces import KURA_MARK, Option, Stanza
from pipeline.model.claim import Place
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry
from pipeline.transforms.network import red_hat
from pipeline.transforms.network.adapter import Adapter
from pipeline.transforms.network.golden_files import INTERFACES, GoldenFiles, where

_ADDS = re.compile(
    r"\bip\s+(?:-\S+\s+)*a(?:ddr(?:ess)?)?\s+(?:add|replace|change)\b|\bifconfig\s+\S+\s+(?:inet6"
    r"?\s+)?(?:add\s+)?[0-9a-fA-F]*[.:]"
)
_IFCFG = re.compile(r"IPADDR[0-9]+|IPV6ADDR(?:_SECONDARIES)?")
_ADDRESS = re.compile(r"(?<![\w.:])(\d{1,3}(?:\.\d{1,3}){3})(?![\w.]*\d\.\d)(?![\d.])")
# Comments that ESF or ifupdown reads all the same.
_READ = ("#dns-nameservers", KURA_MARK)
_REMEDY = (
    "take it out of the golden sample's file and export again; gateways that need such an address get it by a template "
    "of an overlay"
)


def problems(files: GoldenFiles) -> Iterator[Problem]:
    """Addresses the inventory cannot say anything of; the same for all gateways."""
    for path, file in ((INTERFACES, files.interfaces), *files.sourced.items()):
        seen: dict[tuple[str, ...], int] = {}
        for stanza in file.stanzas("iface") if file is not None else ():
            yield from _of_stanza(stanza, Place(where(path), stanza.line), seen, path)
    for name, ifcfg in sorted(files.ifcfg.items()):
        for key in filter(_IFCFG.fullmatch, ifcfg.keys):
            if ifcfg.get(key):
                here = Place(where(f"{red_hat.DIRECTORY}/ifcfg-{name}"), ifcfg.line_of(key))
                yield Problem(f"{here}: {key} is a further address of {name}, which all gateways would have", _REMEDY)


def _of_stanza(stanza: Stanza, here: Place, seen: dict[tuple[str, ...], int], path: GuestPath) -> Iterator[Problem]:
    name, family = stanza.words[:2]
    first = seen.setdefault((name, family), stanza.line)
    has_address = stanza.get("address") is not None
    if first != stanza.line and has_address:
        yield Problem(
            f"{here}: a second {family} stanza of {name} (the first is in line {first}) has an address of its own, "
            "which all gateways would have",
            _REMEDY,
        )
    elif family != "inet" and has_address:
        yield Problem(f"{here}: {name} has an address of the family {family}, which all gateways would have", _REMEDY)
    for option in stanza.body:
        if isinstance(option, Option) and _ADDS.search(option.value):
            yield Problem(
                f"{Place(where(path), option.line)}: {option.name} of {name} adds an address, which all gateways would "
                "have",
                _REMEDY,
            )


def moved(before: Mapping[str, Adapter], after: Mapping[str, Adapter]) -> dict[str, IPv4Interface]:
    """The addresses the golden sample has and this gateway has not, by interface."""
    return {
        name: adapter.address
        for name, adapter in before.items()
        if adapter.address is not None and after[name].changed and after[name].address != adapter.address
    }


def left_behind(
    entries: Iterable[FileEntry], moved_from: Mapping[str, IPv4Interface], after: Mapping[str, Adapter]
) -> Iterator[Problem]:
    """Lines that still speak of where an interface was.

    Args:
        entries: files of this gateway, as they will be.
        moved_from: as `moved` gives it.
    """
    kept = [adapter.address for adapter in after.values() if adapter.address is not None and adapter.enabled]
    for entry in entries if moved_from else ():
        for number, line in enumerate(entry.content.decode("utf-8", "replace").splitlines(), 1):
            if line.lstrip().startswith(("#", "//", ";")) and not line.lstrip().startswith(_READ):
                continue
            for found in _ADDRESS.finditer(line):
                name = _of(found[1], moved_from, kept)
                if name:
                    now = after[name].address
                    yield Problem(
                        f"{entry.origins[0].source}: line {number} of {entry.path}: {found[1]} is where {name} of the "
                        f"golden sample was; on this gateway it has {now or 'no fixed address'}",
                        "take the line out of the golden sample's file, or leave the interface where it is; a "
                        "template of an overlay knows each gateway's own address",
                    )


def _of(text: str, moved_from: Mapping[str, IPv4Interface], kept: list[IPv4Interface]) -> str:
    """The interface whose old network an address is in; empty when it is somebody's still."""
    try:
        address = IPv4Address(text)
    except ValueError:
        return ""
    if any(address in own.network for own in kept):
        # Within the same network only the gateway's own old address is wrong.
        return (
            next((name for name, old in moved_from.items() if old.ip == address), "")
            if all(address != own.ip for own in kept)
            else ""
        )
    return next((name for name, old in moved_from.items() if address in old.network), "")
