"""Where a real program reads the same file, it must say the same of what can be loaded at all."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import esf_view
from tests.support.breakages import AS_GOLDEN, Breakage
from tests.support.network import IPTABLES
from tests.support.rule_breakages import FRAMEWORK as BREAKAGES
from tests.unit.rules.esf.test_every_rule import RuleOutcome, look

pytestmark = pytest.mark.tools

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
OF_RULES = tuple(
    item
    for item in BREAKAGES
    if item.path == IPTABLES
    and item.rule.startswith(("firewall.", "reachability."))
    and not item.name.startswith("no firewall")
)


def loads(content: bytes, directory: Path) -> bool:
    """Whether iptables-restore takes the rules, in a network of its own."""
    file = directory / "rules"
    file.write_bytes(content)
    command = ["unshare", "--map-root-user", "--net", "iptables-legacy-restore", "--test", str(file)]
    environment = {"PATH": _PATH, "XTABLES_LOCKFILE": str(directory / "lock")}
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, check=False, env=environment, timeout=20
    )
    return done.returncode == 0


def test_the_planned_rules_load(tmp_path: Path) -> None:
    assert loads(esf_view.hardened(AS_GOLDEN).find(IPTABLES) or b"", tmp_path)


# These only the kernel refuses, when the rules are really loaded (tests/readers): --test does not ask it.
BY_THE_KERNEL = ("a target of another table", "a reset for other protocols", "a hardware address going out")


@pytest.mark.parametrize(
    "breakage", [one for one in OF_RULES if one.name not in BY_THE_KERNEL], ids=lambda item: f"{item.rule}: {item.name}"
)
def test_iptables_restore_agrees(breakage: Breakage, tmp_path: Path) -> None:
    """Rules that open something load, as they would on a gateway; those called unreadable do not."""
    view = breakage.change(esf_view.hardened(breakage.gateway))
    assert view.layout is not None
    of_file = replace(view, layout=replace(view.layout, network_truth="files"))
    readable = look(of_file, "firewall.readable").outcome is RuleOutcome.PASS
    # No filter table, or nothing at all, is no error to the program; it leaves everything open.
    nothing = breakage.name.endswith(("no filter table", ": no file"))
    assert loads(view.find(IPTABLES) or b"", tmp_path) == (readable or nothing)
