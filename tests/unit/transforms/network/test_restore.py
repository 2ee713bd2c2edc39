"""The network of each gateway: files, snapshot settings, and what goes away."""

from __future__ import annotations

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.esf import kuranet
from pipeline.formats.network import interfaces
from pipeline.model.gateway import Gateway, Interface
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, FileEntry, Layer, LinkEntry, Removal
from pipeline.model.setting import SnapshotSetting
from pipeline.model.vanilla import Vanilla
from pipeline.transforms import network
from tests.support.network import (
    AS_GOLDEN,
    CHAT,
    DHCPD,
    GATEWAYS,
    HOSTAPD,
    INTERFACES,
    KURANET,
    LAB,
    NAMED,
    NORTH,
    PEER,
    PPP0,
    SOUTH,
    STATION,
    a_gateway_with,
    a_golden,
    an_image,
    replaced,
)
from tests.support.release import a_release, some_secrets
from tests.support.vanilla import ESF

PASSPHRASE = some_secrets().wifi_passphrase


def restored(
    gateway: Gateway, golden: Golden | None = None, image: Vanilla | None = None
) -> tuple[Layer, dict[str, str]]:
    layer, settings = network.restore(golden or a_golden(), image or an_image(), a_release(), gateway, some_secrets())
    return layer, by_name(settings)


def by_name(settings: tuple[SnapshotSetting, ...]) -> dict[str, str]:
    assert all(setting.values is None or len(setting.values) == 1 for setting in settings)
    return {setting.name.removeprefix("net.interface."): (setting.values or ("removed",))[0] for setting in settings}


def text(layer: Layer, path: str) -> str:
    entry = layer.by_path[GuestPath(path)]
    assert isinstance(entry, FileEntry)
    return entry.content.decode()


def problems(gateway: Gateway, golden: Golden | None = None, image: Vanilla | None = None) -> list[str]:
    with pytest.raises(PipelineError) as caught:
        restored(gateway, golden, image)
    return [problem.what for problem in caught.value.problems]


def test_addresses_move_in_every_file_and_in_the_snapshot() -> None:
    layer, settings = restored(NORTH)
    eth0 = interfaces.parse(text(layer, INTERFACES), "f").iface("eth0")
    assert eth0 is not None
    assert (eth0.get("address"), eth0.get("netmask")) == ("192.168.11.1", "255.255.255.0")
    assert "subnet 192.168.11.0 netmask 255.255.255.0" in text(layer, DHCPD)
    assert "range 192.168.11.50 192.168.11.60;" in text(layer, DHCPD)
    assert "allow-query { 127.0.0.1/32; 192.168.11.0/24; 172.16.11.0/24; };" in text(layer, NAMED)
    assert settings["eth0.config.ip4.address"] == "192.168.11.1"
    assert settings["eth0.config.dhcpServer4.rangeEnd"] == "192.168.11.60"


def test_a_dhcp_range_that_is_not_given_moves_with_the_address() -> None:
    layer, settings = restored(NORTH)
    assert "range 172.16.11.100 172.16.11.110;" in text(layer, "/etc/dhcpd-wlan0.conf")
    assert settings["wlan0.config.dhcpServer4.rangeStart"] == "172.16.11.100"


def test_the_access_point_is_the_gateway_s_own() -> None:
    layer, settings = restored(NORTH)
    hostapd = text(layer, HOSTAPD).splitlines()
    wanted = {"ssid=north_ap", "channel=6", "wpa=2", f"wpa_passphrase={PASSPHRASE}", "wpa_pairwise=CCMP", "auth_algs=1"}
    assert wanted <= set(hostapd)
    assert not any(line.startswith("bssid") for line in hostapd)
    assert settings["wlan0.config.wifi.master.ssid"] == "north_ap"
    assert settings["wlan0.config.wifi.master.passphrase"] == PASSPHRASE


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_the_golden_passphrase_reaches_no_gateway(gateway: Gateway) -> None:
    layer, settings = restored(gateway)
    assert not any(b"Golden-Sample-Air" in entry.content for entry in layer.files())
    assert settings["wlan0.config.wifi.master.passphrase"] == PASSPHRASE


