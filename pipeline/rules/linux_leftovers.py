"""What belongs to one machine or one person and would be copied to all gateways (uniqueness rules U3 to U19)."""

# ruff: noqa: S108 - directories of the image, not of the build machine

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach, Expected, Judgement, Rule
from pipeline.model.tree import Kind
from pipeline.rules.looking import files, harmless, lines, paths
from pipeline.rules.people import people

READS = (
    "/etc/passwd",
    "/etc/shadow",
    "/etc/group",
    "/etc/gshadow",
    "/etc/udev/rules.d/*",
    "/etc/systemd/network/*",
    "/usr/lib/systemd/network/*",
    "/etc/network/interfaces",
    "/etc/network/interfaces.d/*",
    "/etc/hostapd-*.conf",
    "/etc/sysconfig/network-scripts/*",
)


@dataclass(frozen=True)
class _Table:
    """Patterns of what must not be there, and why."""

    patterns: tuple[str, ...]
    found: str


_SEEDS = _Table(
    (
        "/var/lib/systemd/random-seed",
        "/var/lib/urandom/random-seed",
        "/var/lib/random-seed",
        "/boot/loader/random-seed",
    ),
    "the same randomness in every copy",
)
_LEASES = _Table(
    (
        "/var/lib/dhcp/dhclient*",
        "/var/lib/dhclient/*",
        "/var/lib/dhcpcd/*",
        "/var/lib/dhcpcd5/*",
        "/var/lib/NetworkManager/*",
        "/var/lib/systemd/network/*",
        "/var/lib/connman/*",
        "/var/lib/udhcpc/*",
    ),
    "leases and client identity of one machine",
)
_KEYS = _Table(
    (
        "/var/lib/systemd/credential.secret",
        "/etc/bind/rndc.key",
        "/var/lib/bind/session.key",
        "/etc/ssl/private/ssl-cert-snakeoil.key",
        "/etc/ssl/certs/ssl-cert-snakeoil.pem",
        "/var/lib/snmp/*",
        "/var/lib/chrony/*",
        "/var/lib/monit/id",
        "/var/.monit.id",
        "/var/lib/bluetooth/*",
        "/var/lib/tpm2-*",
        "/etc/wireguard/*.conf",
        "/etc/openvpn/*.key",
        "/etc/ipsec.d/private/*",
    ),
    "a key or identity of one machine that every copy would share",
)
_DUMPS = _Table(
    (
        "/var/crash/*",
        "/var/lib/systemd/coredump/*",
        "/tmp/*",
        "/tmp/.[!.]*",
        "/var/tmp/*",
        "/core",
        "/core.*",
        "/var/spool/cron/crontabs/*",
        "/var/spool/cron/atjobs/*",
        "/var/mail/*",
        "/var/spool/mail/*",
        "/var/lib/systemd/timers/*",
        "/var/lib/logrotate/status",
        "/var/backups/*",
    ),
    "left behind by one machine or person",
)
_COPIES = _Table(
    (
        "/etc/*~",
        "/etc/*.bak",
        "/etc/*.orig",
        "/etc/*.rpmsave",
        "/etc/*.dpkg-old",
        "/etc/.*.sw[op]",
        "/etc/*/*~",
        "/etc/*/*.bak",
        "/etc/*/*.orig",
        "/etc/*/*.rpmsave",
        "/etc/*/*.dpkg-old",
        "/etc/*/.*.sw[op]",
    ),
    "an old copy of a file, with what the file had before",
)
_HISTORIES = (
    ".bash_history",
    ".ash_history",
    ".sh_history",
    ".zsh_history",
    ".python_history",
    ".mysql_history",
    ".sqlite_history",
    ".psql_history",
    ".lesshst",
    ".viminfo",
    ".wget-hsts",
    ".nano_history",
)
_CREDENTIALS = (
    ".ssh/id_*",
    ".ssh/known_hosts*",
    ".ssh/identity",
    ".ssh/config",
    ".netrc",
    ".git-credentials",
    ".gitconfig",
    ".docker",
    ".aws",
    ".azure",
    ".gnupg",
    ".m2/settings.xml",
    ".pgpass",
    ".my.cnf",
    ".smbcredentials",
    ".npmrc",
)
_EMPTY_LOGS = ("wtmp", "btmp", "lastlog", "faillog")
_ADDRESS = re.compile(r"(?i)\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b")


def _absent(table: _Table) -> Callable[[ImageView, Expected], Judgement]:
    def check(view: ImageView, expected: Expected) -> Judgement:
        del expected
        found = [path for path in paths(view, *table.patterns) if not _is_empty_directory(view, path)]
        return Judgement.of([Breach(str(path), 0, table.found, "not there") for path in found], "nothing there")

    return check


def _is_empty_directory(view: ImageView, path: GuestPath) -> bool:
    node = view.tree.get(view.tree.resolve(path, follow_last=False))
    return node is not None and node.kind is Kind.DIRECTORY and not any(
        view.tree.nodes[below].kind is not Kind.DIRECTORY for below in view.tree.below(path)
    )  # fmt: skip


