"""What `doit audit` says of the image as delivered, of finished ones, of one of the profile strict; in all formats."""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import GATEWAYS, Built
from tests.support.sarif_structure import problems_of
from tests.support.workspaces import Ran, a_workspace, doit, edit

pytestmark = pytest.mark.appliance

ESF = "/opt/eurotech/esf_5.0.0"
# A part of what the documents make people mend by hand; the demo's vanilla image has it all.
WEAKNESSES = {
    "accounts.root_password": "/etc/shadow",
    "ssh.no_root": "/etc/ssh/sshd_config",
    "ssh.no_passwords": "/etc/ssh/sshd_config",
    "ssh.port": "/etc/ssh/sshd_config",
    "services.disabled": "/etc/rc2.d/S03avahi-daemon",
    "services.sysrq": "/etc/sysctl.conf",
    "bootloader.delay": "/boot/uboot.env",
    "policy.production": f"{ESF}/kura/security.policy",
    "keystores.not_default": f"{ESF}/kura/kura.properties",
    "framework.heap_dump": f"{ESF}/bin/start_kura_background.sh",
    "snapshot.console_password": f"{ESF}/data/snapshots/snapshot_0.xml",
    "firewall.restrict": "/etc/sysconfig/iptables",
    "firewall.console_from_vpn": "/etc/sysconfig/iptables",
    "network.wifi_passphrase": "/etc/hostapd-wlan0.conf",
}
FORMATS = ("text", "json", "junit", "sarif")


@pytest.fixture(scope="module")
def reports(built: Built, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Ran, Path]]:
    """Of the vanilla image in every format, of the finished ones in one; two at a time, for most of it is waiting."""
    place = tmp_path_factory.mktemp("reports")
    finished = ("finished", "json", [str(built.release / name) for name in GATEWAYS])
    vanilla = [(f"vanilla.{kind}", kind, [str(built.workspace / ".demo/vanilla.img")]) for kind in FORMATS]

    def audit(name: str, kind: str, images: list[str]) -> tuple[str, tuple[Ran, Path]]:
        config = () if name.startswith("vanilla") else ("-c", "gateway.toml")
        # The finished images' programs are asked; the vanilla one's would only be asked the same four times.
        config += () if name == "finished" else ("--no-ask",)
        report = place / name
        ran = doit(built.workspace, "audit", *config, "--format", kind, "--output", str(report), *images)
        return name, (ran, report)

    with ThreadPoolExecutor(2) as pool:
        return dict(pool.map(lambda run: audit(*run), [finished, *vanilla]))


def audits_of(report: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(report.read_bytes())["audits"]
    return found


def test_the_vanilla_image_fails_with_its_real_weaknesses(reports: dict[str, tuple[Ran, Path]]) -> None:
    """By the documents alone: without any release's decisions."""
    assert {reports[f"vanilla.{kind}"][0].status for kind in FORMATS} == {1}
    (audit,) = audits_of(reports["vanilla.json"][1])
    failed = {
        rule["rule"]: {breach["path"] for breach in rule["breaches"]} for rule in audit["rules"] if rule["blocks"]
    }
    assert {rule: path for rule, path in WEAKNESSES.items() if path not in failed.get(rule, set())} == {}
    assert len(failed) >= 29


def test_finished_images_fail_nothing_without_a_waiver(reports: dict[str, tuple[Ran, Path]]) -> None:
    ran, report = reports["finished"]
    assert ran.status == 0, ran.text
    audits = audits_of(report)
    assert len(audits) == len(GATEWAYS)
    rules = [rule for audit in audits for rule in audit["rules"]]
    assert [rule["rule"] for rule in rules if rule["outcome"] == "fail"] == []
    assert sum(rule["outcome"] == "pass" for rule in rules) >= 60 * len(GATEWAYS)


def test_every_format_says_the_same_of_the_vanilla_image(reports: dict[str, tuple[Ran, Path]]) -> None:
    (audit,) = audits_of(reports["vanilla.json"][1])
    failed = {rule["rule"] for rule in audit["rules"] if rule["blocks"]}
    breaches = [(rule["rule"], at) for rule in audit["rules"] for at in rule["breaches"]]
    text = reports["vanilla.text"][1].read_text("utf-8")
    assert {line.split()[1] for line in text.splitlines() if line.startswith("FAIL ")} == failed
    assert all(_place(at) in text for _, at in breaches)
    junit = ElementTree.parse(reports["vanilla.junit"][1]).getroot()  # noqa: S314 - our own report
    cases = {case.get("name"): case.findtext("failure") for case in junit.iter("testcase")}
    assert {name for name, failure in cases.items() if failure is not None} == failed
    assert all(_place(at) in str(cases[rule]) for rule, at in breaches)
    log = json.loads(reports["vanilla.sarif"][1].read_bytes())
    assert problems_of(log) == []
    (sarif,) = log["runs"]
    errors = [result for result in sarif["results"] if result["kind"] == "fail"]
    assert {result["ruleId"] for result in errors} == failed
    assert len(errors) == len(breaches)


def _place(breach: dict[str, Any]) -> str:
    return f"{breach['path']}:{breach['line']}:" if breach["line"] else f"{breach['path']}:"


def test_a_release_of_the_profile_strict_fails_nothing(built: Built, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Once the console's user has a name of its own, which nobody but the release can choose."""
    workspace = a_workspace(tmp_path_factory.mktemp("strict") / "workspace", built.workspace / ".demo")
    # The vanilla image is inspected already.
    subprocess.run(["cp", "-a", "--sparse=always", built.workspace / ".build", workspace / ".build"], check=True)
    edit(workspace / "gateway.toml", '# profile = "documents"', 'profile = "strict"')
    edit(workspace / "gateway.toml", '# username = "admin"', 'username = "site-operator"')
    for name in GATEWAYS[1:]:
        _without(workspace / "devices.toml", name)
    ran = doit(workspace, "build")
    assert ran.status == 0, ran.text
    audited = doit(workspace, "audit", "-c", "gateway.toml", "--format", "json", f"out/demo-1.0/{GATEWAYS[0]}")
    assert audited.status == 0, audited.text
    (audit,) = json.loads(audited.stdout)["audits"]
    assert audit["profile"] == "strict"
    assert [rule["rule"] for rule in audit["rules"] if rule["outcome"] == "fail"] == []
    outcomes = {rule["rule"]: rule["outcome"] for rule in audit["rules"]}
    assert {outcomes[name] for name in ("console.own_username", "framework.no_osgi_console")} == {"pass"}


def _without(inventory: Path, name: str) -> None:
    """The inventory without one gateway."""
    before, *gateways = inventory.read_text("utf-8").split("[[gateway]]")
    kept = [gateway for gateway in gateways if f'name = "{name}"' not in gateway]
    assert len(kept) == len(gateways) - 1
    inventory.write_text("[[gateway]]".join([before, *kept]), "utf-8")
