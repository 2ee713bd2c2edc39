"""Systems like Red Hat's: ``ifcfg-<interface>`` files instead of ``/etc/network/interfaces``, decided by the image."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.network import ifcfg
from pipeline.model.gateway import Gateway
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, Removal
from pipeline.model.vanilla import Vanilla
from pipeline.transforms import firewall, network
from tests.support.network import GATEWAYS, INTERFACES, LAB, NORTH, SOUTH, a_golden, an_image
from tests.support.release import a_release, some_secrets
from tests.support.vanilla import ESF, LAYOUT

SCRIPTS = "/etc/sysconfig/network-scripts"
HEAD = "# Networking Interface\n"

ETH0 = f"""{HEAD}DEVICE=eth0
NAME=eth0
TYPE=ETHERNET
HWADDR=02:60:0C:5A:00:01
ONBOOT=yes
BOOTPROTO=static
IPADDR=192.168.10.1
PREFIX=24
DEFROUTE=no
"""
ETH1 = f"{HEAD}DEVICE=eth1\nNAME=eth1\nTYPE=ETHERNET\nONBOOT=yes\nBOOTPROTO=dhcp\nDEFROUTE=yes\n"
WLAN0 = f"""{HEAD}DEVICE=wlan0
NAME=wlan0
TYPE=WIFI
ONBOOT=yes
BOOTPROTO=static
IPADDR=172.16.1.1
NETMASK=255.255.255.0
DEFROUTE=no

