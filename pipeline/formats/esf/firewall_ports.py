"""The strings in which ESF's firewall service keeps its rules: fields by ``,``, a ``#`` last, entries by ``;``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.errors import PipelineError

_REMEDY = "set the firewall in the console of the golden gateway, and export again"


@dataclass(frozen=True)
class OpenPort:
    """An entry of ``firewall.open.ports``; an empty field means any."""

    ports: str
    protocol: str
    network: str = ""
    interface: str = ""
    not_interface: str = ""
    mac: str = ""
    source_ports: str = ""


@dataclass(frozen=True)
class PortForward:
    """An entry of ``firewall.port.forwarding``."""

    in_interface: str
    out_interface: str
    address: str
    protocol: str
    in_port: str
    out_port: str
    masquerade: str
    network: str = ""
    mac: str = ""
    source_ports: str = ""


@dataclass(frozen=True)
class Nat:
    """An entry of ``firewall.nat``."""

    in_interface: str
    out_interface: str
    protocol: str
    source: str
    destination: str
    masquerade: str


def render(entries: Iterable[OpenPort | PortForward | Nat]) -> str:
    """Write the value of a property; empty for no entries."""
    return ";".join(",".join((*vars(entry).values(), "#")) for entry in entries)


def parse_open_ports(text: str, where: str) -> tuple[OpenPort, ...]:
    """Read ``firewall.open.ports``; `PipelineError` names the first entry that cannot be read."""
    return tuple(OpenPort(*fields) for fields in _entries(text, where, 7))


def parse_port_forwarding(text: str, where: str) -> tuple[PortForward, ...]:
    """Read ``firewall.port.forwarding``; `PipelineError` names the first entry that cannot be read."""
    return tuple(PortForward(*fields) for fields in _entries(text, where, 10))


def parse_nat(text: str, where: str) -> tuple[Nat, ...]:
    """Read ``firewall.nat``; `PipelineError` names the first entry that cannot be read."""
    return tuple(Nat(*fields) for fields in _entries(text, where, 6))


def _entries(text: str, where: str, size: int) -> list[list[str]]:
    rows = []
    for entry in filter(None, text.strip().split(";")):
        fields = entry.split(",")
        if len(fields) != size + 1 or fields[-1] != "#":
            raise PipelineError(f"{where}: entry {entry!r} does not have {size} fields and a '#'", _REMEDY)
        rows.append(fields[:-1])
    return rows
