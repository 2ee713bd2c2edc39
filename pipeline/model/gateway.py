"""The gateways of a release: what one has for itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class User:
    """A person's or a team's account without root privileges (A:17).

    Attributes:
        keys: public keys in ``authorized_keys`` form, at least one.
        sudo: ``none``, or ``password`` / ``nopasswd`` for an explicit choice to let the user become root.
    """

    name: str
    uid: int
    keys: tuple[str, ...]
    sudo: str = "none"
    shell: str = "/bin/sh"


@dataclass(frozen=True)
class Interface:
    """A network interface of one gateway, overriding what the golden sample says of it.

    Attributes:
        name: ``eth0``, ``wlan0``, ``ppp0``, ….
        state: ``lan``, ``wan`` or ``disabled``.
        method: ``dhcp`` or ``static`` (``ppp`` for a cellular interface).
        address: ``192.0.2.7/24``, for ``static``.
        gateway: default gateway address, or empty.
        dns: name servers.
        dhcp_range: first and last address leased by the gateway's own DHCP server, or None.
        ssid: of a Wi-Fi access point or network; empty for others.
        apn: of a cellular interface; empty for others.
    """

    name: str
    state: str
    method: str = "dhcp"
    address: str = ""
    gateway: str = ""
    dns: tuple[str, ...] = ()
    dhcp_range: tuple[str, str] | None = None
    ssid: str = ""
    channel: int = 0
    apn: str = ""


@dataclass(frozen=True)
class Gateway:
    """One device of the fleet.

    Attributes:
        name: host name, unique in the release; also the name of its directory and tasks.
        serial: of the hardware, for the label and the manifest; may be empty.
        interfaces: by interface name; interfaces not named here are taken from the golden sample as they are.
        users: accounts of this gateway in addition to those of the release.
        variables: free values for overlay templates.
        mac: hardware address on the label, lower case with colons; it may be empty, as all that follows.
        imei / iccid: of modem and SIM card, digits only.
        client_id: the gateway's name at its broker and in the cloud's registry.
        site: where it goes, in words.
        labels: further texts for labels and lists, by name.
    """

    name: str
    serial: str = ""
    interfaces: Mapping[str, Interface] = field(default_factory=dict)
    users: tuple[User, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    mac: str = ""
    imei: str = ""
    iccid: str = ""
    client_id: str = ""
    site: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
