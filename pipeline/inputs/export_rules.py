"""What of a golden sample travels: the documents' list, and what must never leave that one gateway."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

_ROOT = r"opt/(?:eurotech/esf|eclipse/kura)/"


class Item(Enum):
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

    item: Item
    label: str
    pattern: re.Pattern[str]
    extra: bool = False


def _listed(item: Item, label: str, pattern: str, *, extra: bool = False) -> Listed:
    return Listed(item, label, re.compile(pattern), extra)


# Where generations B and C keep things is taken too (formats 3); the documents speak of generation A.
DOCUMENTS = (
    _listed(Item.SNAPSHOT, "snapshot_<id>.xml (A:137)", r"snapshot_[0-9]+\.xml"),
    _listed(Item.DPA, "dpa.properties (A:170)", _ROOT + r"(?:kura|data|packages)/dpa\.properties"),
    _listed(Item.PACKAGE, "packages/*.dp (A:171)", _ROOT + r"(?:kura/|data/)?packages/[^/]+\.dp"),
    _listed(Item.POLICY, "security.policy (A:175)", _ROOT + r"(?:kura|user/security)/security\.policy"),
    _listed(Item.NETWORK, "/etc/bind/named.conf (A:185)", r"etc/(?:bind/)?named\.conf"),
    _listed(Item.NETWORK, "/etc/network/interfaces (A:186)", r"etc/network/interfaces"),
    _listed(Item.NETWORK, "/etc/sysconfig/iptables (A:187)", r"etc/sysconfig/iptables"),
    _listed(Item.NETWORK, "/etc/init.d/firewall_cust (A:188)", r"etc/init\.d/firewall_cust"),
    _listed(Item.NETWORK, "/etc/ppp/ (A:189)", r"etc/ppp/.+"),
    _listed(Item.NETWORK, "/etc/dhcpd-*.conf (A:190)", r"etc/u?dhcpd-[^/]+\.conf"),
    _listed(Item.NETWORK, "/etc/wpa_supplicant-*.conf (A:191)", r"etc/wpa_supplicant-[^/]+\.conf"),
    _listed(Item.NETWORK, "/etc/hostapd-*.conf (A:192)", r"etc/hostapd-[^/]+\.conf"),
    _listed(Item.NETWORK, "kuranet.conf (A:193)", _ROOT + r"(?:data|user)/kuranet\.conf"),
    _listed(Item.NETWORK, "ifcfg-*", r"etc/sysconfig/network-scripts/ifcfg-[^/]+", extra=True),
)

_PERSONAL = "a keystore is personal to its gateway and cannot be transferred (A:206)"
_NAMES = (
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
_PEM_KEY = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
# A PKCS #12 store is a DER or BER sequence that starts with the version number 3.
_PKCS12 = re.compile(rb"\x30(?:\x80|\x81.|\x82..|\x83...|\x84....)\x02\x01\x03\x30", re.DOTALL)
UNKNOWN = "not in the documents' list (A:164 to A:193)"


def wanted(path: str) -> Listed | None:
    """The line of the documents that a path belongs to, or None."""
    return next((listed for listed in DOCUMENTS if listed.pattern.fullmatch(path)), None)


def forbidden_content(content: bytes) -> str:
    """Why content must never travel, whatever its name; empty when there is no reason."""
    if content.startswith(b"\xfe\xed\xfe\xed"):
        return f"a JKS keystore: {_PERSONAL}"
    if content.startswith(b"\xce\xce\xce\xce"):
        return f"a JCEKS keystore: {_PERSONAL}"
    if _PKCS12.match(content):
        return f"a PKCS #12 keystore: {_PERSONAL}"
    if content.startswith(b"PuTTY-User-Key-File") or _PEM_KEY.search(content):
        return "holds a private key"
    return ""


def forbidden(path: str, content: bytes) -> str:
    """Why a file must stay behind: by content, by name, or because no document lists it; empty for a listed file."""
    reason = forbidden_content(content)
    if reason:
        return reason
    listed = wanted(path)
    named = next((reason for pattern, reason in _FORBIDDEN_NAMES if pattern.fullmatch(path)), "")
    if listed is not None:
        # Only /etc/ppp is listed as a whole, whatever the names in it.
        return named if listed.item is Item.NETWORK else ""
    return named or UNKNOWN
