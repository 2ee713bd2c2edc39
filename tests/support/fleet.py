"""Releases of any size in memory, for reports: one manifest after the other, none of them kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import Origin
from pipeline.model.manifest import Action, Change, Manifest, RuleFact, WaiverFact
from pipeline.model.tree import Kind, Node
from pipeline.model.verdict import LEAK_SCAN, Verdict
from pipeline.rules.registry import RULES
from tests.support.manifest import a_manifest, digest

CHECKS = (
    "signature", "manifest", "block map", "5731 paths: names and metadata",
    f"{LEAK_SCAN}: none of 143 secrets of the build and of others, plain or packed",
)  # fmt: skip
WAIVER = WaiverFact("laboratory unit", "Jane Doe", "2027-06-30")


def a_gateway(number: int, *, rules: bool = True, own: int = 30, alike: int = 30) -> Manifest:
    """One of a fleet: rules as the registry has them, paths of its own and paths all have."""
    base, name = a_manifest(f"gw-{number:04d}"), f"gw-{number:04d}"
    changes = dict(base.changes)
    for index in range(own + alike):
        path = GuestPath(f"/etc/gateway.d/{index:02d}.conf")
        mine = index < own
        origin = Origin("overlays.file", f"devices.toml: {name}" if mine else "overlays/common", f"A:{index}")
        node = Node(Kind.FILE, 0o644, size=100 + index, sha256=digest(f"{name if mine else 'all'} {index}"))
        changes[path] = Change(path, Action.ADDED, node, (origin,))
    facts = {
        **base.facts,
        "console": {"ports": [80], "reachable_from": ["10.234.0.0/16"], "username": "admin"},
        "firewall": {
            "policy": {"FORWARD": "DROP", "INPUT": "DROP", "OUTPUT": "ACCEPT"},
            "verdicts": [
                {"port": port, "source": source, "verdict": "accepted" if port == 80 and source else "refused"}
                for port in (22, 80)
                for source in ("", "10.234.0.0/16")
            ],
        },
        "init": "sysv",
        "interfaces": {
            "eth0": {"address": f"192.168.{number // 250}.{number % 250 + 1}/24", "method": "static", "state": "lan"}
        },
        "os_release": {"ID": "debian", "PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)", "VERSION_ID": "12"},
        "ssh": {"passwords": False, "port": 49153, "root_login": False, "use_pam": False},
        "users": {"technician": {"keys": 1, "sudo": "nopasswd", "uid": 1500}},
    }
    return replace(
        base,
        gateway=name,
        serial=f"SN-{number:05d}",
        changes=changes,
        facts=facts,
        rules=_rules(number) if rules else base.rules,
        profile="documents",
    )


def _rules(number: int) -> tuple[RuleFact, ...]:
    found = []
    for index, rule in enumerate(RULES):
        outcome, waiver, breaches = "pass", None, ()
        if rule.id == "ssh.port" and number % 50 == 7:
            outcome, waiver, breaches = "fail", WAIVER, ("/etc/ssh/sshd_config:12: Port 22",)
        elif index % 40 == 3:
            outcome = "cannot be verified offline"
        elif (index + number) % 20 == 5:
            outcome = "not applicable"
        found.append(RuleFact(rule.id, rule.title, rule.documents, outcome, f"{rule.id}: looked at", breaches, waiver))
    return tuple(found)


def a_fleet(size: int) -> Iterator[Manifest]:
    """The manifests of that many gateways, one by one."""
    return (a_gateway(number) for number in range(size))


def verified(size: int) -> list[Verdict]:
    """A good verdict on each of them."""
    return [Verdict(f"gw-{number:04d}", (), CHECKS) for number in range(size)]
