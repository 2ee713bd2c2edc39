"""What the plan makes passes; what the vendor delivers fails where it must; what is absent never passes."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from pipeline.image.read import facts
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Expected, Judgement, RuleOutcome
from pipeline.model.tree import Tree
from pipeline.rules.registry import FRAMEWORK, judge
from tests.support import esf_view
from tests.support.breakages import AS_GOLDEN, LAB, NORTH, SOUTH
from tests.support.esf.edits import REAL, SNAPSHOT, both, gone, link, put
from tests.unit.rules.esf.test_every_rule import STEPS, STRICT, as_read, look

# What the vendor's image breaks, as delivered.
WEAKNESSES = {
    "policy.production", "policy.strong", "keystores.not_default", "keystores.snapshot", "framework.heap_dump",
    "framework.no_debug_script", "snapshot.provisioning", "snapshot.console_password", "snapshot.remote_command",
    "firewall.restrict", "firewall.ssh_22", "firewall.console_from_vpn", "firewall.snapshot", "firewall.ipv6",
    "network.wifi_passphrase", "network.wifi_snapshot", "secrets.modes",
}  # fmt: skip


# Which key ESF encrypts with is in no public source: nobody can tell by looking at an image.
ASKED_ELSEWHERE = frozenset({"framework.encryption_key"})


@cache
def judged(gateway: str, init: str = "sysv") -> dict[str, Judgement]:
    return outcomes(esf_view.hardened(gateway, init))


def outcomes(view: ImageView, expected: Expected | None = None) -> dict[str, Judgement]:
    found = judge(view, expected or esf_view.expected(), profile="strict", waivers=(), epoch=0, rules=FRAMEWORK)
    return {result.rule.id: result.judgement for result in found}


def failing(found: dict[str, Judgement]) -> set[str]:
    return {rule for rule, judgement in found.items() if judgement.outcome is RuleOutcome.FAIL}


@pytest.mark.parametrize("gateway", [AS_GOLDEN, NORTH, SOUTH, LAB])
def test_a_planned_gateway_breaks_nothing(gateway: str) -> None:
    found = judged(gateway)
    assert failing(found) == STRICT, {rule: found[rule] for rule in failing(found) - STRICT}
    unclear = {rule for rule, judgement in found.items() if judgement.outcome is RuleOutcome.UNVERIFIABLE}
    assert unclear == STEPS | ASKED_ELSEWHERE


def test_a_gateway_planned_by_the_profile_strict_breaks_nothing() -> None:
    """With a console's user of its own name."""
    expected = replace(esf_view.expected(), console_username="site-operator")
    assert failing(outcomes(esf_view.hardened(NORTH, "strict"), expected)) == set()


def test_every_rule_applies_to_some_gateway() -> None:
    rules = {
        rule
        for gateway in (AS_GOLDEN, NORTH, SOUTH, LAB)
        for rule, judgement in judged(gateway).items()
        if judgement.outcome in (RuleOutcome.PASS, RuleOutcome.FAIL)
    }
    # No gateway of the demo joins a network, forwards a port, has Kura 5's commands or the firewall in the snapshot.
    unused = {
        "network.wifi_client", "firewall.snapshot_forwarding", "console.privileged_command", "firewall.before_start",
        "firewall.container_ports",
    }  # fmt: skip
    assert rules == {rule.id for rule in FRAMEWORK} - STEPS - ASKED_ELSEWHERE - unused


def test_the_vendors_image_fails_where_it_is_weak() -> None:
    found = outcomes(esf_view.vanilla_view())
    assert failing(found) >= WEAKNESSES, WEAKNESSES - failing(found)


@pytest.mark.parametrize("rule", FRAMEWORK, ids=lambda rule: rule.id)
def test_without_esf_no_rule_passes(rule: object) -> None:
    view = replace(esf_view.hardened(AS_GOLDEN), layout=None)
    assert {item.outcome for item in outcomes(view).values()} == {RuleOutcome.NOT_APPLICABLE}, rule