def _in_homes(names: tuple[str, ...], what: str) -> Callable[[ImageView, Expected], Judgement]:
    def check(view: ImageView, expected: Expected) -> Judgement:
        del expected
        homes = _homes(view)
        found = paths(view, *(f"{home}/{name}" for home in homes for name in names))
        return Judgement.of([Breach(str(path), 0, what, "not there") for path in found], f"{len(homes)} homes")

    return check


def _homes(view: ImageView) -> tuple[str, ...]:
    """Of all accounts, and what lies where homes usually do."""
    known = people(view)
    named = {person.home.rstrip("/") for person in (known.everybody if known else ())}
    usual = {"/root", *(str(path) for path in paths(view, "/home/*"))}
    return tuple(sorted(home for home in named | usual if re.fullmatch(r"(/[\w.+-]+)+", home)))


def _logs(view: ImageView, expected: Expected) -> Judgement:
    del expected
    place = view.place("/var/log")
    breaches = []
    for path in view.tree.below(place):
        node = view.tree.nodes[path]
        if node.kind is Kind.FILE and node.size:
            breaches.append(Breach(str(path), 0, f"a log of {node.size} bytes", "no logs of another machine"))
        elif node.kind is Kind.FILE and path.name not in _EMPTY_LOGS:
            continue
    return Judgement.of(breaches, f"no logs below {place}")


def _hardware(view: ImageView, expected: Expected) -> Judgement:
    """Names and settings bound to one machine's hardware addresses."""
    del expected
    breaches = [
        Breach(str(path), 0, "names bound to one machine's hardware addresses", "not there")
        for path in paths(view, "/etc/udev/rules.d/70-persistent-*.rules", "/etc/udev/rules.d/75-persistent-*.rules")
    ]
    for path, line, text in _addresses(view):
        breaches.append(Breach(path, line, f"a hardware address ({harmless(text)})", "none of one machine's"))
    return Judgement.of(breaches, "no hardware addresses in the network's files")


def _addresses(view: ImageView) -> Iterator[tuple[str, int, str]]:
    wanted = (
        (
            ("/etc/systemd/network/*.link", "/etc/systemd/network/*.network", "/etc/udev/rules.d/*.rules"),
            r"MACAddress|address",
        ),
        (("/etc/network/interfaces", "/etc/network/interfaces.d/*"), r"hwaddress"),
        (("/etc/hostapd-*.conf",), r"bssid"),
        (("/etc/sysconfig/network-scripts/ifcfg-*",), r"HWADDR|MACADDR"),
    )
    for patterns, key in wanted:
        for path, data in files(view, *patterns):
            for number, line in lines(data):
                if not line.lstrip().startswith("#") and re.search(rf"\b({key})\b", line) and _ADDRESS.search(line):
                    yield path, number, re.split(r"[=\s]", line.strip())[0]


def _rule(name: str, title: str, check: Callable[[ImageView, Expected], Judgement], *references: str) -> Rule:
    return Rule(
        id=name,
        title=title,
        documents=("A:129",),
        references=references,
        profile="documents",
        check=check,
        remedy="delete it in the vanilla image; what the pipeline knows of goes by itself",
        enforced_by="identity",
    )


RULES = (
    _rule(
        "identity.random_seed", "no copied random seed", _absent(_SEEDS), "systemd Building Images Safely", "ETSI 5.4-4"
    ),
    _rule(
        "identity.leases",
        "no leases or client identities of one machine",
        _absent(_LEASES),
        "virt-sysprep dhcp-client-state",
    ),
    _rule(
        "identity.shared_keys",
        "no keys that every copy would share",
        _absent(_KEYS),
        "ETSI 5.4-4",
        "62443 CR 1.9",
        "House of Keys",
    ),
    _rule(
        "identity.hardware",
        "nothing bound to one machine's hardware addresses",
        _hardware,
        "virt-sysprep udev-persistent-net",
        "virt-sysprep net-hwaddr",
    ),
    _rule("identity.logs", "no logs of another machine", _logs, "virt-sysprep logfiles", "CRA I.1(2)(m)"),
    _rule(
        "identity.histories",
        "no histories of people",
        _in_homes(_HISTORIES, "history of a person"),
        "virt-sysprep bash-history",
    ),
    _rule(
        "identity.credentials",
        "no keys and passwords of people",
        _in_homes(_CREDENTIALS, "keys or passwords of a person"),
        "virt-sysprep ssh-userdir",
        "ETSI 5.4-3",
        "CRA I.1(2)(m)",
    ),
    _rule("identity.old_copies", "no old copies of configuration files", _absent(_COPIES), "virt-sysprep backup-files"),
    _rule(
        "identity.remains",
        "nothing left behind: dumps, temporary files, mail, jobs",
        _absent(_DUMPS),
        "virt-sysprep tmp-files",
        "virt-sysprep crash-data",
        "virt-sysprep cron-spool",
    ),
)
