"""The networks that a booted image finds at its interfaces, which lead nowhere and give it the address it has."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from pipeline.errors import PipelineError


@dataclass(frozen=True)
class GuestNetwork:
    """A network at one interface of the virtual machine.

    Attributes:
        network: such as ``192.168.7.0/24``.
        address: the guest's own address in it. Who asks by DHCP is given it, so that it makes no difference whether the
            image has it fixed.
        taken: addresses of machines that others play on this network, see `Nic.wire`.
    """

    network: IPv4Network
    address: IPv4Address
    taken: frozenset[IPv4Address] = frozenset()


@dataclass(frozen=True)
class Nic:
    """One interface of the virtual machine; the first is ``eth0`` in the guest.

    Attributes:
        network: None for one of QEMU's kind, with DHCP.
        wire: one end of a pair of datagram sockets: every frame of this network passes there, and frames may be put on
            it. None for nobody.
    """

    network: GuestNetwork | None = None
    wire: socket.socket | None = None


def default_network(number: int) -> GuestNetwork:
    """What an interface finds about which nothing is known."""
    return GuestNetwork(IPv4Network(f"10.0.{2 + number}.0/24"), IPv4Address(f"10.0.{2 + number}.15"))


def own_addresses(place: GuestNetwork) -> tuple[IPv4Address, IPv4Address]:
    """What QEMU takes of a network for itself: the host and a name server, never the guest's address.

    Raises:
        PipelineError: the guest's address is not in the network, or the network too small.
    """
    network, address = place.network, place.address
    if address not in network or network.num_addresses < 8:
        raise PipelineError(
            f"{address}: no address of a gateway in {network}", "give the network that the image's own address is in"
        )
    hosts = (one for one in _last_hosts(network) if one != address and one not in place.taken)
    host, names = next(hosts), next(hosts)
    return host, names


def _last_hosts(network: IPv4Network) -> Iterator[IPv4Address]:
    """Addresses for hosts, from the end, where people rarely put anything."""
    for back in range(2, network.num_addresses):
        yield network.network_address + (network.num_addresses - back)


def mac_address(number: int) -> str:
    """The hardware address of an interface, in QEMU's own range."""
    return f"52:54:00:12:34:{0x56 + number:02x}"


def nic_options(number: int, nic: Nic, forwarded: Mapping[int, int]) -> tuple[str, ...]:
    """QEMU's options for one interface.

    The gateway may hold keys of the real cloud, so nothing it sends leaves: the network is restricted to what is
    forwarded.

    Args:
        forwarded: which port of 127.0.0.1 leads to which port of the guest, by the guest's.
    """
    place = nic.network or default_network(number)
    host, names = own_addresses(place)
    ports = "".join(f",hostfwd=tcp:127.0.0.1:{ours}-{place.address}:{theirs}" for theirs, ours in forwarded.items())
    lan = (
        f"user,id=lan{number},restrict=on,ipv6=off,net={place.network},host={host},dns={names}"
        f",dhcpstart={place.address}{ports}"
    )
    device = f"virtio-net-pci,mac={mac_address(number)},romfile="
    if nic.wire is None:
        return ("-netdev", lan, "-device", f"{device},netdev=lan{number}")
    hub = f"hubport,hubid={number}"
    return (
        *("-netdev", lan, "-netdev", f"socket,id=wire{number},fd={nic.wire.fileno()}"),
        # A hub, so that every frame passes everywhere, whoever it is for.
        *("-netdev", f"{hub},id=a{number},netdev=lan{number}", "-netdev", f"{hub},id=b{number},netdev=wire{number}"),
        *("-netdev", f"{hub},id=nic{number}", "-device", f"{device},netdev=nic{number}"),
    )


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on; all are held open until all are known, so that they differ."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()