# Emptied of all that ESF is, an image still has its Linux side; what passes then looks at nothing of ESF's.
_ABOUT_ABSENCE = {"residue.never_booted", "residue.private_keys", "esf.same_release", "framework.environment",
                  "firewall.ipv6", "firewall.hooks"}  # fmt: skip


def test_of_an_empty_installation_nothing_passes() -> None:
    view = both(
        gone(REAL), gone("/etc/sysconfig"), gone("/etc/network"), gone("/etc/ppp"), gone("/etc/dhcpd-eth0.conf")
    )(esf_view.hardened(SOUTH))
    for path in ("/etc/init.d/kura", "/etc/init.d/firewall", "/etc/init.d/firewall_cust"):
        view = gone(path)(view)
    passing = {rule for rule, item in outcomes(view).items() if item.outcome is RuleOutcome.PASS}
    assert passing <= _ABOUT_ABSENCE, passing - _ABOUT_ABSENCE


def test_without_a_snapshot_nothing_about_it_passes() -> None:
    found = outcomes(gone(SNAPSHOT)(esf_view.hardened(AS_GOLDEN)))
    about = [rule for rule in found if rule.startswith(("snapshot.", "console.")) or rule.endswith("_snapshot")]
    assert not [rule for rule in about if found[rule].outcome is RuleOutcome.PASS]


def test_no_judgement_tells_a_secret() -> None:
    own = esf_view.own_secrets("x")
    secrets = [own.console_password, own.certificates_password, own.cacerts_password, own.wifi_passphrase]
    for gateway in (AS_GOLDEN, SOUTH):
        for judgement in judged(gateway).values():
            assert not [secret for secret in secrets if secret in repr(judgement)]


def _found(view: ImageView) -> dict[str, tuple[RuleOutcome, object]]:
    return {rule: (item.outcome, item.breaches) for rule, item in outcomes(view).items()}


@pytest.mark.parametrize("gateway", [AS_GOLDEN, NORTH])
def test_the_files_asked_for_are_all_the_rules_need(gateway: str) -> None:
    view = esf_view.hardened(gateway)
    assert _found(as_read(view)) == _found(view)


def test_inspection_reads_all_the_rules_need() -> None:
    view = esf_view.hardened(AS_GOLDEN)
    assert view.layout is not None
    chosen = set(facts.select(view.tree, facts.wanted(view.layout)))
    files = {path: data for path, data in view.files.items() if path in chosen}
    assert _found(replace(view, files=files)) == _found(view)


def test_a_file_nobody_read_is_no_pass() -> None:
    view = esf_view.hardened(AS_GOLDEN)
    blind = replace(view, files={})
    passing = {rule for rule, item in outcomes(blind).items() if item.outcome is RuleOutcome.PASS}
    # These look at names and modes alone.
    assert passing <= {"residue.never_booted", "secrets.modes", "esf.writable", "esf.same_release", "snapshot.only_one"}


def test_a_circle_of_links_is_no_pass() -> None:
    circle = both(link("/etc/sysconfig/iptables", "iptables"))(esf_view.hardened(AS_GOLDEN))
    assert look(circle, "firewall.policy").outcome is not RuleOutcome.PASS


def test_a_network_with_nothing_in_it_is_judged() -> None:
    empty = put("/etc/wpa_supplicant-wlan0.conf", "network={\n}\n")(esf_view.hardened(AS_GOLDEN))
    assert look(empty, "network.wifi_client").outcome is RuleOutcome.PASS


def test_the_view_is_as_planned_and_not_changed_by_edits() -> None:
    view = esf_view.hardened(AS_GOLDEN)
    before = len(view.tree)
    gone(SNAPSHOT)(view)
    assert len(view.tree) == before
    assert isinstance(view.tree, Tree)
    assert GuestPath(SNAPSHOT) in view.files