def test_old_kinds_of_wifi_protection_are_replaced() -> None:
    weak = replaced(
        HOSTAPD, ("wpa=2", "wpa=3\nwpa_psk=" + 64 * "a" + "\nwep_key0=12345\nwps_state=2\nrsn_pairwise=TKIP")
    )
    hostapd = text(restored(AS_GOLDEN, a_golden(weak))[0], HOSTAPD)
    assert "wpa=2\n" in hostapd
    assert "rsn_pairwise=CCMP\n" in hostapd
    assert not any(key in hostapd for key in ("wpa_psk", "wep_key", "wps_state"))


@pytest.mark.parametrize("gateway", [SOUTH, LAB])
def test_a_disabled_interface_is_off_everywhere(gateway: Gateway) -> None:
    layer, settings = restored(gateway)
    assert "wlan0" not in interfaces.parse(text(layer, INTERFACES), "f").automatic
    state = kuranet.parse(text(layer, KURANET), "f")
    assert state.get("wlan0", "config.ip4.status") == "netIPv4StatusDisabled"
    assert state.get("wlan0", "config.dhcpServer4.enabled") == "false"
    assert isinstance(layer.by_path[GuestPath(HOSTAPD)], Removal)  # the vendor's, with its default passphrase
    assert isinstance(layer.by_path[GuestPath(f"{ESF}/.data/hostapd-wlan0.conf")], Removal)
    assert not {GuestPath(STATION), GuestPath("/etc/dhcpd-wlan0.conf")} & layer.by_path.keys()
    assert "172.16.1.0" not in text(layer, NAMED)
    assert settings["wlan0.config.ip4.status"] == "netIPv4StatusDisabled"
    assert settings["wlan0.config.autoconnect"] == "false"


def test_a_disabled_interface_keeps_no_login() -> None:
    _, settings = restored(LAB)
    assert settings["ppp0.config.password"] == settings["ppp0.config.username"] == "removed"
    assert settings["wlan0.config.wifi.infra.passphrase"] == "removed"
    assert "ppp0.config.password" not in restored(SOUTH)[1]


def test_a_static_up_link() -> None:
    layer, settings = restored(LAB)
    assert "iface eth1 inet static\n\taddress 192.0.2.33\n\tnetmask 255.255.255.0\n\tgateway 192.0.2.1\n" in text(
        layer, INTERFACES
    )
    assert "\t#dns-nameservers 192.0.2.53\n" in text(layer, INTERFACES)
    assert "forwarders { 192.0.2.53; };" in text(layer, NAMED)
    assert settings["eth1.config.ip4.gateway"] == "192.0.2.1"
    assert settings["eth1.config.dhcpClient4.enabled"] == "false"


def test_cellular_files_link_and_apn() -> None:
    layer, settings = restored(SOUTH)
    link = layer.by_path[GuestPath(PPP0)]
    assert isinstance(link, LinkEntry)
    assert link.target == PEER
    assert 'AT+CGDCONT=1,"IP","south.example"' in text(layer, CHAT)
    assert settings["ppp0.config.apn"] == "south.example"
    secrets = layer.by_path[GuestPath("/etc/ppp/chap-secrets")]
    assert isinstance(secrets, FileEntry)
    assert (secrets.mode, secrets.secret) == (0o600, True)


@pytest.mark.parametrize("links", [{PPP0: None}, {PPP0: "LE910_2-1"}])
def test_the_link_is_literal_and_made_where_the_export_lost_it(links: dict[str, str | None]) -> None:
    link = restored(SOUTH, a_golden(links=links))[0].by_path[GuestPath(PPP0)]
    assert isinstance(link, LinkEntry)
    assert link.target == PEER


@pytest.mark.parametrize("gateway", [NORTH, LAB])
def test_without_cellular_nothing_below_ppp_is_written(gateway: Gateway) -> None:
    vendor = an_image({"/etc/ppp/chap-secrets": "# none\n"}, links={PPP0: "/etc/ppp/peers/old"})
    layer, _ = restored(gateway, image=vendor)
    below = {path: entry for path, entry in layer.by_path.items() if path.startswith("/etc/ppp")}
    assert [(path, type(entry)) for path, entry in below.items()] == [(PPP0, Removal)]


