"""The virtual machine's network, and what a guest tells that talks, stays silent or stops."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network

import pytest

from pipeline.errors import PipelineError
from pipeline.image.boot import GuestNetwork, netdev
from pipeline.image.guest import Guest


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


def test_default_network_forwards_to_the_leased_address() -> None:
    assert netdev({22: 4022, 80: 4080}, None) == (
        "user,id=net,hostfwd=tcp:127.0.0.1:4022-:22,hostfwd=tcp:127.0.0.1:4080-:80"
    )


@pytest.mark.parametrize("own", ["192.168.7.10", "192.168.7.254", "192.168.7.252", "192.168.7.1"])
def test_a_fixed_address_is_never_taken_by_qemu(own: str) -> None:
    option = netdev({22: 4022}, GuestNetwork(IPv4Network("192.168.7.0/24"), IPv4Address(own)))
    words = dict(word.split("=", 1) for word in option.split(",")[2:])
    assert words["net"] == "192.168.7.0/24"
    assert words["hostfwd"] == f"tcp:127.0.0.1:4022-{own}:22"
    taken = [words["host"], words["dns"], words["dhcpstart"]]
    assert len({*taken, own}) == 4
    assert all(IPv4Address(address) in IPv4Network("192.168.7.0/24") for address in taken)


@pytest.mark.parametrize(("network", "own"), [("192.168.7.0/24", "10.0.0.1"), ("192.168.7.0/30", "192.168.7.1")])
def test_an_address_outside_its_network_is_refused(network: str, own: str) -> None:
    with pytest.raises(PipelineError, match="no address of a gateway"):
        netdev({}, GuestNetwork(IPv4Network(network), IPv4Address(own)))
