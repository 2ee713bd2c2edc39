"""The networks to put a gateway into, and the places in them from which to look at it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from pipeline.errors import PipelineError
from pipeline.formats.network import interfaces
from pipeline.image.boot.guest_network import GuestNetwork, default_network

NAMES = ("eth0", "eth1")

_SMALLEST = 16  # addresses of a network in which several machines find room
_ELSEWHERE = tuple(IPv4Address(one) for one in ("192.0.2.77", "198.51.100.77", "203.0.113.77"))  # RFC 5737
# What configures an interface at boot, besides /etc/network/interfaces.
_OTHER_CONFIGURATION = (
    "/etc/sysconfig/network-scripts/ifcfg-eth",
    "/etc/NetworkManager/system-connections/",
    "/etc/systemd/network/",
)


class Kind(StrEnum):
    """Where somebody stands who looks at the gateway."""

    NEIGHBOUR = "the same network"
    ELSEWHERE = "elsewhere"
    VPN = "the VPN"


@dataclass(frozen=True)
class Vantage:
    """A source address at one interface.

    Attributes:
        on_link: the gateway needs no route to answer.
    """

    interface: str
    source: IPv4Address
    kind: Kind
    on_link: bool

    @property
    def outside(self) -> bool:
        """Not of the VPN."""
        return self.kind is not Kind.VPN


@dataclass(frozen=True)
class Surrounding:
    """What one interface finds.

    Attributes:
        given: the address is set before the system starts, because nothing in the image does it without ESF.
    """

    name: str
    place: GuestNetwork
    given: IPv4Interface | None
    vantages: tuple[Vantage, ...]


def surroundings(
    text: str | None, paths: Iterable[str], addresses: Mapping[str, IPv4Interface], vpn: Sequence[IPv4Network]
) -> tuple[Surrounding, ...]:
    """One for each interface of `NAMES`, such that as much as possible can be seen.

    An interface that takes what it is given gets an address next to the VPN, so that packets from there need no route.

    Args:
        text: of ``/etc/network/interfaces``, None when there is none.
        paths: all of the image, for other kinds of configuration.
        addresses: fixed ones, as the inventory has them.
    """
    fixed, asking = _configured(text)
    other = any(path.startswith(_OTHER_CONFIGURATION) for path in paths)
    # Of what cannot be read here, the inventory knows the address; leased, it fits whether it is fixed or asked for.
    homes = {name: fixed.get(name) or (addresses.get(name) if name not in asking else None) for name in NAMES}
    networks = [home.network for home in homes.values() if home is not None]
    beside = _beside(vpn)
    if beside is not None and any(beside.network.overlaps(network) for network in networks):
        beside = None
    found = []
    for number, name in enumerate(NAMES):
        home = homes[name]
        if home is not None:
            place = GuestNetwork(_roomy(home.network), home.ip)
        elif beside is not None:
            place, beside = beside, None
        else:
            place = default_network(number)
        itself = name in fixed or name in asking or other
        length = place.network.prefixlen if home is None else home.network.prefixlen
        given = None if itself else IPv4Interface(f"{place.address}/{length}")
        found.append(_seen_from(name, place, given, vpn, networks))
    return tuple(found)


def _seen_from(
    name: str,
    place: GuestNetwork,
    given: IPv4Interface | None,
    vpn: Sequence[IPv4Network],
    networks: Sequence[IPv4Network],
) -> Surrounding:
    sources = tuple(_inside(network) for network in vpn if network.prefixlen)
    near = [address for address in _near(place.network) if address != place.address and address not in sources]
    # One that is not of the VPN, unless all of this network is.
    neighbour = next((one for one in near if not _is_of(one, vpn)), near[0])
    far = next(one for one in _ELSEWHERE if not any(one in network for network in networks))
    vantages = (
        Vantage(name, neighbour, Kind.VPN if _is_of(neighbour, vpn) else Kind.NEIGHBOUR, on_link=True),
        *(Vantage(name, source, Kind.VPN, source in place.network) for source in sources),
        Vantage(name, far, Kind.VPN if _is_of(far, vpn) else Kind.ELSEWHERE, on_link=False),
    )
    taken = frozenset(one.source for one in vantages)
    return Surrounding(name, GuestNetwork(place.network, place.address, taken), given, vantages)


def _is_of(address: IPv4Address, vpn: Sequence[IPv4Network]) -> bool:
    return any(address in network for network in vpn)


def _configured(text: str | None) -> tuple[dict[str, IPv4Interface], set[str]]:
    """Fixed addresses and interfaces that ask for one, of those brought up at boot."""
    fixed: dict[str, IPv4Interface] = {}
    asking: set[str] = set()
    if text is None:
        return fixed, asking
    try:
        read = interfaces.parse(text, "/etc/network/interfaces")
    except PipelineError:
        return fixed, asking  # ifupdown refuses it too; the gateway will not be seen then
    for name in NAMES:
        stanza = read.iface(name)
        if stanza is None or stanza.kura or name not in read.automatic:
            continue
        if stanza.words[2] == "static":
            address, netmask = stanza.get("address") or "", stanza.get("netmask")
            with suppress(ValueError):  # a name, or nothing: not for us to know
                fixed[name] = IPv4Interface(f"{address}/{netmask}" if netmask and "/" not in address else address)
        elif stanza.words[2] == "dhcp":
            asking.add(name)
    return fixed, asking


def _beside(vpn: Sequence[IPv4Network]) -> GuestNetwork | None:
    """A network that holds the VPN's and as many addresses that are not of it, one of those for the gateway."""
    if not vpn or not vpn[0].prefixlen:
        return None
    whole = vpn[0].supernet()
    while whole.num_addresses < _SMALLEST:
        whole = whole.supernet()
    if not whole.prefixlen:
        return None
    outside = next(half for half in whole.subnets() if not half.overlaps(vpn[0]))
    if any(outside.overlaps(network) for network in vpn):
        return None
    return GuestNetwork(whole, outside[3])


def _near(network: IPv4Network) -> Iterable[IPv4Address]:
    """Some addresses of both halves: one of them is neither the gateway's nor of the VPN, if any is."""
    half = network.num_addresses // 2
    return (network[start + offset] for start in (half, 0) for offset in range(1, min(half, 8)))


def _inside(network: IPv4Network) -> IPv4Address:
    return network[min(2, network.num_addresses - 1)]


def _roomy(network: IPv4Network) -> IPv4Network:
    """A network in which others find room too; the gateway's own idea of it stays its own."""
    while network.num_addresses < _SMALLEST:
        network = network.supernet()
    return network