def test_what_a_distribution_keeps_below_ppp_stays_the_target_s() -> None:
    layer, _ = restored(SOUTH, a_golden({"/etc/ppp/options": "lock\n", "/etc/ppp/ip-up": "#!/bin/sh\n"}))
    assert not {GuestPath("/etc/ppp/options"), GuestPath("/etc/ppp/ip-up")} & layer.by_path.keys()


def test_secrets_are_for_root_only() -> None:
    layer, _ = restored(AS_GOLDEN)
    modes = {str(entry.path): (oct(entry.mode), entry.secret) for entry in layer.files()}
    assert modes[HOSTAPD] == modes[f"{ESF}/.data/hostapd-wlan0.conf"] == ("0o600", True)
    assert modes[STATION] == ("0o600", False)
    assert modes[INTERFACES] == modes[KURANET] == modes[PEER] == ("0o644", False)


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_hardware_addresses_stay_behind(gateway: Gateway) -> None:
    for entry in restored(gateway)[0].files():
        assert b"02:60:0c" not in entry.content.lower(), entry.path
        assert b"02600c" not in entry.content.lower(), entry.path


def test_restore_copies_are_the_live_files() -> None:
    layer, _ = restored(NORTH)
    for copy, live in (("interfaces", INTERFACES), ("kuranet.conf", KURANET), ("hostapd-wlan0.conf", HOSTAPD)):
        assert text(layer, f"{ESF}/.data/{copy}") == text(layer, live)
    assert GuestPath(f"{ESF}/.data/dhcpd-eth0.conf") not in layer.by_path  # the image has none
    assert GuestPath(f"{ESF}/.data/snapshot_0.xml") not in layer.by_path  # another transform's


def test_directories_that_are_missing_are_made() -> None:
    golden = a_golden(replaced(PEER, ("/etc/ppp/scripts/", "/etc/ppp/kura/")))
    golden = a_golden(
        {
            PEER: golden.network[GuestPath(PEER)],
            "/etc/ppp/kura/chat_LE910_2-1": golden.network[GuestPath(CHAT)],
            "/etc/ppp/kura/disconnect_LE910_2-1": "ABORT\tBUSY\n",
        }
    )
    made = restored(SOUTH, golden)[0].by_path[GuestPath("/etc/ppp/kura")]
    assert isinstance(made, DirEntry)


def test_the_same_input_gives_the_same_layer() -> None:
    assert restored(NORTH) == restored(NORTH)


def test_udhcpd_devices() -> None:
    udhcpd = (
        "start 192.168.10.100\nend 192.168.10.110\ninterface eth0\nopt subnet 255.255.255.0\nopt router 192.168.10.1\n"
    )
    golden = a_golden({DHCPD: None, "/etc/udhcpd-eth0.conf": udhcpd})
    layer, _ = restored(NORTH, golden)
    assert text(layer, "/etc/udhcpd-eth0.conf").splitlines() == [
        "start 192.168.11.50",
        "end 192.168.11.60",
        "interface eth0",
        "opt subnet 255.255.255.0",
        "opt router 192.168.11.1",
    ]


@pytest.mark.parametrize("line", ["start 192.168.10.100\n", "end 192.168.10.110\n"])
def test_a_range_of_busybox_s_own_is_refused(line: str) -> None:
    text = "start 192.168.10.100\nend 192.168.10.110\ninterface eth0\n".replace(line, "")
    found = problems(AS_GOLDEN, a_golden({DHCPD: None, "/etc/udhcpd-eth0.conf": text}))
    assert found == ["golden: /etc/udhcpd-eth0.conf: has no first or no last address"]


