"""What differs between generations of the product: defaults, places, forms of credentials, who decides."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace

import pytest

from pipeline.formats.esf.esf_policy import SIGNER
from pipeline.model.image_view import ImageView
from pipeline.model.rule import RuleOutcome
from tests.support import esf_view
from tests.support.breakages import AS_GOLDEN
from tests.support.esf.edits import SNAPSHOT, both, copied, gone, put, setting, unset, without
from tests.support.hardened import BUSYBOX_RCS
from tests.support.network import IPTABLES
from tests.unit.rules.esf.test_every_rule import look

ROLES = "org.eclipse.kura.internal.useradmin.store.RoleRepositoryStoreImpl"
COMMAND = "org.eclipse.kura.cloud.app.command.CommandCloudApp"
FIREWALL = "org.eclipse.kura.net.admin.FirewallConfigurationService"
NETWORK = "org.eclipse.kura.net.admin.NetworkConfigurationService"
PASS, FAIL, NONE = RuleOutcome.PASS, RuleOutcome.FAIL, RuleOutcome.NOT_APPLICABLE


def a_view(**layout: object) -> ImageView:
    view = esf_view.hardened(AS_GOLDEN)
    assert view.layout is not None
    return replace(view, layout=replace(view.layout, **layout))  # type: ignore[arg-type]


def stored(password: str) -> str:
    return base64.b64encode(hashlib.sha256(password.encode()).digest()).decode()


def users(*entries: dict[str, object]) -> str:
    return json.dumps(list(entries))


@pytest.mark.parametrize(("generation", "outcome"), [("A", FAIL), ("B", NONE), ("C", NONE)])
def test_remote_commands_are_on_by_default_on_kura_3_only(generation: str, outcome: RuleOutcome) -> None:
    view = without(COMMAND)(a_view(generation=generation))
    assert look(view, "snapshot.remote_command").outcome is outcome


@pytest.mark.parametrize(("generation", "outcome"), [("A", FAIL), ("B", PASS)])
def test_a_switch_that_is_not_set(generation: str, outcome: RuleOutcome) -> None:
    view = unset(COMMAND, "command.enable")(a_view(generation=generation))
    assert look(view, "snapshot.remote_command").outcome is outcome


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (users({"name": "kura.user.ops", "credentials": {"kura.password": stored("hN4.wKz7@Rt2-vQm9")}}), PASS),
        (users({"name": "kura.user.admin", "credentials": {"kura.password": stored("admin")}}), FAIL),
        (users({"name": "kura.user.ops", "credentials": {"kura.password": stored("ops")}}), FAIL),
        (users({"name": "kura.user.ops", "credentials": {"kura.password": "in clear"}}), FAIL),
        (users({"name": "kura.user.ops"}), FAIL),
        (users({"credentials": {}}), FAIL),
        ("no list", FAIL),
        ("", FAIL),
    ],
)
def test_users_of_kura_5(text: str, outcome: RuleOutcome) -> None:
    view = setting(ROLES, "users.config", text)(a_view(console_auth="useradmin"))
    assert look(view, "snapshot.console_password").outcome is outcome


def test_without_users_the_defaults_of_kura_5_are_in_force() -> None:
    assert look(a_view(console_auth="useradmin"), "snapshot.console_password").outcome is FAIL


def test_open_source_kura_has_no_policy() -> None:
    view = a_view(policy=None, certificates=None, policy_backup=None)
    for rule in (
        "policy.production",
        "policy.strong",
        "policy.schema",
        "bundles.signed",
        "bundles.trusted",
        "policy.backup",
    ):
        assert look(view, rule).outcome is NONE, rule
    assert look(view, "keystores.jks").outcome is PASS


def test_open_source_kura_has_no_provisioning() -> None:
    view = without("org.eclipse.kura.provisioning.ProvisioningService")(a_view(product="Kura"))
    assert look(view, "snapshot.provisioning").outcome is NONE


def test_a_list_among_the_packages_is_no_package() -> None:
    packages = f"{esf_view.REAL}/kura/packages"
    view = copied(f"{esf_view.REAL}/kura/dpa.properties", f"{packages}/dpa.properties")(a_view())
    assert look(view, "packages.only_listed").outcome is FAIL
    assert view.layout is not None
    moved = replace(view, layout=replace(view.layout, dpa=view.layout.packages / "dpa.properties"))
    assert look(moved, "packages.only_listed").outcome is PASS


@pytest.mark.parametrize(
    ("entries", "closed", "console"),
    [
        ("49153,tcp,,,,,,#;80,tcp,10.234.0.0/16,,,,,#", PASS, PASS),
        ("49153,tcp,,,,,,#;80,tcp,,,,,,#", PASS, FAIL),
        ("49153,tcp,,,,,,#;7000:9000,tcp,,,,,,#", FAIL, PASS),
    ],
)
def test_where_the_snapshot_decides_the_file_does_not_count(
    entries: str, closed: RuleOutcome, console: RuleOutcome
) -> None:
    view = both(setting(FIREWALL, "firewall.open.ports", entries), gone(IPTABLES))(a_view(network_truth="snapshot"))
    assert look(view, "firewall.restrict").outcome is closed
    assert look(view, "firewall.console_from_vpn").outcome is console
    assert look(view, "firewall.in_step").outcome is NONE
    assert look(view, "reachability.ssh").outcome is PASS


def test_where_the_snapshot_decides_a_shut_door_is_found_in_it() -> None:
    view = setting(FIREWALL, "firewall.open.ports", "80,tcp,10.234.0.0/16,,,,,#")(a_view(network_truth="snapshot"))
    found = look(view, "reachability.ssh")
    assert {breach.path for breach in found.breaches} == {"/etc/ssh/sshd_config", SNAPSHOT}


@pytest.mark.parametrize("init", ["sysv", "systemd", "busybox", ""])
def test_who_loads_the_firewall_depends_on_init(init: str) -> None:
    view = replace(esf_view.hardened(AS_GOLDEN), init=init)
    expected = {"busybox": RuleOutcome.UNVERIFIABLE, "": RuleOutcome.UNVERIFIABLE}
    assert look(view, "firewall.loaded").outcome is expected.get(init, PASS)
    loader = view.find("/etc/init.d/firewall") or b""
    if init == "busybox":
        view = put("/etc/init.d/S40firewall", loader, 0o755)(view)
        assert look(view, "firewall.loaded").outcome is RuleOutcome.UNVERIFIABLE  # nobody knows what runs it
        view = put("/etc/init.d/rcS", BUSYBOX_RCS, 0o755)(view)
        assert look(view, "firewall.loaded").outcome is PASS


def test_the_first_row_about_a_signer_decides() -> None:
    view = esf_view.hardened(AS_GOLDEN)
    policy = f"{esf_view.REAL}/kura/security.policy"
    text = (view.find(policy) or b"").decode()
    row = text[text.index("    <esf:policy>") : text.index("    </esf:policy>") + len("    </esf:policy>\n")]
    assert SIGNER in row
    denied = text.replace(row, row.replace("ALLOW", "DENY") + row, 1)
    assert look(put(policy, denied)(view), "bundles.admitted").outcome is FAIL
    allowed = text.replace(row, row + row.replace("ALLOW", "DENY"), 1)
    assert look(put(policy, allowed)(view), "bundles.admitted").outcome is PASS


def test_without_network_administration_its_rules_do_not_apply_and_say_why() -> None:
    view = both(gone(IPTABLES), gone("/etc/init.d/firewall"))(a_view(network_truth="none"))
    for name in (
        "firewall.loaded",
        "firewall.restrict",
        "firewall.before_start",
        "reachability.ssh",
        "network.ppp_link",
    ):
        found = look(view, name)
        assert found.outcome is NONE, name
        assert "kura.have.net.admin=false" in found.why


def test_a_modem_of_kura_5_needs_no_files() -> None:
    view = gone("/etc/ppp/peers/ppp0")(a_view(network_truth="snapshot"))
    found = look(view, "network.ppp_link")
    assert found.outcome is NONE
    assert "anew from its snapshot" in found.why
