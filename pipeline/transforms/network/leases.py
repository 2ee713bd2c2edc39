"""DHCP servers of one gateway: ISC dhcpd and BusyBox udhcpd."""

from __future__ import annotations

from dataclasses import replace

from pipeline.formats.network import dhcpd_conf, udhcpd_conf
from pipeline.transforms.network.adapter import Adapter


def dhcpd_text(server: dhcpd_conf.DhcpServer, adapter: Adapter) -> str:
    """The server in the network the interface has on this gateway."""
    if adapter.changed and adapter.address and adapter.leases:
        own = adapter.address.ip
        server = replace(
            server,
            subnet=adapter.address.network,
            routers=(own,),
            dns=(own,) if adapter.pass_dns else (),
            first=adapter.leases[0],
            last=adapter.leases[1],
        )
    return dhcpd_conf.render(replace(server, enabled=True))


def udhcpd_text(file: udhcpd_conf.UdhcpdConf, adapter: Adapter) -> str:
    """The same for BusyBox."""
    if not (adapter.changed and adapter.address and adapter.leases):
        return udhcpd_conf.render(file)
    values = {
        "start": str(adapter.leases[0]),
        "end": str(adapter.leases[1]),
        "opt subnet": str(adapter.address.netmask),
        "opt router": str(adapter.address.ip),
    }
    if file.get("opt dns"):
        values["opt dns"] = str(adapter.address.ip)
    return udhcpd_conf.render(file.changed(values))
