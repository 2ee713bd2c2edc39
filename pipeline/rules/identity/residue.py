"""What belongs to one machine or one person and would be copied to all gateways (uniqueness rules U3 to U19)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.model.tree import Kind
from pipeline.rules.accounts.people import people
from pipeline.rules.identity.leftovers import COPIES, CREDENTIALS, DUMPS, HISTORIES, KEYS, LEASES, SEEDS, Table
from pipeline.rules.looking import files, harmless, lines, paths

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
    "/etc/NetworkManager/system-connections/*",
)


_EMPTY_LOGS = ("wtmp", "btmp", "lastlog", "faillog")
_ADDRESS = re.compile(r"(?i)\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b")


def _absent(table: Table) -> Callable[[ImageView, Expected], Judgement]:
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


def _credentials(view: ImageView, expected: Expected) -> Judgement:
    """In homes, and in what NetworkManager keeps of the networks a machine has joined."""
    found = _in_homes(CREDENTIALS, "keys or passwords of a person")(view, expected)
    breaches = list(found.breaches)
    known = people(view)
    named = {person.home.rstrip("/") for person in (known.everybody if known else ())}
    breaches += [
        Breach(str(path), 0, "keys of somebody who has no account", "not there")
        for path in paths(view, "/home/*/.ssh")
        if str(path.parent) not in named and not _is_empty_directory(view, path)
    ]
    for place, data in files(view, "/etc/NetworkManager/system-connections/*"):
        for number, line in lines(data):
            if re.match(r"\s*(psk|password|wep-key\d|pin|private-key-password|leap-password)\s*=\s*\S", line):
                breaches.append(
                    Breach(place, number, f"a secret of a network ({line.partition('=')[0].strip()})", "none")
                )
    return Judgement.of(breaches, found.why)


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
        (("/etc/NetworkManager/system-connections/*",), r"mac-address|cloned-mac-address|bssid"),
    )
    for patterns, key in wanted:
        for path, data in files(view, *patterns):
            for number, line in lines(data):
                if not line.lstrip().startswith("#") and re.search(rf"\b({key})\b", line) and _ADDRESS.search(line):
                    yield path, number, re.split(r"[=\s]", line.strip())[0]


def _rule(
    name: str,
    title: str,
    why: str,
    severity: Severity,
    check: Callable[[ImageView, Expected], Judgement],
    *references: str,
) -> Rule:
    return Rule(
        id=name,
        title=title,
        why=why,
        severity=severity,
        documents=("A:129",),
        references=references,
        profile="documents",
        check=check,
        remedy="delete it in the vanilla image; what the pipeline knows of goes by itself",
        enforced_by="identity",
    )


RULES = (
    _rule(
        "identity.random_seed",
        "no copied random seed",
        'Gateways that start from the same seed may draw the same "random" keys and session numbers.',
        Severity.MEDIUM,
        _absent(SEEDS),
        "systemd Building Images Safely",
        "ETSI 5.4-4",
    ),
    _rule(
        "identity.leases",
        "no leases or client identities of one machine",
        (
            "A lease of another machine makes the gateway ask for that machine's address, and tells where the image "
            "came from."
        ),
        Severity.LOW,
        _absent(LEASES),
        "virt-sysprep dhcp-client-state",
    ),
    _rule(
        "identity.shared_keys",
        "no keys that every copy would share",
        "A private key that every copy has is no secret: who opens one gateway can decrypt or forge for all.",
        Severity.HIGH,
        _absent(KEYS),
        "ETSI 5.4-4",
        "62443 CR 1.9",
        "House of Keys",
    ),
    _rule(
        "identity.hardware",
        "nothing bound to one machine's hardware addresses",
        (
            "Names bound to another machine's hardware address rename interfaces, so that firewall rules hold for the "
            "wrong network."
        ),
        Severity.MEDIUM,
        _hardware,
        "virt-sysprep udev-persistent-net",
        "virt-sysprep net-hwaddr",
    ),
    _rule(
        "identity.logs",
        "no logs of another machine",
        "Logs of another machine tell its addresses, users and faults, and confuse whoever investigates this one.",
        Severity.LOW,
        _logs,
        "virt-sysprep logfiles",
        "CRA I.1(2)(m)",
    ),
    _rule(
        "identity.histories",
        "no histories of people",
        "People type passwords on command lines; their histories would be delivered with every gateway.",
        Severity.MEDIUM,
        _in_homes(HISTORIES, "history of a person"),
        "virt-sysprep bash-history",
    ),
    _rule(
        "identity.credentials",
        "no keys and passwords of people",
        (
            "Keys and tokens somebody left in the image open that person's other machines to everybody who gets a "
            "gateway."
        ),
        Severity.HIGH,
        _credentials,
        "virt-sysprep ssh-userdir",
        "ETSI 5.4-3",
        "CRA I.1(2)(m)",
    ),
    _rule(
        "identity.old_copies",
        "no old copies of configuration files",
        (
            "Backup copies keep settings and passwords that were replaced on purpose, where no rule for the original "
            "looks."
        ),
        Severity.MEDIUM,
        _absent(COPIES),
        "virt-sysprep backup-files",
    ),
    _rule(
        "identity.remains",
        "nothing left behind: dumps, temporary files, mail, jobs",
        (
            "Memory dumps, mail and temporary files hold fragments of what was worked on, secrets included; left-over "
            "jobs run unasked."
        ),
        Severity.LOW,
        _absent(DUMPS),
        "virt-sysprep tmp-files",
        "virt-sysprep crash-data",
        "virt-sysprep cron-spool",
    ),
)
