"""Files that hold secrets are for those who need them."""

from __future__ import annotations

from pipeline.formats.accounts import accounts
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.model.tree import Kind
from pipeline.rules.looking import loose, paths

READS = ("/etc/group",)

# Pattern to the widest mode; group shadow may read the first two (Debian's own choice).
_SECRET = (
    ("/etc/shadow", 0o640),
    ("/etc/gshadow", 0o640),
    ("/etc/ssh/ssh_host_*_key", 0o600),
    ("/etc/dropbear/dropbear_*_host_key", 0o600),
    ("/etc/sudoers", 0o440),
    ("/etc/sudoers.d/*", 0o440),
    ("/etc/monitrc", 0o700),
    ("/etc/monit/monitrc", 0o700),
    ("/etc/bind/rndc.key", 0o640),
    ("/etc/ssl/private/*", 0o640),
    ("/etc/openvpn/*.key", 0o600),
    ("/etc/wireguard/*", 0o600),
)
# secrets.modes has these where ESF is installed.
_NETWORK = (
    ("/etc/ppp/chap-secrets", 0o600),
    ("/etc/ppp/pap-secrets", 0o600),
    ("/etc/wpa_supplicant*.conf", 0o600),
    ("/etc/hostapd*.conf", 0o600),
    ("/etc/hostapd/*.conf", 0o600),
)


def _secrets(view: ImageView, expected: Expected) -> Judgement:
    del expected
    breaches: list[Breach] = []
    looked = 0
    groups = {0, *(gid for name in ("shadow", "ssl-cert", "bind") for gid in _group(view, name))}
    for pattern, most in (*_SECRET, *(_NETWORK if view.layout is None else ())):
        for path in paths(view, pattern):
            node = view.node(path)
            if node is None or node.kind is not Kind.FILE:
                continue
            looked += 1
            breaches += loose(str(path), node, most)
            if most & node.mode & 0o070 and node.gid not in groups:
                breaches.append(Breach(str(path), 0, f"group {node.gid} may read it", "group root, or one made for it"))
    if not looked:
        return Judgement.not_applicable("the image has no such files")
    return Judgement.of(breaches, f"{looked} files")


def _group(view: ImageView, name: str) -> tuple[int, ...]:
    data = view.find("/etc/group")
    try:
        row = accounts.parse("group", data).get(name) if data is not None else None
    except accounts.AccountsError:
        return ()
    return (int(row[2]),) if row else ()


RULES = (
    Rule(
        id="files.secrets",
        title="files that hold secrets can be read by nobody who need not",
        why="Any service that was taken over reads a secret everybody may read; it need not become root first.",
        severity=Severity.HIGH,
        documents=("A:11", "A:119"),
        references=(
            "CIS 7.1.5",
            "CIS 7.1.7",
            "CIS 5.1.2",
            "ANSSI R50",
            "ANSSI R51",
            "ETSI 5.4-1",
            "62443 CR 4.1",
            "CRA I.1(2)(e)",
        ),
        profile="documents",
        check=_secrets,
        remedy="give the file its mode in the vanilla image, or in overlay.toml for your own",
        enforced_by="accounts, identity, network",
    ),
)
