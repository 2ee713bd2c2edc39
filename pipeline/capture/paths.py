"""What is taken from a golden gateway: the documents' list and what this product names beside it, and nothing else.

Patterns are a shell's, relative to the gateway's root. What they find still passes `pipeline.classification`: a
forbidden file in a listed directory is not taken.
"""

from __future__ import annotations

_ROOTS = ("opt/eurotech/esf", "opt/eclipse/kura")
# Where the generations keep things (formats 3), below each root.
_INSTALLED = (
    "kura/dpa.properties",
    "data/dpa.properties",
    "packages/dpa.properties",
    "kura/packages/*.dp",
    "data/packages/*.dp",
    "packages/*.dp",
    "kura/security.policy",
    "user/security/security.policy",
    "data/kuranet.conf",
    "user/kuranet.conf",
)
_SYSTEM = (
    "etc/bind/named.conf",
    "etc/named.conf",
    "etc/network/interfaces",
    "etc/network/interfaces.d/*",
    "etc/sysconfig/iptables",
    "etc/init.d/firewall_cust",
    "etc/dhcpd-*.conf",
    "etc/udhcpd-*.conf",
    "etc/wpa_supplicant-*.conf",
    "etc/hostapd-*.conf",
    "etc/sysconfig/network-scripts/ifcfg-*",
)

INSTALLED = _INSTALLED
"""Files of an installation, by shell pattern below its root."""

SYSTEM = _SYSTEM
"""Files of the system around it, by shell pattern."""

PATTERNS = (*(f"{root}/{path}" for root in _ROOTS for path in _INSTALLED), *_SYSTEM)
"""All of them, from the gateway's root."""

TREES = ("etc/ppp",)
"""Directories that are listed as a whole (A:189)."""

LINKS = "etc/ppp/peers/ppp[0-9]*"
"""Links that are taken as links (A:247); every other link stands for the file it leads to."""

ROOTS = _ROOTS
"""Links to the installation, whose target's name states the release."""
