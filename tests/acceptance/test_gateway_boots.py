"""A finished image starts on a stock kernel, lets its user in on the new port, and nobody else anywhere."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from pipeline.image.boot import boot
from pipeline.image.guest import Guest
from pipeline.image.guest_network import GuestNetwork, Nic
from tests.acceptance.conftest import Built

pytestmark = [pytest.mark.boot, pytest.mark.appliance]

GATEWAY = "gw-north-01"
NETWORK = GuestNetwork(IPv4Network("192.168.11.0/24"), IPv4Address("192.168.11.1"))
OPTIONS = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ConnectTimeout=30", "LogLevel=ERROR")
# Another machine, in the gateway's own kernel: a namespace at the end of a cable, with an address in the VPN and one
# elsewhere. Something listens on every port that is asked for, so that silence is the firewall's.
ANOTHER_MACHINE = """
set -e
/usr/sbin/sshd -f /dev/null -o PidFile=none -p 22 -p 80 -p 443 -p 1450 -p 8000
ip netns add away
ip link add near type veth peer name far
ip link set far netns away
ip address add 10.234.0.1/16 dev near
ip address add 192.0.2.1/24 dev near
ip link set near up
ip -netns away address add 10.234.0.2/16 dev far
ip -netns away address add 192.0.2.2/24 dev far
ip -netns away link set far up
ask() { timeout 5 $3 bash -c ": </dev/tcp/$1/$2" 2>/dev/null && echo "$1 $2 open" || echo "$1 $2 $?"; }
for port in 22 80 443 1450 8000 49153; do
    ask 127.0.0.1 $port ""
    ask 10.234.0.1 $port "ip netns exec away"
    ask 192.0.2.1 $port "ip netns exec away"
done
"""
SILENCE = "124"  # timeout(1): nothing came back, not even a refusal


@pytest.fixture(scope="module")
def guest(built: Built) -> Iterator[Guest]:
    with boot(built.image(GATEWAY), ports=(49153, 22, 80, 8000, 1450), nics=[Nic(NETWORK)]) as running:
        running.wait_for(rf"^{GATEWAY} login: ", 400)
        yield running


def ssh(
    guest: Guest, user: str, command: str, *, key: Path | None, extra: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    identity = ("-i", str(key), "-o", "IdentitiesOnly=yes") if key is not None else ("-o", "PubkeyAuthentication=no")
    options = [part for option in (*OPTIONS, *extra) for part in ("-o", option)]
    return subprocess.run(
        ["ssh", "-F", "none", *options, *identity, "-p", str(guest.port(49153)), f"{user}@127.0.0.1", command],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "SSH_ASKPASS": "/bin/false", "SSH_ASKPASS_REQUIRE": "force"},
    )


@pytest.fixture(scope="module")
def key(demo_inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("key") / "key"
    copy.write_bytes((demo_inputs / "keys" / "demo-user").read_bytes())
    copy.chmod(0o600)
    return copy


def test_the_user_gets_in_with_the_key_and_may_become_root(guest: Guest, key: Path) -> None:
    guest.wait_for_banner(49153, 120)
    done = ssh(guest, "technician", "hostname; id -un; sudo -n id -un; cat /proc/sys/kernel/sysrq", key=key)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [GATEWAY, "technician", "root", "0"]


def test_the_host_key_is_the_one_of_the_manifest(guest: Guest, built: Built) -> None:
    done = subprocess.run(
        ["ssh-keyscan", "-T", "60", "-t", "ed25519", "-p", str(guest.port(49153)), "127.0.0.1"],
        capture_output=True,
        text=True,
        check=False,
    )
    scanned = [" ".join(line.split()[1:3]) for line in done.stdout.splitlines() if not line.startswith("#")]
    manifest = (built.release / GATEWAY / "manifest.json").read_text()
    assert scanned
    assert all(line in manifest for line in scanned)


def test_root_is_refused_even_with_a_key(guest: Guest, key: Path) -> None:
    done = ssh(guest, "root", "true", key=key)
    assert done.returncode == 255
    assert "Permission denied" in done.stderr


def test_passwords_are_refused(guest: Guest) -> None:
    done = ssh(guest, "technician", "true", key=None, extra=("PreferredAuthentications=password,keyboard-interactive",))
    assert done.returncode == 255
    assert "Permission denied (publickey)" in done.stderr


@pytest.mark.parametrize("port", [22, 80, 8000, 1450])
def test_nothing_else_answers(guest: Guest, port: int) -> None:
    with socket.create_connection(("127.0.0.1", guest.port(port)), timeout=20) as connection:
        connection.settimeout(20)
        # QEMU takes the connection itself; what the gateway does not answer is closed or stays silent.
        with suppress(TimeoutError, ConnectionResetError):
            assert connection.recv(64) == b""


def test_avahi_does_not_run(guest: Guest, key: Path) -> None:
    done = ssh(guest, "technician", "sudo -n ps -e -o comm", key=key)
    assert done.returncode == 0, done.stderr
    assert "avahi-daemon" not in done.stdout
    assert "sshd" in done.stdout


def test_only_ssh_answers_from_elsewhere_and_the_console_from_the_vpn_too(guest: Guest, key: Path) -> None:
    """With packets that come in by an interface and from an address that the rules do not name, but for the VPN's."""
    done = ssh(guest, "technician", f"sudo -n bash -c '{ANOTHER_MACHINE}'", key=key)
    assert done.returncode == 0, done.stderr
    answers = {(address, int(port)): answer for address, port, answer in map(str.split, done.stdout.splitlines())}
    ports = (22, 80, 443, 1450, 8000, 49153)
    assert {port: answers["127.0.0.1", port] for port in ports} == dict.fromkeys(ports, "open")
    closed = dict.fromkeys(ports, SILENCE) | {49153: "open"}
    assert {port: answers["192.0.2.1", port] for port in ports} == closed
    assert {port: answers["10.234.0.1", port] for port in ports} == closed | {80: "open"}
