"""One network interface as all files together describe it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

STATUS = {
    "lan": "netIPv4StatusEnabledLAN",
    "wan": "netIPv4StatusEnabledWAN",
    "disabled": "netIPv4StatusDisabled",
}


@dataclass(frozen=True)
class Adapter:
    """What an interface is and does.

    Attributes:
        kind: ``ethernet``, ``wifi`` or ``modem``.
        state: ``lan``, ``wan`` or ``disabled``, as in ``kuranet.conf``, the only file that can say so (formats 6).
        method: ``dhcp``, ``static`` or ``ppp``.
        router: default gateway, or empty.
        leases: first and last address its DHCP server gives out; None without a server.
        wifi_mode: ``MASTER`` (access point), ``INFRA`` (client), or empty.
        changed: the inventory says something of this interface.
    """

    name: str
    kind: str
    state: str
    method: str
    address: IPv4Interface | None = None
    router: str = ""
    dns: tuple[str, ...] = ()
    leases: tuple[IPv4Address, IPv4Address] | None = None
    pass_dns: bool = False
    nat: bool = False
    wifi_mode: str = ""
    ssid: str = ""
    channel: int = 0
    apn: str = ""
    changed: bool = False

    @property
    def enabled(self) -> bool:
        """Whether it is used at all."""
        return self.state != "disabled"

    @property
    def is_access_point(self) -> bool:
        """Whether it is a Wi-Fi interface that others connect to."""
        return self.kind == "wifi" and self.wifi_mode == "MASTER"