#Wireless configuration
MODE=Master
"""
FILES: Mapping[str, str] = {"ifcfg-eth0": ETH0, "ifcfg-eth1": ETH1, "ifcfg-wlan0": WLAN0}


def exported(**changes: str | None) -> Golden:
    """The demo's golden sample as it were on Red Hat's; names with underscores for dashes."""
    files: dict[str, str | None] = {**FILES, **{name.replace("_", "-"): text for name, text in changes.items()}}
    return a_golden({INTERFACES: None, **{f"{SCRIPTS}/{name}": text for name, text in files.items()}})


def image(os_version: str = "rhel_7.3", files: Mapping[str, str] | None = None, generation: str = "A") -> Vanilla:
    start = f"java -Dkura.os.version={os_version} -Dkura.home=/x -jar x.jar &\n"
    vendor = {
        f"{ESF}/bin/start_kura_background.sh": start,
        f"{ESF}/bin/start_kura.sh": start,
        f"{SCRIPTS}/ifcfg-eth0": ETH1.replace("eth1", "eth0"),
        f"{SCRIPTS}/ifcfg-eth5": ETH1.replace("eth1", "eth5"),
        f"{SCRIPTS}/ifcfg-lo": "DEVICE=lo\n",
        f"{ESF}/.data/ifcfg-eth0": ETH1.replace("eth1", "eth0"),
    }
    return an_image({**vendor, **(files or {})}, layout=replace(LAYOUT, generation=generation))


def restored(gateway: Gateway, golden: Golden | None = None, vanilla: Vanilla | None = None) -> Layer:
    layer, _ = network.restore(golden or exported(), vanilla or image(), a_release(), gateway, some_secrets())
    return layer


def text(layer: Layer, name: str) -> str:
    entry = layer.by_path[GuestPath(f"{SCRIPTS}/ifcfg-{name}" if "/" not in name else name)]
    assert isinstance(entry, FileEntry)
    return entry.content.decode()


def test_the_inventory_s_addresses_and_no_hardware_address() -> None:
    layer = restored(NORTH)
    assert text(layer, "eth0") == ETH0.replace("192.168.10.1", "192.168.11.1").replace("HWADDR=02:60:0C:5A:00:01\n", "")
    assert text(layer, "eth1") == ETH1
    changed = WLAN0.replace("172.16.1.1", "172.16.11.1").replace("NETMASK=255.255.255.0\n", "")
    assert text(layer, "wlan0") == changed.replace("DEFROUTE=no\n", "DEFROUTE=no\nPREFIX=24\n")
    assert GuestPath(INTERFACES) not in layer.by_path


def test_a_disabled_interface_keeps_its_file_and_is_not_started() -> None:
    assert text(restored(SOUTH), "wlan0") == WLAN0.replace("ONBOOT=yes", "ONBOOT=no")


def test_a_static_address_in_place_of_dhcp_with_router_and_name_servers() -> None:
    file = ifcfg.parse(text(restored(LAB), "eth1"), "test")
    assert {key: file.get(key) for key in ("BOOTPROTO", "IPADDR", "PREFIX", "GATEWAY", "DNS1", "DEFROUTE")} == {
        "BOOTPROTO": "static",
        "IPADDR": "192.0.2.33",
        "PREFIX": "24",
        "GATEWAY": "192.0.2.1",
        "DNS1": "192.0.2.53",
        "DEFROUTE": "yes",
    }


def test_what_the_image_brings_for_other_interfaces_goes_and_a_reset_restores_ours() -> None:
    layer = restored(NORTH)
    assert isinstance(layer.by_path[GuestPath(f"{SCRIPTS}/ifcfg-eth5")], Removal)
    assert GuestPath(f"{SCRIPTS}/ifcfg-lo") not in layer.by_path
    assert text(layer, f"{ESF}/.data/ifcfg-eth0") == text(layer, "eth0")


def test_the_firewall_follows_the_networks_of_these_files() -> None:
    golden = exported()
    layer, _ = firewall.restrict(golden, image(), a_release(), NORTH)
    entry = layer.by_path[GuestPath("/etc/sysconfig/iptables")]
    assert isinstance(entry, FileEntry)
    same, _ = firewall.restrict(a_golden(), an_image(), a_release(), NORTH)
    assert entry == same.by_path[entry.path]


@pytest.mark.parametrize(
    ("os_version", "generation", "debian"),
    [
        ("yocto_1.2.1", "A", True),
        ("raspbian", "A", True),
        ("debian", "A", True),
        ("ubuntu_14.04", "A", True),
        ("yocto_1.6.1_edison", "A", True),
        ("fedora", "A", False),
        ("rhel_7.3", "A", False),
        ("ubuntu_18", "A", False),  # a name of later generations
        ("ubuntu_18", "B", True),
        ("centos_7", "B", False),
    ],
)
def test_kura_os_version_decides(os_version: str, generation: str, debian: bool) -> None:
    vanilla = image(os_version, generation=generation)
    if debian:
        with pytest.raises(PipelineError, match=r"framework keeps /etc/network/interfaces \(-Dkura\.os\.version="):
            restored(NORTH, vanilla=vanilla)
        assert GuestPath(INTERFACES) in restored(NORTH, a_golden(), vanilla).by_path
    else:
        with pytest.raises(PipelineError, match=r"framework keeps ifcfg files \(-Dkura\.os\.version="):
            restored(NORTH, a_golden(), vanilla)
        assert GuestPath(f"{SCRIPTS}/ifcfg-eth0") in restored(NORTH, vanilla=vanilla).by_path


def test_an_image_that_does_not_say_takes_what_the_golden_sample_has() -> None:
    vanilla = an_image()
    assert GuestPath(f"{SCRIPTS}/ifcfg-eth0") in restored(NORTH, vanilla=vanilla).by_path
    assert GuestPath(INTERFACES) in restored(NORTH, a_golden(), vanilla).by_path


@pytest.mark.parametrize(
    ("golden", "message"),
    [
        (a_golden({f"{SCRIPTS}/ifcfg-eth0": ETH0}), r"has both /etc/network/interfaces and /etc/sysconfig/network-sc"),
        (exported(ifcfg_eth0=ETH0.replace("DEVICE=eth0", "DEVICE=eth9")), r"line 2: is for 'eth9', not eth0"),
        (exported(ifcfg_eth1=ETH1.replace("ONBOOT=yes", "ONBOOT=no")),
         r"kuranet\.conf: line 9: eth1: start at boot is on, but off in .*ifcfg-eth1: line 5"),
        (exported(ifcfg_eth1=None), r"eth1 is wan, but the export has no ifcfg-eth1"),
        (exported(ifcfg_eth0=ETH0.replace("192.168.10.1", "192.168.10.300")), r"ifcfg-eth0: line 8: "),
        (exported(ifcfg_eth0=ETH0 + "rm -rf /\n"), r"ifcfg-eth0: line 11: expected KEY=value"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named(golden: Golden, message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        restored(NORTH, golden)


@pytest.mark.tools
@pytest.mark.parametrize("gateway", GATEWAYS, ids=lambda gateway: gateway.name)
def test_a_shell_reads_the_values_as_we_do(gateway: Gateway, tmp_path: Path) -> None:
    layer = restored(gateway)
    for name in ("eth0", "eth1", "wlan0"):
        file = tmp_path / f"ifcfg-{name}"
        file.write_text(text(layer, name))
        keys = ifcfg.parse(file.read_text(), "test").keys
        script = '. "$1"; shift; for key; do eval "printf \'%s\\\\n\' \\"\\$$key\\""; done'
        done = subprocess.run(
            ["sh", "-euc", script, "sh", str(file), *keys], capture_output=True, text=True, check=True, env={}
        )
        assert done.stdout.splitlines() == [ifcfg.parse(file.read_text(), "test").get(key) for key in keys]
