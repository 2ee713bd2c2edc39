"""The golden sample's interfaces with what the inventory says of one gateway laid over them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface

from pipeline.errors import Problem, raise_if_any
from pipeline.model.gateway import Gateway, Interface
from pipeline.transforms.network.adapter import Adapter

_MAC_IN_SSID = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]?){5}[0-9A-Fa-f]{2}$")


def gateway_adapters(gateway: Gateway, golden: Mapping[str, Adapter]) -> dict[str, Adapter]:
    """What each interface is to be on this gateway, by name.

    An address that changes takes the DHCP range along, host part by host part, unless the inventory gives a range.

    Raises:
        PipelineError: everything the inventory asks for that the golden sample gives no ground for.
    """
    problems: list[Problem] = []
    wanted = dict(golden)
    for name, interface in sorted(gateway.interfaces.items()):
        here = f"gateway {gateway.name}: interface {name}"
        known = golden.get(name)
        if known is None:
            problems.append(
                Problem(
                    f"{here} is not one of the golden sample's ({', '.join(sorted(golden)) or 'none'})",
                    "correct its name in the inventory, or set the interface up on the golden sample",
                )
            )
            continue
        problems += _unfounded(here, known, interface)
        wanted[name] = _overridden(known, interface)
    problems += [problem for adapter in wanted.values() for problem in _incomplete(f"gateway {gateway.name}", adapter)]
    problems += _overlapping(gateway.name, wanted)
    raise_if_any(problems)
    return wanted


def _overridden(known: Adapter, interface: Interface) -> Adapter:
    if interface.state == "disabled":
        return replace(known, state="disabled", leases=None, pass_dns=False, nat=False, changed=True)
    address = IPv4Interface(interface.address) if interface.address else None
    same_place = address is not None and known.address is not None and address.network == known.address.network
    leases = known.leases if interface.method == "static" else None
    if interface.dhcp_range:
        leases = (IPv4Address(interface.dhcp_range[0]), IPv4Address(interface.dhcp_range[1]))
    elif leases and address and not same_place:
        leases = _moved(leases, address)
    return replace(
        known,
        state=interface.state,
        method=interface.method,
        address=address,
        router=interface.gateway or (known.router if same_place else ""),
        dns=interface.dns or known.dns,
        leases=leases,
        pass_dns=bool(leases) and (known.pass_dns or known.leases is None),
        ssid=interface.ssid or known.ssid,
        channel=interface.channel or known.channel,
        apn=interface.apn or known.apn,
        changed=True,
    )


def _moved(leases: tuple[IPv4Address, IPv4Address], address: IPv4Interface) -> tuple[IPv4Address, IPv4Address]:
    """The same host parts in another network."""
    mask = int(address.network.hostmask)
    base = int(address.network.network_address)
    return IPv4Address(base | int(leases[0]) & mask), IPv4Address(base | int(leases[1]) & mask)


def _unfounded(here: str, known: Adapter, interface: Interface) -> list[Problem]:
    """What cannot be made of the golden sample's interface."""
    problems = []
    if interface.state != "disabled" and known.enabled and interface.state != known.state:
        problems.append(
            Problem(
                f"{here} is to be {interface.state}, but {known.state} on the golden sample, "
                "whose firewall and address translation were made for that",
                f'write state = "{known.state}", or export a golden sample that has it as {interface.state}',
            )
        )
    if interface.dhcp_range and known.leases is None:
        problems.append(
            Problem(
                f"{here} is given a DHCP range, but has no DHCP server on the golden sample",
                "switch the server on there, or take dhcp_range out of the inventory",
            )
        )
    return problems


def _incomplete(here: str, adapter: Adapter) -> list[Problem]:
    """What would not work on the gateway."""
    name, problems = adapter.name, []
    if not adapter.enabled:
        return []
    if adapter.leases:
        first, last = adapter.leases
        network = adapter.address.network if adapter.address else None
        if network is None or first not in network or last not in network or first > last:
            problems.append(
                Problem(
                    f"{here}: interface {name}: DHCP range {first} to {last} is not in {network or 'any network'}",
                    "give dhcp_range in the inventory, addresses of the interface's network",
                )
            )
        elif adapter.address and first <= adapter.address.ip <= last:
            problems.append(
                Problem(
                    f"{here}: interface {name}: DHCP range {first} to {last} contains its own {adapter.address.ip}",
                    "give a dhcp_range in the inventory that leaves it out",
                )
            )
    if adapter.is_access_point and adapter.method != "static":
        problems.append(
            Problem(f"{here}: interface {name}: an access point needs an address of its own", 'use method = "static"')
        )
    if adapter.is_access_point and _MAC_IN_SSID.search(adapter.ssid):
        problems.append(
            Problem(
                f"{here}: interface {name}: its SSID ends in the hardware address of the golden sample",
                "give the gateway an ssid of its own in the inventory",
            )
        )
    if adapter.is_access_point and not 1 <= len(adapter.ssid.encode()) <= 32:
        problems.append(
            Problem(f"{here}: interface {name}: an SSID has 1 to 32 bytes", "give the gateway an ssid in the inventory")
        )
    return problems


def _overlapping(gateway: str, adapters: Mapping[str, Adapter]) -> list[Problem]:
    """Two interfaces in one network: routes would be ambiguous."""
    placed = [(a.name, a.address.network) for a in adapters.values() if a.enabled and a.address]
    return [
        Problem(
            f"gateway {gateway}: {first} ({net}) and {second} ({other}) are in one network",
            "give each interface a network of its own in the inventory",
        )
        for index, (first, net) in enumerate(placed)
        for second, other in placed[index + 1 :]
        if net.overlaps(other)
    ]
