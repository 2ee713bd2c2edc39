"""Kura 5.1 and later: the firewall of a gateway goes into its snapshot, proved closed as the files of others are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.esf.esf_snapshot import Configuration, Property, Snapshot
from pipeline.formats.esf.firewall_ports import parse_open_ports
from pipeline.model.gateway import Gateway, Interface
from pipeline.transforms import firewall
from pipeline.transforms.firewall.settings import PID
from tests.support.kura import KURA, a_kura, a_kura_golden, values_of, with_values, without
from tests.support.network import IPTABLES
from tests.support.release import a_release

HTTP = "org.eclipse.kura.http.server.manager.HttpService"
PID6 = "org.eclipse.kura.net.admin.ipv6.FirewallConfigurationServiceIPv6"
MILL = Gateway(
    "gw-mill-01",
    interfaces={
        "eth0": Interface("eth0", "lan", "static", "192.168.21.1/24"),
        "1-2": Interface("1-2", "disabled", "ppp"),
    },
)


def restricted(
    gateway: Gateway = MILL, change: Callable[[Snapshot], Snapshot] = lambda snapshot: snapshot
) -> dict[str, str | None]:
    layer, settings = firewall.restrict(a_kura_golden(change), a_kura(), a_release(), gateway)
    assert {str(entry.path) for entry in layer.entries} == {
        "/etc/sysctl.d/90-gateway-ipv6.conf", IPTABLES, f"{KURA}/.data/iptables",
    }  # fmt: skip
    return {name.removeprefix(f"{PID} "): value for name, value in values_of(settings).items()}


def test_ports_are_closed_the_console_is_the_vpn_s_and_ssh_moves() -> None:
    ports = parse_open_ports(restricted()["firewall.open.ports"] or "", "test")
    numbers = {entry.ports for entry in ports}
    assert not numbers & {"22", "8000", "1450"}
    assert "49153" in numbers
    assert {entry.network for entry in ports if entry.ports in ("443", "4443")} == {"10.234.0.0/16"}
    assert [entry.network for entry in ports if entry.ports == "5002"] == ["127.0.0.1/32"]
    assert "53" in numbers


def test_wherever_the_golden_sample_s_web_server_listens_it_is_closed_too() -> None:
    def change(snapshot: Snapshot) -> Snapshot:
        server = snapshot.get(HTTP) or Configuration(HTTP)
        server = server.with_properties(Property("http.ports", "Integer", ("8080", "80"), array=True))
        opened = with_values(PID, firewall_open_ports="22,tcp,,,,,,#;8080,tcp,,,,,,#;80,tcp,,eth0,,,,#")
        return opened(snapshot.with_configuration(server))

    ports = parse_open_ports(restricted(change=change)["firewall.open.ports"] or "", "test")
    assert {entry.network for entry in ports if entry.ports != "49153"} == {"10.234.0.0/16"}
    assert {entry.ports for entry in ports} == {"80", "443", "4443", "8080", "49153"}


def test_forwarding_and_translation_follow_the_gateway_s_networks() -> None:
    settings = restricted()
    assert settings["firewall.port.forwarding"] == "eth1,eth0,192.168.21.20,tcp,8502,502,true,198.51.100.0/24,,,#"
    assert settings["firewall.nat"] == "eth0,eth1,tcp,192.168.21.0/24,203.0.113.0/24,true,#"
    # Nothing is written where nothing moves.
    assert "firewall.nat" not in restricted(Gateway("gw-plain"))


def test_entries_of_disabled_interfaces_go() -> None:
    settings = restricted(Gateway("g", interfaces={"eth0": Interface("eth0", "disabled")}))
    assert settings["firewall.port.forwarding"] == settings["firewall.nat"] == ""
    assert ",eth0," not in (settings["firewall.open.ports"] or "")


def test_ipv6_opens_nothing() -> None:
    assert restricted()[f"{PID6} firewall.ipv6.open.ports"] == ""
    assert not any(PID6 in name for name in restricted(change=without(PID6)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without(PID), r"FirewallConfigurationService is missing"),
        (with_values(PID, firewall_open_ports="443,tcp,,,,,,#"), r"SSH \(port 49153\) cannot be reached"),
        (with_values(PID, firewall_open_ports="22,tcp,,,,,#"), r"does not have 7 fields"),
        (with_values(PID, firewall_nat="eth0,eth1,tcp,nowhere,,true,#"), r"'nowhere' is not an address"),
        (
            with_values(PID, firewall_port_forwarding="eth1"),
            r"firewall\.port\.forwarding: entry 'eth1' does not have 10",
        ),
    ],
)
def test_what_cannot_be_is_named(change: Callable[[Snapshot], Snapshot], message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        restricted(change=change)


def test_an_interface_with_a_dot_in_its_name_is_one() -> None:
    section = "org.eclipse.kura.net.admin.NetworkConfigurationService"

    def change(snapshot: Snapshot) -> Snapshot:
        component = snapshot.get(section) or Configuration(section)
        listed = component.get("net.interfaces")
        assert listed is not None
        added = replace(listed, values=(f"{listed.text},eth0.100",))
        status = Property("net.interface.eth0.100.config.ip4.status", "String", ("netIPv4StatusDisabled",))
        opened = with_values(PID, firewall_open_ports="22,tcp,,,,,,#;502,tcp,,eth0.100,,,,#;503,tcp,,eth0,,,,#")
        return opened(snapshot.with_configuration(component.with_properties(added, status)))

    ports = restricted(change=change)["firewall.open.ports"] or ""
    assert "503,tcp" in ports
    assert "502,tcp" not in ports
