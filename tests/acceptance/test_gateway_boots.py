"""A finished image starts on a stock kernel and does what its manifest says; one that does not is found out.

Both under SysV init; the one under systemd is in test_kura_5.py.
"""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.acceptance.conftest import Built
from tests.support.programs.boot_tests import BootTest, boot_test, digests_of, spoil

pytestmark = [pytest.mark.boot, pytest.mark.appliance]

GATEWAY = "gw-north-01"
ELSEWHERE, VPN = "the same network", "the VPN"


@pytest.fixture(scope="module")
def key(demo_inputs: Path) -> Path:
    return demo_inputs / "keys" / "demo-user"


@pytest.fixture(scope="module")
def fine(built: Built, key: Path, tmp_path_factory: pytest.TempPathFactory) -> BootTest:
    before = digests_of(built.release)
    log = tmp_path_factory.mktemp("fine") / "log"
    tested = boot_test(built.workspace, GATEWAY, key, log)
    assert digests_of(built.release) == before
    assert stat.S_IMODE(log.stat().st_mode) == 0o700
    assert stat.S_IMODE((log / f"{GATEWAY}.log").stat().st_mode) == 0o600
    assert f"{GATEWAY} login:" in (log / f"{GATEWAY}.log").read_text()
    return tested


@pytest.fixture(scope="module")
def spoilt(built: Built, key: Path, demo_inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> BootTest:
    place = tmp_path_factory.mktemp("spoilt")
    spoil(built.release / GATEWAY, place / GATEWAY, demo_inputs / "keys" / "manifest-signer")
    return boot_test(built.workspace, str(place / GATEWAY), key, place / "log")


def test_it_does_what_its_manifest_says(fine: BootTest) -> None:
    assert fine.told["findings"] == []
    assert fine.status == 0
    for word in (
        f"login prompt of {GATEWAY}",
        "SSH on port 49153 with the manifest's host keys",
        "root and passwords refused",
        "login with the key",
        "started by sysv",
        "host name and machine id",
        "1 services off",
        "silent on mDNS's port",
        "users",
        "sysrq",
        "firewall rules in the kernel",
    ):
        assert word in fine.told["checks"], fine.text


def test_everything_it_is_to_start_does_start(fine: BootTest) -> None:
    assert [told for told in fine.told["noticed"] if "did not start" in told] == []


def test_from_outside_only_ssh_answers(fine: BootTest) -> None:
    # Modbus is for the gateway's own network, as the golden sample has it; nobody listens, so it is refused.
    assert {port: answer for port, answer in fine.answers("eth0", ELSEWHERE).items() if answer != "silent"} == {
        49153: "open",
        502: "refused",
    }
    elsewhere = fine.answers("eth1", ELSEWHERE)
    assert {port for port, answer in elsewhere.items() if answer != "silent"} == {49153}
    assert {22, 80, 443, 1450, 8000} <= set(elsewhere)


def test_no_secret_is_told(fine: BootTest, built: Built, key: Path) -> None:
    assert "PRIVATE KEY" not in fine.text
    assert key.read_text().splitlines()[2] not in fine.text


def test_with_somebody_behind_every_port_the_console_s_answers_the_vpn_only(spoilt: BootTest) -> None:
    """All but 8000, which this gateway's firewall opens against its manifest."""
    assert spoilt.told["findings"]
    opened = {port: {port: answer for port, answer in spoilt.answers("eth1", where).items() if answer == "open"}
              for port, where in ((0, ELSEWHERE), (1, VPN))}  # fmt: skip
    assert set(opened[0]) == {49153, 8000}
    assert set(opened[1]) == {49153, 8000, 80}
    silent = {port for port, answer in spoilt.answers("eth1", ELSEWHERE).items() if answer == "silent"}
    assert {22, 80, 443, 1450} <= silent


def test_every_broken_promise_is_named(spoilt: BootTest) -> None:
    assert spoilt.status == 1
    assert spoilt.findings == {
        ("login prompt", "host name"),
        ("host name", "identity"),
        ("SSH as root", "methods"),
        ("SSH as a user without a key", "methods"),
        ("port 22", "listening"),
        ("port 8000", "firewall"),
        ("iptables-save", "firewall"),
    }
