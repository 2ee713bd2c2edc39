"""Kura 5.1 and later: the network of a gateway goes into its snapshot, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.errors import PipelineError
from pipeline.model.gateway import Gateway, Interface
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import Layer
from pipeline.transforms import network
from pipeline.transforms.network.kura import PID
from tests.support.kura import a_kura, a_kura_golden, values_of, with_values, without
from tests.support.release import a_release, some_secrets

MILL = Gateway(
    "gw-mill-01",
    interfaces={
        "eth0": Interface("eth0", "lan", "static", "192.168.21.1/24", dhcp_range=("192.168.21.50", "192.168.21.60")),
        "wlan0": Interface("wlan0", "lan", "static", "172.16.21.1/24", ssid="mill_ap", channel=6),
        "1-2": Interface("1-2", "disabled", "ppp"),
    },
)
GOLDEN = a_kura_golden()


def restored(gateway: Gateway, golden: Golden = GOLDEN) -> tuple[Layer, dict[str, str | None]]:
    layer, settings = network.restore(golden, a_kura(), a_release(), gateway, some_secrets())
    assert {setting.pid for setting in settings} == {PID}
    return layer, {name.removeprefix(f"{PID} net.interface."): value for name, value in values_of(settings).items()}


def test_settings_and_no_files() -> None:
    layer, settings = restored(MILL)
    assert layer == Layer()
    assert settings["eth0.config.ip4.address"] == "192.168.21.1"
    assert settings["eth0.config.ip4.prefix"] == "24"
    assert settings["eth0.config.dhcpServer4.rangeStart"] == "192.168.21.50"
    assert settings["wlan0.config.wifi.master.ssid"] == "mill_ap"
    assert settings["wlan0.config.wifi.master.passphrase"] == some_secrets().wifi_passphrase
    assert settings["wlan0.config.dhcpServer4.rangeEnd"] == "172.16.21.110"  # its host part, in the new network
    assert settings["1-2.config.ip4.status"] == "netIPv4StatusDisabled"
    assert settings["1-2.config.password"] is None
    assert not any("autoconnect" in name for name in settings)


def test_what_the_inventory_does_not_name_stays_as_the_golden_sample_has_it() -> None:
    _, settings = restored(Gateway("gw-plain"))
    # Only what is each gateway's own, and IPv6, which is off.
    assert sorted(name for name in settings if not name.startswith("wlan0.")) == ["eth1.config.ip6.status"]
    assert settings["eth1.config.ip6.status"] == "netIPv6StatusDisabled"
    assert sorted(settings)[1:] == [
        f"wlan0.config.wifi.master.{key}" for key in ("groupCiphers", "pairwiseCiphers", "passphrase", "securityType")
    ]


def test_a_modem_by_its_usb_port() -> None:
    gateway = Gateway("gw-quarry", interfaces={"1-2": Interface("1-2", "wan", "ppp", apn="quarry.example")})
    _, settings = restored(gateway)
    assert settings["1-2.config.apn"] == "quarry.example"
    assert settings["1-2.config.enabled"] == "true"
    assert "1-2.config.password" not in settings


def test_an_export_may_hold_linux_files_and_they_stay_behind() -> None:
    golden = replace(
        GOLDEN, network={GuestPath("/etc/network/interfaces"): b"iface eth0 inet nonsense of the framework\n"}
    )
    layer, _ = restored(MILL, golden)
    assert layer == Layer()


def spoilt(**values: str) -> Golden:
    return a_kura_golden(with_values(PID, **values))


@pytest.mark.parametrize(
    ("golden", "gateway", "message"),
    [
        (a_kura_golden(without(PID)), MILL, r"NetworkConfigurationService is missing"),
        (spoilt(net_interface_eth0_config_ip4_address="10.0.0"), MILL, r"net\.interface\.eth0: "),
        (spoilt(net_interface_eth0_config_dhcpServer4_rangeEnd=""), MILL, r"net\.interface\.eth0"),
        (spoilt(net_interface_wlan0_config_ip4_prefix="60"), MILL, r"net\.interface\.wlan0"),
        (GOLDEN, Gateway("g", interfaces={"eth7": Interface("eth7", "lan")}), r"eth7 is not one of .*1-2, eth0"),
        (GOLDEN, Gateway("g", interfaces={"eth1": Interface("eth1", "lan", "static", "10.9.9.1/24")}),
         "is to be lan, but wan on the golden sample"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named(golden: Golden, gateway: Gateway, message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        restored(gateway, golden)


def test_a_weak_passphrase_is_refused() -> None:
    with pytest.raises(PipelineError, match="passphrase is too short"):
        network.restore(GOLDEN, a_kura(), a_release(), MILL, some_secrets(wifi_passphrase="testKEYS"))