def test_a_wifi_client_keeps_its_network_and_loses_the_access_point_s_address() -> None:
    station = 'network={\n    ssid="site"\n    psk="site-passphrase"\n    bssid=02:60:0c:00:00:01\n}\n'
    client = a_golden(
        {
            **replaced(KURANET, ("wlan0.config.wifi.mode=MASTER", "wlan0.config.wifi.mode=INFRA")),
            STATION: station,
        }
    )
    layer, _ = restored(a_gateway_with(wlan0=Interface("wlan0", "lan", "static", "172.16.1.1/24", ssid="hall")), client)
    assert text(layer, STATION) == 'network={\n    ssid="hall"\n    psk="site-passphrase"\n}\n'
    assert GuestPath(HOSTAPD) in layer.by_path
    assert isinstance(layer.by_path[GuestPath(HOSTAPD)], Removal)


def kura(key: str, old: str, new: str) -> dict[str, str | bytes | None]:
    return {**replaced(KURANET, (f"{key}={old}", f"{key}={new}"))}


REFUSED: list[tuple[str, Gateway, dict[str, str | bytes | None], str]] = [
    ("unknown interface", a_gateway_with(eth7=Interface("eth7", "lan")), {}, "interface eth7 is not one of the golden"),
    ("role", a_gateway_with(eth1=Interface("eth1", "lan", "static", "10.9.9.1/24")), {}, "is to be lan, but wan"),
    (
        "range without server",
        a_gateway_with(eth1=Interface("eth1", "wan", "static", "10.9.9.1/24", dhcp_range=("10.9.9.2", "10.9.9.3"))),
        {},
        "has no DHCP server on the golden sample",
    ),
    (
        "one network twice",
        a_gateway_with(eth0=Interface("eth0", "lan", "static", "172.16.0.1/16")),
        {},
        "eth0 (172.16.0.0/16) and wlan0 (172.16.1.0/24) are in one network",
    ),
    (
        "range too large for the network",
        a_gateway_with(eth0=Interface("eth0", "lan", "static", "10.9.9.1/30")),
        {},
        "DHCP range",
    ),
    ("ap by dhcp", a_gateway_with(wlan0=Interface("wlan0", "lan", "dhcp")), {}, "an access point needs an address"),
    ("mac in ssid", AS_GOLDEN, replaced(HOSTAPD, ("golden_ap", "kura_gateway_02:60:0C:81:24:5C")), "its SSID ends in"),
    ("no chat script", AS_GOLDEN, {CHAT: None}, f"needs {CHAT}, which the export does not have"),
    ("no peer", AS_GOLDEN, {PEER: None}, "cellular, but the export has no"),
    ("no apn", SOUTH, replaced(CHAT, ('OK\tAT+CGDCONT=1,"IP","web.example"\n', "")), "none of its scripts sets an APN"),
    ("no secret", AS_GOLDEN, {"/etc/ppp/chap-secrets": None}, "has no line in pap-secrets or chap-secrets"),
    ("stranger", AS_GOLDEN, {"/etc/resolv.conf": "x"}, "/etc/resolv.conf: not a network file"),
    ("not text", AS_GOLDEN, {NAMED: b"\xff\xfe"}, "not UTF-8 text"),
    (
        "mac in a script",
        AS_GOLDEN,
        replaced(INTERFACES, ("hwaddress ether", "up ip link set eth0 address")),
        "line 11: holds",
    ),
    (
        "no hostapd file",
        AS_GOLDEN,
        {HOSTAPD: None},
        "wlan0 is an access point, but the export has no /etc/hostapd-wlan0.conf",
    ),
    (
        "hostapd of another",
        AS_GOLDEN,
        replaced(HOSTAPD, ("interface=wlan0", "interface=wlan1")),
        "is for interface 'wlan1'",
    ),
    ("kuranet without dhcpd", AS_GOLDEN, {DHCPD: None}, "eth0 has a DHCP server, but the export has no"),
    (
        "dhcpd subnet",
        AS_GOLDEN,
        replaced(INTERFACES, ("192.168.10.1", "192.168.12.1")),
        "network is 192.168.12.0/24, but 192.168.10.0/24 in golden: /etc/dhcpd-eth0.conf: line 5",
    ),
    ("dhcpd range", AS_GOLDEN, replaced(DHCPD, ("192.168.10.100", "192.168.9.100")), "does not lie in its subnet"),
    (
        "dhcpd router",
        AS_GOLDEN,
        replaced(DHCPD, ("routers 192.168.10.1", "routers 192.168.10.2")),
        "address is 192.168.10.1, but 192.168.10.2 in golden: /etc/dhcpd-eth0.conf: line 9",
    ),
    ("named", AS_GOLDEN, replaced(NAMED, ("172.16.1.0/24;", "")), "allow-query leaves out 172.16.1.0/24"),
    (
        "disabled and started",
        AS_GOLDEN,
        kura("eth1.config.ip4.status", "netIPv4StatusEnabledWAN", "netIPv4StatusDisabled"),
        "line 9: eth1: start at boot is off, but on in golden: /etc/network/interfaces: line 14",
    ),
    (
        "used and not started",
        AS_GOLDEN,
        replaced(INTERFACES, ("auto eth1\n", "")),
        "line 9: eth1: start at boot is on, but off in golden: /etc/network/interfaces: line 14",
    ),
    ("no stanza", AS_GOLDEN, replaced(INTERFACES, ("auto eth1\niface eth1 inet dhcp\n", "")), "has no stanza for it"),
    (
        "unknown to esf",
        AS_GOLDEN,
        replaced(INTERFACES, ("auto eth1\n", "iface eth9 inet dhcp\n\nauto eth1\n")),
        "eth9 is configured, but",
    ),
]


