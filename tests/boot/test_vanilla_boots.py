"""The demo's vanilla image starts on a stock kernel, and is as open as the documents say a vanilla gateway is."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.demo.debian import ROOT_PASSWORD
from pipeline.image.boot.boot import boot
from pipeline.image.boot.guest import Guest

pytestmark = pytest.mark.boot


@pytest.fixture(scope="module")
def guest(demo_vanilla: Path) -> Iterator[Guest]:
    """The running gateway; afterwards its image must be untouched."""
    before = hashlib.sha256(demo_vanilla.read_bytes()).digest()
    with boot(demo_vanilla, ports=(22,)) as running:
        running.wait_for(r"^gateway login: ", 300)
        yield running
    assert hashlib.sha256(demo_vanilla.read_bytes()).digest() == before


@pytest.fixture(scope="module")
def password_helper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that tells ssh the password when it asks."""
    path = tmp_path_factory.mktemp("askpass") / "askpass"
    path.write_text(f"#!/bin/sh\necho {ROOT_PASSWORD}\n")
    path.chmod(0o700)
    return path


def on_gateway(guest: Guest, password_helper: Path, command: str) -> str:
    """What a command of root's writes, run by the real ssh with the vendor's password."""
    options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "PreferredAuthentications=password")
    done = subprocess.run(
        [
            "ssh",
            "-F",
            "none",
            *(f"-o{option}" for option in options),
            "-p",
            str(guest.port(22)),
            "root@127.0.0.1",
            command,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "SSH_ASKPASS": str(password_helper), "SSH_ASKPASS_REQUIRE": "force"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ssh_answers_with_keys_of_its_own(guest: Guest) -> None:
    assert guest.wait_for_banner(22, 60).startswith("SSH-2.0-OpenSSH_")
    scan = subprocess.run(
        ["ssh-keyscan", "-T", "30", "-t", "ed25519", "-p", str(guest.port(22)), "127.0.0.1"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert " ssh-ed25519 " in scan.stdout


def test_root_enters_with_the_vendors_password(guest: Guest, password_helper: Path) -> None:
    shown = on_gateway(
        guest, password_helper, "id -un; readlink /opt/eurotech/esf; cat /boot/uboot.env | head -c 4 | wc -c"
    )
    assert shown.split() == ["root", "/opt/eurotech/esf_5.0.0", "4"]


def test_the_default_firewall_is_in_effect(guest: Guest, password_helper: Path) -> None:
    rules = on_gateway(guest, password_helper, "iptables -S").splitlines()
    assert "-P INPUT DROP" in rules
    for port in (8000, 1450, 80):
        assert f"-A INPUT -i eth0 -p tcp -m tcp --dport {port} -j ACCEPT" in rules


def test_unneeded_services_run(guest: Guest, password_helper: Path) -> None:
    processes = on_gateway(guest, password_helper, "ps -eo comm=").split()
    assert {"avahi-daemon", "monit", "sshd"} <= set(processes)


def test_esf_says_that_it_has_no_java(guest: Guest) -> None:
    assert any("ESF is not started: no Java" in line for line in guest.console)
