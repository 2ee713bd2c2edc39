"""Every reader, in the order in which their answers are told."""

from __future__ import annotations

from pipeline.model.reader import Reader
from pipeline.readers.programs import (
    dhcp,
    fw_env,
    ifupdown,
    iptables,
    java,
    keys,
    monit,
    named,
    ppp,
    shell,
    sshd,
    sudo,
    sysctl,
    systemd,
    wifi,
)

READERS: tuple[Reader, ...] = (
    sshd.READER,
    keys.READER_AUTHORIZED,
    keys.READER_DROPBEAR,
    iptables.READER_V4,
    iptables.READER_V6,
    ifupdown.READER,
    sudo.READER,
    sudo.READER_RIGHTS,
    named.READER,
    dhcp.READER_DHCPD,
    dhcp.READER_UDHCPD,
    wifi.READER_HOSTAPD,
    wifi.READER_SUPPLICANT,
    ppp.READER_PPPD,
    ppp.READER_CHAT,
    monit.READER,
    sysctl.READER,
    systemd.READER,
    systemd.READER_ENABLED,
    shell.READER,
    fw_env.READER,
    java.READER,
)