@pytest.mark.parametrize(
    ("gateway", "changes", "told"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_contradictions_are_named(gateway: Gateway, changes: dict[str, str | bytes | None], told: str) -> None:
    found = problems(gateway, a_golden(changes))
    assert any(told in problem for problem in found), found


def test_everything_wrong_is_told_at_once() -> None:
    golden = a_golden({**replaced(NAMED, ("172.16.1.0/24;", "")), CHAT: None})
    found = problems(a_gateway_with(eth7=Interface("eth7", "lan")), golden)
    assert len(found) == 3


def test_an_include_the_image_does_not_have() -> None:
    found = problems(AS_GOLDEN, image=an_image({"/etc/named.rfc1912.zones": None}))
    assert found == [
        "golden: /etc/bind/named.conf: line 28: includes /etc/named.rfc1912.zones, which is not in the vanilla image"
    ]


def test_a_weak_passphrase_is_refused_and_not_quoted() -> None:
    with pytest.raises(PipelineError) as caught:
        network.restore(a_golden(), an_image(), a_release(), NORTH, some_secrets(wifi_passphrase="testKEYS"))
    assert "Wi-Fi passphrase" in str(caught.value)
    assert "testKEYS" not in str(caught.value)


def test_a_ready_key_cannot_follow_another_ssid() -> None:
    station = f'network={{\n    ssid="site"\n    psk={"ab" * 32}\n}}\n'
    kura = replaced(KURANET, ("wlan0.config.wifi.mode=MASTER", "wlan0.config.wifi.mode=INFRA"))
    gateway = a_gateway_with(wlan0=Interface("wlan0", "lan", "static", "172.16.1.1/24", ssid="hall"))
    assert "ready 64-digit key" in problems(gateway, a_golden({**kura, STATION: station}))[0]


SNAPSHOT = """<?xml version="1.0" encoding="UTF-8"?>
<esf:configurations xmlns:ocd="http://www.osgi.org/xmlns/metatype/v1.2.0" xmlns:esf="http://eurotech.com/esf/2.0">
<esf:configuration pid="org.eclipse.kura.net.admin.NetworkConfigurationService">
<esf:properties>
<esf:property array="false" encrypted="false" name="net.interface.eth0.config.ip4.address" type="String">
<esf:value>{address}</esf:value>
</esf:property>
</esf:properties>
</esf:configuration>
</esf:configurations>
"""


def test_the_snapshot_agrees_with_the_files() -> None:
    restored(NORTH, a_golden(snapshot=SNAPSHOT.format(address="192.168.10.1").encode()))
    found = problems(NORTH, a_golden(snapshot=SNAPSHOT.format(address="192.168.10.9").encode()))
    assert found == [
        "golden: /etc/network/interfaces: line 9: eth0: address is 192.168.10.1, "
        "but 192.168.10.9 in golden: snapshot: line 5"
    ]
