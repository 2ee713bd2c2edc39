"""The virtual machine's network, and what a guest tells that talks, stays silent or stops."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network

import pytest

from pipeline.errors import PipelineError
from pipeline.image.boot.guest import Guest
from pipeline.image.boot.guest_network import GuestNetwork, Nic, nic_options, own_addresses


@contextmanager
def guest(program: str, ports: dict[int, int] | None = None) -> Iterator[Guest]:
    """Something that writes to a console without being a virtual machine."""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    running = Guest(process, {} if ports is None else ports)
    try:
        yield running
    finally:
        running.stop()


def test_console_is_read_line_by_line_and_can_be_typed_on() -> None:
    program = "print('one\\r'); print('login: ', end='', flush=True); print('hello ' + input()); input()"
    with guest(program) as machine:
        machine.wait_for(r"^login: $", 20)
        assert machine.console == ("one", "login: ")
        machine.type("root\n")
        assert machine.wait_for(r"hello (\w+)", 20)[1] == "root"


def test_a_machine_that_stops_is_noticed_at_once() -> None:
    with guest("print('Kernel panic')") as machine, pytest.raises(PipelineError, match="the machine stopped") as caught:
        machine.wait_for("login:", 600)
    assert "Kernel panic" in caught.value.problems[0].remedy


def test_a_silent_machine_is_given_up() -> None:
    with guest("input()") as machine, pytest.raises(PipelineError, match=r"not within 0\.1 s") as caught:
        machine.wait_for("login:", 0.1)
    assert "(nothing)" in caught.value.problems[0].remedy


def test_a_banner_counts_only_when_something_answers() -> None:
    server = (
        "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)\n"
        "c, _ = s.accept(); c.close()\n"
        "c, _ = s.accept(); c.sendall(b'SSH-2.0-demo\\r\\n'); input()"
    )
    ports: dict[int, int] = {}
    with guest(server, ports) as machine:
        ports[22] = int(machine.wait_for(r"^(\d+)$", 20)[1])
        assert machine.wait_for_banner(22, 20) == "SSH-2.0-demo"


def test_no_banner_is_an_error() -> None:
    with guest("", {22: 1}) as machine, pytest.raises(PipelineError, match="nothing answered on its port 22"):
        machine.wait_for_banner(22, 0.1)


def words_of(option: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in option.split(",") if "=" in word)


def test_an_unknown_interface_is_given_an_address_and_leads_nowhere() -> None:
    _, lan, _, device = nic_options(0, Nic(), {22: 4022})
    assert words_of(lan)["hostfwd"] == "tcp:127.0.0.1:4022-10.0.2.15:22"
    assert words_of(lan)["restrict"] == "on"
    assert words_of(lan)["ipv6"] == "off"
    assert words_of(device)["netdev"] == words_of(lan)["id"]
    second = nic_options(1, Nic(), {})
    assert words_of(second[1])["net"] != words_of(lan)["net"]
    assert words_of(second[3])["mac"] != words_of(device)["mac"]


@pytest.mark.parametrize("own", ["192.168.7.10", "192.168.7.254", "192.168.7.252", "192.168.7.1"])
def test_a_fixed_address_is_never_taken_by_qemu_and_is_what_it_leases(own: str) -> None:
    taken = frozenset({IPv4Address("192.168.7.253")})
    place = GuestNetwork(IPv4Network("192.168.7.0/24"), IPv4Address(own), taken)
    words = words_of(nic_options(0, Nic(place), {22: 4022})[1])
    assert words["net"] == "192.168.7.0/24"
    assert words["hostfwd"] == f"tcp:127.0.0.1:4022-{own}:22"
    assert words["dhcpstart"] == own
    host, names = own_addresses(place)
    assert (words["host"], words["dns"]) == (str(host), str(names))
    assert len({host, names, IPv4Address(own), *taken}) == 4
    assert {host, names} <= set(place.network.hosts())


def test_a_wire_sees_every_frame_of_its_network() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        options = nic_options(1, Nic(None, theirs), {})
        netdevs = [
            words_of(option) for name, option in zip(options[::2], options[1::2], strict=True) if name == "-netdev"
        ]
        assert {"id": "wire1", "fd": str(theirs.fileno())} in netdevs
        hub = [words.get("netdev", words["id"]) for words in netdevs if words.get("hubid") == "1"]
        assert hub == ["lan1", "wire1", "nic1"]
        assert words_of(options[-1])["netdev"] == "nic1"


@pytest.mark.parametrize(("network", "own"), [("192.168.7.0/24", "10.0.0.1"), ("192.168.7.0/30", "192.168.7.1")])
def test_an_address_outside_its_network_is_refused(network: str, own: str) -> None:
    with pytest.raises(PipelineError, match="no address of a gateway"):
        nic_options(0, Nic(GuestNetwork(IPv4Network(network), IPv4Address(own))), {})
