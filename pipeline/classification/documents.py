"""What of a golden sample travels: the documents' list, and what must never leave that one gateway."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from pipeline.classification.found import KEYSTORE, PRIVATE_KEY
from pipeline.classification.magics import by_content, by_start

_ROOT = r"opt/(?:eurotech/esf|eclipse/kura)/"


class Part(Enum):
    """What a file of an export is."""

    SNAPSHOT = "snapshot"
    DPA = "dpa.properties"
    PACKAGE = "deployment package"
    POLICY = "security policy"
    NETWORK = "network file"


@dataclass(frozen=True)
class Listed:
    """One line of the documents' list.

    Attributes:
        label: as the documents write it, with their line; said when the export has nothing of it.
        pattern: of paths relative to the root of the golden gateway.
        extra: not in the documents, but of the same kind (formats 6); its absence is no news.
    """

    item: Part
    label: str
    pattern: re.Pattern[str]
    extra: bool = False


def _listed(item: Part, label: str, pattern: str, *, extra: bool = False) -> Listed:
    return Listed(item, label, re.compile(pattern), extra)


KURANET = _listed(Part.NETWORK, "kuranet.conf (A:193)", _ROOT + r"(?:data|user)/kuranet\.conf")

# Where generations B and C keep things is taken too (formats 3); the documents speak of generation A.
DOCUMENTS = (
    _listed(Part.SNAPSHOT, "snapshot_<id>.xml (A:137)", r"snapshot_[0-9]+\.xml"),
    _listed(Part.DPA, "dpa.properties (A:170)", _ROOT + r"(?:kura|data|packages)/dpa\.properties"),
    _listed(Part.PACKAGE, "packages/*.dp (A:171)", _ROOT + r"(?:kura/|data/)?packages/[^/]+\.dp"),
    _listed(Part.POLICY, "security.policy (A:175)", _ROOT + r"(?:kura|user/security)/security\.policy"),
    _listed(Part.NETWORK, "/etc/bind/named.conf (A:185)", r"etc/(?:bind/)?named\.conf"),
    _listed(Part.NETWORK, "/etc/network/interfaces (A:186)", r"etc/network/interfaces"),
    _listed(Part.NETWORK, "/etc/sysconfig/iptables (A:187)", r"etc/sysconfig/iptables"),
    _listed(Part.NETWORK, "/etc/init.d/firewall_cust (A:188)", r"etc/init\.d/firewall_cust"),
    _listed(Part.NETWORK, "/etc/ppp/ (A:189)", r"etc/ppp/.+"),
    _listed(Part.NETWORK, "/etc/dhcpd-*.conf (A:190)", r"etc/u?dhcpd-[^/]+\.conf"),
    _listed(Part.NETWORK, "/etc/wpa_supplicant-*.conf (A:191)", r"etc/wpa_supplicant-[^/]+\.conf"),
    _listed(Part.NETWORK, "/etc/hostapd-*.conf (A:192)", r"etc/hostapd-[^/]+\.conf"),
    KURANET,
    _listed(Part.NETWORK, "files that interfaces (A:186) sources", r"etc/network/interfaces\.d/[^/]+", extra=True),
    _listed(Part.NETWORK, "ifcfg-*", r"etc/sysconfig/network-scripts/ifcfg-[^/]+", extra=True),
)

_PERSONAL = "a keystore is personal to its gateway and cannot be transferred (A:206)"
_NAMES: tuple[tuple[str, str], ...] = (
    (r"(?:.*/)?store\.save", "keystore passwords under that gateway's own key (A:129)"),
    (r"(?:.*/)?[^/]+\.(?:ks|jks|jceks|p12|pfx|keystore)", _PERSONAL),
    (r"(?:.*/)?(?:ssh_host_[^/]*|dropbear_[^/]*_host_key)", "SSH host key: every gateway has its own"),
    (r"(?:.*/)?(?:rndc|session|tsig)\.key", "key of that gateway's name server"),
    (r"(?:.*/)?machine-id", "machine identity: every gateway has its own"),
    (r"(?:.*/)?7[05]-persistent-net[^/]*", "binds interfaces to that gateway's hardware addresses"),
    (r"(?:.*/)?(?:[^/]*\.leases?[^/]*|dhclient[^/]*)", "leases of that gateway"),
    (r".+/snapshot_[0-9]+\.xml", "a snapshot from the gateway's disk; only the console's download can be used (A:137)"),
    (r"(?:.*/)?(?:id_(?:rsa|dsa|ecdsa|ed25519)|[^/]+\.key)", "a private key"),
    (_ROOT + r"(?:data|user)/(?:db|paho-persistence|persistance)/.*", "run-time state of that gateway (A:129)"),
)
_FORBIDDEN_NAMES = tuple((re.compile(pattern), reason) for pattern, reason in _NAMES)
UNKNOWN = "not in the documents' list (A:164 to A:193)"


def wanted(path: str) -> Listed | None:
    """The line of the documents that a path belongs to, or None."""
    return next((listed for listed in DOCUMENTS if listed.pattern.fullmatch(path)), None)


def forbidden_content(content: bytes) -> str:
    """Why content must never travel, whatever its name; empty when there is no reason."""
    for _, kind, reason in by_content(content):
        if kind == KEYSTORE:
            return f"{reason}: {_PERSONAL}"
        if kind == PRIVATE_KEY:
            return f"holds a private key: {reason}"
    return ""


def forbidden(path: str, content: bytes) -> str:
    """Why a file must stay behind: by content, by name, or because no document lists it; empty for a listed file."""
    listed = wanted(path)
    # What lies in a setting of the snapshot is judged setting by setting.
    is_snapshot = listed is not None and listed.item is Part.SNAPSHOT
    reason = "" if is_snapshot and not by_start(content) else forbidden_content(content)
    if reason:
        return reason
    named = next((reason for pattern, reason in _FORBIDDEN_NAMES if pattern.fullmatch(path)), "")
    if listed is not None:
        # Only /etc/ppp is listed as a whole, whatever the names in it.
        return named if listed.item is Part.NETWORK else ""
    return named or UNKNOWN
