"""Every pair of places that speak of one thing: where they disagree, both are named, each with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.model.gateway import Gateway, Interface
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry
from pipeline.transforms import network
from pipeline.transforms.network import golden_files
from tests.support.network import (
    AS_GOLDEN,
    CHAT,
    DHCPD,
    GATEWAYS,
    HOSTAPD,
    INTERFACES,
    KURANET,
    NAMED,
    PEER,
    PPP0,
    STATION,
    a_gateway_with,
    a_golden,
    an_image,
    committed,
)
from tests.support.release import a_release, some_secrets

CHAP = "/etc/ppp/chap-secrets"
SNAPSHOT = "snapshot_1735689600000.xml"
_DOWNLOADED = (Path(__file__).resolve().parents[4] / "golden" / SNAPSHOT).read_text()
DHCPD_WLAN = "/etc/dhcpd-wlan0.conf"
IFCFG = "/etc/sysconfig/network-scripts/ifcfg-eth0"
ETH0 = "DEVICE=eth0\nONBOOT=yes\nBOOTPROTO=static\nIPADDR=192.168.10.1\nPREFIX=24\n"
UDHCPD = "/etc/udhcpd-eth0.conf"
BUSYBOX = """\
start 192.168.10.100
end 192.168.10.110
interface eth0
opt subnet 255.255.255.0
opt router 192.168.10.1
opt lease 7200
opt dns 192.168.10.1
"""
CLIENT = 'network={\n    ssid="site"\n    psk="site-passphrase"\n}\n'

Files = dict[str, str]


def setting(key: str, value: str, text: str = _DOWNLOADED) -> str:
    """The committed snapshot with the value of one property of the network replaced."""
    found = re.search(rf'name="net\.interface\.{re.escape(key)}"[^>]*>\s*<esf:value(?:>[^<]*</esf:value>|/>)', text)
    assert found, key
    head = found[0].partition("<esf:value")[0]
    changed = f"{head}<esf:value>{value}</esf:value>"
    assert found[0] != changed
    return text[: found.start()] + changed + text[found.end() :]


def golden_of(files: Mapping[str, str | None], snapshot: str = _DOWNLOADED) -> Golden:
    changes = {path: content for path, content in files.items() if path != SNAPSHOT}
    return replace(a_golden(changes, snapshot=snapshot.encode()), snapshot_name=SNAPSHOT)


def at(files: Mapping[str, str | None], path: str, mark: str, snapshot: str) -> str:
    """A place as messages write it: the file, and the line of the first text that has the mark in it."""
    text = snapshot if path == SNAPSHOT else files.get(path) or committed(path)
    assert mark in text, (path, mark)
    line = text.count("\n", 0, text.index(mark)) + 1
    return f"golden: {path}: line {line}"


def found_in(golden: Golden) -> list[str]:
    with pytest.raises(PipelineError) as caught:
        network.restore(golden, an_image(), a_release(), AS_GOLDEN, some_secrets())
    return [problem.what for problem in caught.value.problems]


def edited(path: str, old: str, new: str) -> Files:
    text = committed(path)
    assert old in text
    return {path: text.replace(old, new)}


# What is changed in one file, the mark of the line there, the other file and the mark of the line there.
PAIRS: list[tuple[str, Files, tuple[str, str], tuple[str, str]]] = [
    (
        "netmask, dhcpd's network",
        edited(INTERFACES, "netmask 255.255.255.0\n\thw", "netmask 255.255.0.0\n\thw"),
        (INTERFACES, "address 192.168.10.1"),
        (DHCPD, "subnet"),
    ),
    ("address, dhcpd's network", edited(DHCPD, "subnet 192.168.10.0", "subnet 192.168.12.0"),
     (INTERFACES, "address 192.168.10.1"), (DHCPD, "subnet")),
    ("address, dhcpd's router", edited(DHCPD, "routers 192.168.10.1", "routers 192.168.10.2"),
     (INTERFACES, "address 192.168.10.1"), (DHCPD, "option routers")),
    ("state, start", edited(INTERFACES, "auto eth1\n", ""),
     (KURANET, "eth1.config.ip4.status"), (INTERFACES, "iface eth1")),
    ("state off, start", edited(KURANET, "eth1.config.ip4.status=netIPv4StatusEnabledWAN",
                                "eth1.config.ip4.status=netIPv4StatusDisabled"),
     (KURANET, "eth1.config.ip4.status"), (INTERFACES, "auto eth1")),
    ("name server, kuranet.conf", edited(KURANET, "eth0.config.dhcpServer4.passDns=true",
                                           "eth0.config.dhcpServer4.passDns=false"),
     (KURANET, "eth0.config.dhcpServer4.passDns"), (DHCPD, "option domain-name-servers")),
    ("name server, dhcpd's option", edited(DHCPD, "    option domain-name-servers 192.168.10.1;\n", ""),
     (KURANET, "eth0.config.dhcpServer4.passDns"), (DHCPD, "subnet")),
    ("name server's networks, dhcpd", edited(NAMED, "172.16.1.0/24;", ""),
     (NAMED, "allow-query"), (DHCPD_WLAN, "option domain-name-servers")),
    ("unit, peer", edited(PEER, "unit 0", "unit 3"), (PPP0, ""), (PEER, "unit 3")),
    # BusyBox's server instead of ISC's.
    ("address, udhcpd's router", {DHCPD: "", UDHCPD: BUSYBOX.replace("router 192.168.10.1", "router 192.168.10.9")},
     (INTERFACES, "address 192.168.10.1"), (UDHCPD, "opt router")),
    ("netmask, udhcpd", {DHCPD: "", UDHCPD: BUSYBOX.replace("subnet 255.255.255.0", "subnet 255.255.0.0")},
     (INTERFACES, "netmask"), (UDHCPD, "opt subnet")),
    ("name server, udhcpd", {DHCPD: "", UDHCPD: BUSYBOX, **edited(
        KURANET, "eth0.config.dhcpServer4.passDns=true", "eth0.config.dhcpServer4.passDns=false")},
     (KURANET, "eth0.config.dhcpServer4.passDns"), (UDHCPD, "opt dns")),
    # Systems like Red Hat's.
    ("state, ifcfg", {INTERFACES: "", IFCFG: ETH0.replace("ONBOOT=yes", "ONBOOT=no")},
     (KURANET, "eth0.config.ip4.status"), (IFCFG, "ONBOOT")),
    ("ifcfg, dhcpd's network", {INTERFACES: "", IFCFG: ETH0.replace("192.168.10.1", "192.168.12.1")},
     (IFCFG, "IPADDR"), (DHCPD, "subnet")),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "one", "other"), [case[1:] for case in PAIRS], ids=[case[0] for case in PAIRS])
def test_files_against_files(changes: Files, one: tuple[str, str], other: tuple[str, str]) -> None:
    changed: dict[str, str | None] = {path: text or None for path, text in changes.items()}
    places = [at(changed, path, mark, "") if mark else f"golden: {path}" for path, mark in (one, other)]
    found = found_in(golden_of(changed, ""))
    assert any(all(place in problem for place in places) for problem in found), found


# Setting, another value, the file that says the same thing, and the mark of its line.
SETTINGS: list[tuple[str, str, str, str]] = [
    ("eth0.config.ip4.status", "netIPv4StatusEnabledWAN", KURANET, "eth0.config.ip4.status"),
    ("eth0.config.ip4.status", "netIPv4StatusDisabled", KURANET, "eth0.config.ip4.status"),
    ("eth0.config.autoconnect", "false", KURANET, "eth0.config.ip4.status"),
    ("eth0.config.ip4.address", "192.168.10.9", INTERFACES, "address 192.168.10.1"),
    ("eth0.config.ip4.prefix", "16", INTERFACES, "netmask 255.255.255.0"),
    ("eth0.config.dhcpClient4.enabled", "true", INTERFACES, "iface eth0"),
    ("eth1.config.dhcpClient4.enabled", "false", INTERFACES, "iface eth1"),
    ("eth0.config.dhcpServer4.enabled", "false", KURANET, "eth0.config.dhcpServer4.enabled"),
    ("eth0.config.dhcpServer4.passDns", "false", KURANET, "eth0.config.dhcpServer4.passDns"),
    ("eth0.config.dhcpServer4.rangeStart", "192.168.10.90", DHCPD, "range"),
    ("eth0.config.dhcpServer4.rangeEnd", "192.168.10.120", DHCPD, "range"),
    ("eth0.config.dhcpServer4.prefix", "16", INTERFACES, "netmask 255.255.255.0"),
    ("eth0.config.dhcpServer4.defaultLeaseTime", "60", DHCPD, "default-lease-time"),
    ("eth0.config.dhcpServer4.maxLeaseTime", "60", DHCPD, "max-lease-time"),
    ("eth0.config.nat.enabled", "false", KURANET, "eth0.config.nat.enabled"),
    ("wlan0.config.wifi.mode", "INFRA", KURANET, "wlan0.config.wifi.mode"),
    ("wlan0.config.wifi.master.ssid", "another", HOSTAPD, "ssid=golden_ap"),
    ("wlan0.config.wifi.master.channel", "11", HOSTAPD, "channel="),
    ("wlan0.config.wifi.master.securityType", "SECURITY_WPA", HOSTAPD, "wpa=2"),
    ("wlan0.config.wifi.master.passphrase", "QW5vdGhlci1QYXNzcGhyYXNl", HOSTAPD, "wpa_passphrase"),
    ("ppp0.config.apn", "other.example", CHAT, "AT+CGDCONT"),
    ("ppp0.config.dialString", "atd*98#", CHAT, "atd"),
    ("ppp0.config.pppNum", "1", PPP0, ""),
    ("ppp0.config.username", "other", PEER, "user "),
    ("ppp0.config.authType", "NONE", PEER, "user "),
    ("ppp0.config.password", "Another-Password", CHAP, "plant@"),
    ("ppp0.config.maxFail", "9", PEER, "maxfail"),
    ("ppp0.config.idle", "10", PEER, "idle"),
    ("ppp0.config.persist", "false", PEER, "persist"),
    ("ppp0.config.resetTimeout", "9", KURANET, "ppp0.config.resetTimeout"),
    ("ppp0.config.gpsEnabled", "true", KURANET, "ppp0.config.gpsEnabled"),
    ("ppp0.config.ip4.status", "netIPv4StatusDisabled", KURANET, "ppp0.config.ip4.status"),
]


@pytest.mark.parametrize(("key", "value", "path", "mark"), SETTINGS, ids=[f"{case[0]}={case[1]}" for case in SETTINGS])
def test_the_snapshot_against_files(key: str, value: str, path: str, mark: str) -> None:
    snapshot = setting(key, value)
    file = at({}, path, mark, "") if mark else f"golden: {path}"
    stated = at({}, SNAPSHOT, f'name="net.interface.{key}"', snapshot)
    found = found_in(golden_of({}, snapshot))
    assert any(file in problem and stated in problem for problem in found), found
    secret = ("passphrase", "password")
    if key.endswith(secret):
        assert not any(text in "".join(found) for text in ("Another-Pass", "Golden-Sample", value))


def test_a_static_router_and_name_servers() -> None:
    told = "\n\taddress 192.168.10.1\n\tgateway 192.168.10.254\n\t#dns-nameservers 192.0.2.7 \n"
    files: dict[str, str | None] = {INTERFACES: committed(INTERFACES).replace("\n\taddress 192.168.10.1\n", told)}
    snapshot = setting("eth0.config.ip4.gateway", "192.168.10.253")
    snapshot = setting("eth0.config.ip4.dnsServers", "192.0.2.8", snapshot)
    found = found_in(golden_of(files, snapshot))
    assert [problem.split(": line ")[0] for problem in found] == ["golden: /etc/network/interfaces"] * 2
    for problem, mark, key in zip(found, ("gateway", "#dns-"), ("ip4.gateway", "ip4.dnsServers"), strict=True):
        assert at(files, INTERFACES, mark, "") in problem
        assert at({}, SNAPSHOT, f"eth0.config.{key}", snapshot) in problem


def test_a_wifi_client() -> None:
    snapshot = setting("wlan0.config.wifi.mode", "INFRA")
    kuranet = committed(KURANET).replace("wifi.mode=MASTER", "wifi.mode=INFRA")
    snapshot = setting("wlan0.config.wifi.infra.ssid", "other", snapshot)
    snapshot = setting("wlan0.config.wifi.infra.passphrase", "b3RoZXItcGFzc3BocmFzZQ==", snapshot)
    files: dict[str, str | None] = {KURANET: kuranet, STATION: CLIENT, HOSTAPD: None}
    found = found_in(golden_of(files, snapshot))
    for mark, key in (("ssid", "infra.ssid"), ("psk", "infra.passphrase")):
        places = (at(files, STATION, mark, ""), at({}, SNAPSHOT, f"wifi.{key}", snapshot))
        assert any(all(place in problem for place in places) for problem in found), found
    assert not any("site-passphrase" in problem or "other-passphrase" in problem for problem in found)


def test_a_name_server_that_clients_are_sent_to_is_in_the_export() -> None:
    found = found_in(golden_of({NAMED: None}))
    assert [problem.partition(", but ")[2] for problem in found] == ["the export has no named.conf"] * 2
    assert at({}, DHCPD, "option domain-name-servers", "") in found[0]


def test_an_access_point_without_its_file() -> None:
    place = at({}, KURANET, "wlan0.config.wifi.mode", "")
    found = found_in(golden_of({HOSTAPD: None}, ""))
    assert f"{place}: wlan0 is an access point, but the export has no {HOSTAPD}" in found


def test_both_secrets_files_hold_the_same_password() -> None:
    pap = "plant@web.example\t*\tAnother-Apn-Pw\t*\t#LE910\n"
    found = found_in(golden_of({"/etc/ppp/pap-secrets": pap}))
    assert any(f"golden: {CHAP}: line 3: ppp0: password is another than in golden: /etc/ppp/pap-secrets: line 1"
               in problem for problem in found)  # fmt: skip
    assert not any("Apn-Pw" in problem for problem in found)


@pytest.mark.parametrize("gateway", GATEWAYS, ids=lambda gateway: gateway.name)
def test_the_demo_contradicts_itself_nowhere(gateway: Gateway) -> None:
    network.restore(golden_of({}), an_image(), a_release(), gateway, some_secrets())


def test_what_is_off_is_not_compared() -> None:
    """ESF leaves the files of a disabled interface as they were (formats 6)."""
    kuranet = committed(KURANET).replace(
        "wlan0.config.ip4.status=netIPv4StatusEnabledLAN", "wlan0.config.ip4.status=netIPv4StatusDisabled"
    )
    interfaces = committed(INTERFACES).replace("auto wlan0\n", "")
    snapshot = setting("wlan0.config.ip4.status", "netIPv4StatusDisabled")
    snapshot = setting("wlan0.config.autoconnect", "false", snapshot)
    snapshot = setting("wlan0.config.wifi.master.ssid", "long ago", snapshot)
    golden = golden_of({KURANET: kuranet, INTERFACES: interfaces}, snapshot)
    layer, _ = network.restore(golden, an_image(), a_release(), a_gateway_with(), some_secrets())
    assert not any(path.startswith("/etc/hostapd") for path in (str(entry.path) for entry in layer.files()))


def test_an_inventory_changes_nothing_about_it() -> None:
    gateway = a_gateway_with(eth0=Interface("eth0", "lan", "static", "192.168.77.1/24"))
    golden = golden_of({}, setting("eth0.config.ip4.address", "192.168.10.9"))
    with pytest.raises(PipelineError, match=r"address is 192\.168\.10\.1, but 192\.168\.10\.9 in golden: snapshot_17"):
        network.restore(golden, an_image(), a_release(), gateway, some_secrets())


# What the installers of Kura 3 to 5.0 lay down for every interface, also for one that is a client.
INSTALLERS = """\
# enabled? true
# prefix: 24
# pass DNS? true

subnet 172.16.0.0 netmask 255.255.255.0 {
    option domain-name-servers 172.16.0.1;

    interface eth1;
    option routers 172.16.0.1;
    default-lease-time 7200;
    max-lease-time 7200;
    pool {
        range 172.16.0.100 172.16.0.110;
    }
}
"""


def test_a_client_s_left_over_dhcp_file_says_nothing_and_goes() -> None:
    golden = golden_of({"/etc/dhcpd-eth1.conf": INSTALLERS}, "")
    layer, _ = network.restore(golden, an_image(), a_release(), AS_GOLDEN, some_secrets())
    assert GuestPath("/etc/dhcpd-eth1.conf") not in {entry.path for entry in layer.entries}


def test_a_lan_s_server_that_kuranet_switches_off_is_left_over_too() -> None:
    files = edited(KURANET, "eth0.config.dhcpServer4.enabled=true", "eth0.config.dhcpServer4.enabled=false")
    files |= edited(DHCPD, "192.168.10.", "172.16.0.")
    golden = golden_of(files, "")
    layer, _ = network.restore(golden, an_image(), a_release(), AS_GOLDEN, some_secrets())
    assert GuestPath(DHCPD) not in {entry.path for entry in layer.entries}


def test_the_comment_enabled_is_read_by_nobody() -> None:
    golden = golden_of(edited(DHCPD, "# enabled? true", "# enabled? false"), "")
    layer, _ = network.restore(golden, an_image(), a_release(), AS_GOLDEN, some_secrets())
    entry = layer.by_path[GuestPath(DHCPD)]
    assert isinstance(entry, FileEntry)
    assert b"# enabled? true" in entry.content


@pytest.mark.parametrize("option", ["domain-name-servers", "routers"])
def test_two_addresses_in_an_option_are_what_kura_throws_at(option: str) -> None:
    files = edited(DHCPD, f"option {option} 192.168.10.1", f"option {option} 192.168.10.1, 192.168.10.2")
    found = found_in(golden_of(files, ""))
    assert any("2 addresses in one option" in problem and DHCPD in problem for problem in found), found


def test_an_access_point_of_a_wide_network_serves_too() -> None:
    """Kura asks for the LAN with wires only (WifiMonitorServiceImpl)."""
    key = "wlan0.config.ip4.status=netIPv4StatusEnabled"
    files: dict[str, str | None] = {KURANET: committed(KURANET).replace(f"{key}LAN", f"{key}WAN")}
    adapters = golden_files.adapters(golden_files.parse(golden_of(files, ""), an_image().layout))
    assert adapters["wlan0"].leases is not None


@pytest.mark.parametrize(
    ("acls", "entries"),
    [
        ("", "localhost; localnets;"),
        ("", "any;"),
        ("acl inside { 192.168.0.0/16; 172.16.0.0/12; };\n", "localhost; inside;"),
        ("acl lan { 192.168.10.0/24; };\nacl both { lan; 172.16.1.0/24; };\n", "both;"),
    ],
)
def test_names_of_networks_in_named_conf_are_followed(acls: str, entries: str) -> None:
    text = acls + committed(NAMED).replace("127.0.0.1/32;192.168.10.0/24;172.16.1.0/24;", entries)
    assert text != acls + committed(NAMED)
    network.restore(golden_of({NAMED: text}), an_image(), a_release(), AS_GOLDEN, some_secrets())


def test_a_named_network_that_leaves_one_out_is_told() -> None:
    text = "acl inside { 192.168.10.0/24; };\n" + committed(NAMED).replace(
        "127.0.0.1/32;192.168.10.0/24;172.16.1.0/24;", "inside; !172.16.1.0/24;"
    )
    assert any("allow-query leaves out 172.16.1.0/24" in told for told in found_in(golden_of({NAMED: text})))
