"""Breakages of interfaces and Wi-Fi."""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.breakages import LAB, NORTH, SOUTH, Breakage
from tests.support.esf.edits import (
    REAL,
    SNAPSHOT,
    Edit,
    add,
    both,
    copied,
    gone,
    link,
    put,
    setting,
    sub,
    swap,
)
from tests.support.esf.places import (
    KURANET,
)
from tests.support.network import HOSTAPD, INTERFACES, IPTABLES, PEER, PPP0, STATION

NETWORK = "org.eclipse.kura.net.admin.NetworkConfigurationService"
_BEFORE = "-A INPUT -i lo -j ACCEPT\n"
SOURCED = "/etc/network/interfaces.d/bridge"


def _rule(text: str) -> Edit:
    """A rule put before all others of INPUT."""
    return swap(IPTABLES, _BEFORE, f"{_BEFORE}{text}\n")


def _interfaces() -> Iterator[Breakage]:
    rule = "network.unused"
    status = "net.interface.{}.config.ip4.status"
    off = "netIPv4StatusDisabled"
    yield Breakage(
        "a disabled interface is started",
        rule,
        INTERFACES,
        add(INTERFACES, "auto wlan0\niface wlan0 inet dhcp\n"),
        "auto wlan0",
        gateway=LAB,
    )
    yield Breakage(
        "a disabled interface is hot-plugged",
        rule,
        INTERFACES,
        add(INTERFACES, "allow-hotplug wlan0\niface wlan0 inet dhcp\n"),
        "allow-hotplug",
        gateway=LAB,
    )
    yield Breakage(
        "an access point on a disabled interface", rule, HOSTAPD, put(HOSTAPD, "interface=wlan0\n"), gateway=SOUTH
    )
    yield Breakage(
        "leases on a disabled interface",
        rule,
        "/etc/dhcpd-wlan0.conf",
        put("/etc/dhcpd-wlan0.conf", "#\n"),
        gateway=SOUTH,
    )
    yield Breakage(
        "a rule for a disabled interface",
        rule,
        IPTABLES,
        _rule("-A INPUT -i wlan0 -p udp --dport 67 -j ACCEPT"),
        "wlan0",
        gateway=SOUTH,
    )
    yield Breakage(
        "an interface ESF knows nothing of",
        rule,
        INTERFACES,
        add(INTERFACES, "auto eth7\niface eth7 inet dhcp\n"),
        "auto eth7",
    )
    rule = "network.interface"
    yield Breakage(
        "on in the snapshot, off in the file",
        rule,
        SNAPSHOT,
        setting(NETWORK, status.format("wlan0"), "netIPv4StatusEnabledLAN"),
        "wlan0",
        gateway=SOUTH,
    )
    yield Breakage(
        "off in the snapshot, on in the file", rule, KURANET, setting(NETWORK, status.format("eth0"), off), "eth0"
    )
    yield Breakage(
        "off in the snapshot, unknown to the file",
        rule,
        KURANET,
        both(
            setting(NETWORK, status.format("wlan0"), off),
            sub(KURANET, r"^net.interface.wlan0.config.ip4.status=[^\n]*\n", ""),
        ),
    )
    server = "net.interface.eth0.config.dhcpServer4"
    for key, value, path, at in (
        ("net.interface.eth0.config.ip4.prefix", "16", INTERFACES, "netmask"),
        (f"{server}.rangeStart", "192.168.10.90", "/etc/dhcpd-eth0.conf", "range"),
        (f"{server}.rangeEnd", "192.168.10.190", SNAPSHOT, "rangeEnd"),
        (f"{server}.enabled", "false", KURANET, "dhcpServer4.enabled"),
        (f"{server}.passDns", "false", KURANET, "passDns"),
        ("net.interface.eth0.config.nat.enabled", "false", KURANET, "nat.enabled"),
        ("net.interface.wlan0.config.wifi.mode", "INFRA", KURANET, "wifi.mode"),
    ):
        yield Breakage(f"the snapshot has {key} as {value}", rule, path, setting(NETWORK, key, value), at)
    yield Breakage(
        "another address in the snapshot",
        rule,
        SNAPSHOT,
        setting(NETWORK, "net.interface.eth0.config.ip4.address", "192.168.99.1"),
        "ip4.address",
    )
    rule = "network.readable"
    for name, line in (
        ("a line of two blanks", "  "),
        ("a key hostapd does not know", "nosuchkey=1"),
        ("a mode there is not", "hw_mode=x"),
        ("a mode with a comment behind it", "hw_mode=g # ours"),
        ("a passphrase of seven", "wpa_passphrase=1234567"),
        ("a cipher hostapd does not know", "rsn_pairwise=AES"),
        ("a country in small letters", "country_code=de"),
        ("a key management with a comment", "wpa_key_mgmt=WPA-PSK # strong"),
    ):
        yield Breakage(f"hostapd: {name}", rule, HOSTAPD, add(HOSTAPD, f"{line}\n"), line)
    for name, line in (
        ("a field it does not know", "nosuchfield=1"),
        ("an SSID without quotation marks", "ssid=site"),
        ("a passphrase of seven", 'psk="1234567"'),
        ("a protocol there is not", "proto=AES"),
        ("a number that is none", "priority=high"),
    ):
        station = f'network={{\n    ssid="x"\n    psk="12345678"\n    {line}\n}}\n'
        yield Breakage(f"wpa_supplicant: {name}", rule, STATION, put(STATION, station), f"    {line}")
    for name, line in (
        ("an option pppd does not know", "nosuch"),
        ("one behind others", "noauth nosuch debug"),
        ("a number that is none", "mtu large"),
        ("an option in capitals", "NOAUTH"),
        ("an option with an equals sign", "mtu=1500"),
    ):
        yield Breakage(f"pppd: {name}", rule, PEER, add(PEER, f"{line}\n"), line)
    script = "/etc/ppp/scripts/chat_LE910_2-1"
    yield Breakage("a quotation mark in a chat script", rule, script, add(script, 'OK "ATE0\n'), 'OK "ATE0')
    for name, stanza in (
        ("a method there is not", "iface eth9 inet dchp\n"),
        ("a method in capitals", "iface eth9 inet DHCP\n"),
        ("a family there is not", "iface eth9 ipv4 dhcp\n"),
        ("an interface without an address", "iface eth9 inet static\n\tnetmask 255.255.255.0\n"),
        ("a tunnel without an end", "iface eth9 inet tunnel\n\taddress 192.0.2.1/24\n\tmode gre\n"),
        ("a bus without a bit rate", "iface eth9 can static\n"),
        ("an heir of nobody", "iface eth9 inherits eth8\n"),
    ):
        yield Breakage(name, rule, INTERFACES, add(INTERFACES, stanza), "iface eth9")
    yield Breakage("an interface without method", rule, INTERFACES, add(INTERFACES, "iface eth9 inet\n"), "eth9")
    yield Breakage("a sourced file nobody can read", rule, SOURCED, put(SOURCED, "iface br0 inet\n"), "br0")
    yield Breakage(
        "a state without value", rule, KURANET, add(KURANET, "net.interface.eth0.config.ip4.status\n"), "ip4.status"
    )
    yield Breakage("half a line of hostapd's", rule, HOSTAPD, add(HOSTAPD, "wpa_passphrase\n"), "wpa_passphrase")
    yield Breakage("a lease file that is none", rule, "/etc/dhcpd-eth0.conf", put("/etc/dhcpd-eth0.conf", "subnet {\n"))
    yield Breakage("a quotation mark in a peer", rule, PEER, add(PEER, "user 'x\n"), "user 'x")
    yield Breakage("half a secret", rule, "/etc/ppp/chap-secrets", add("/etc/ppp/chap-secrets", "user *\n"), "user *")


def _files() -> Iterator[Breakage]:
    rule = "network.ppp_link"
    yield Breakage("no cellular link", rule, PPP0, gone(PPP0))
    yield Breakage("a cellular link to nothing", rule, PPP0, gone(PEER))
    yield Breakage("a relative cellular link", rule, PPP0, link(PPP0, "LE910_2-1"))
    yield Breakage(
        "a cellular link to elsewhere", rule, PPP0, both(copied(PEER, "/etc/ppp/other"), link(PPP0, "/etc/ppp/other"))
    )
    yield Breakage("a peer in place of the link", rule, PPP0, both(gone(PPP0), copied(PEER, PPP0)))
    yield Breakage("no chat script", rule, PEER, gone("/etc/ppp/scripts/chat_LE910_2-1"), "chat_LE910_2-1")
    yield Breakage(
        "a link for a disabled modem", rule, PPP0, both(put(PEER, "921600\n"), link(PPP0, PEER)), gateway=NORTH
    )
    rule = "network.factory_restore"
    yield Breakage(
        "the vendor's access point for a reset",
        rule,
        f"{REAL}/.data/hostapd-wlan0.conf",
        swap(f"{REAL}/.data/hostapd-wlan0.conf", "wpa=2", "wpa=0"),
        "wpa=0",
    )
    yield Breakage(
        "an access point for a reset that is off",
        rule,
        f"{REAL}/.data/hostapd-wlan0.conf",
        put(f"{REAL}/.data/hostapd-wlan0.conf", "interface=wlan0\n"),
        gateway=SOUTH,
    )
    yield Breakage(
        "other interfaces for a reset",
        rule,
        f"{REAL}/.data/interfaces",
        add(f"{REAL}/.data/interfaces", "auto eth9\niface eth9 inet dhcp\n"),
        "eth9",
    )
    yield Breakage(
        "other states for a reset",
        rule,
        f"{REAL}/.data/kuranet.conf",
        sub(
            f"{REAL}/.data/kuranet.conf",
            "wlan0.config.ip4.status=netIPv4StatusDisabled",
            "wlan0.config.ip4.status=netIPv4StatusEnabledLAN",
        ),
        "wlan0",
        gateway=SOUTH,
    )
    rule = "network.hardware_addresses"
    yield Breakage(
        "an address of hardware",
        rule,
        INTERFACES,
        sub(INTERFACES, r"(iface eth0 inet [^\n]*\n)", r"\1\thwaddress ether 02:60:0c:81:24:5a\n"),
        "hwaddress",
    )
    bridge = "iface br0 inet manual\n\thwaddress ether 02:60:0c:81:24:5a\n"
    yield Breakage("hardware in a sourced file", rule, SOURCED, put(SOURCED, bridge), "hwaddress")
    yield Breakage("an access point's hardware", rule, HOSTAPD, add(HOSTAPD, "bssid=02:60:0c:81:24:5a\n"), "bssid")
    yield Breakage(
        "names bound to hardware",
        rule,
        "/etc/udev/rules.d/70-persistent-net.rules",
        put("/etc/udev/rules.d/70-persistent-net.rules", 'ATTR{address}=="02:60:0c:81:24:5a"\n'),
        "ATTR",
    )
    rule = "network.stale"
    yield Breakage("a peer nobody leads to", rule, "/etc/ppp/peers/HE910_1-1", copied(PEER, "/etc/ppp/peers/HE910_1-1"))
    yield Breakage(
        "an access point of no interface", rule, "/etc/hostapd-wlan7.conf", copied(HOSTAPD, "/etc/hostapd-wlan7.conf")
    )


def _wifi() -> Iterator[Breakage]:
    rule = "network.wifi"
    for key, value in (
        ("wpa", "1"),
        ("wpa", "3"),
        ("wpa", "0"),
        ("wpa_pairwise", "TKIP"),
        ("wpa_pairwise", "CCMP TKIP"),
        ("rsn_pairwise", "TKIP"),
        ("wep_key0", "123456789a"),
        ("auth_algs", "3"),
        ("wps_state", "2"),
        ("wpa_key_mgmt", "NONE"),
    ):
        yield Breakage(
            f"an access point with {key}={value}", rule, HOSTAPD, add(HOSTAPD, f"{key}={value}\n"), f"{key}={value}"
        )
    yield Breakage("an open access point", rule, HOSTAPD, sub(HOSTAPD, r"^wpa=2\n", ""))
    yield Breakage(
        "the distribution's access point",
        rule,
        "/etc/hostapd/hostapd.conf",
        put("/etc/hostapd/hostapd.conf", "interface=wlan0\nssid=x\n"),
    )
    rule = "network.wifi_passphrase"
    for word in ("testKEYS", "12345678", "golden_ap", "short-One1", "aaaaaaaaaaaaaaaaaaaaaaaa", ""):
        yield Breakage(
            f"passphrase {word!r}",
            rule,
            HOSTAPD,
            sub(HOSTAPD, r"^wpa_passphrase=[^\n]*", f"wpa_passphrase={word}"),
            "wpa_passphrase",
        )
    yield Breakage("a file of passphrases", rule, HOSTAPD, add(HOSTAPD, "wpa_psk_file=/etc/psk\n"), "wpa_psk_file")
    rule, prefix = "network.wifi_snapshot", "net.interface.wlan0.config.wifi.master"
    yield Breakage(
        "the vendor's passphrase in the snapshot",
        rule,
        SNAPSHOT,
        setting(NETWORK, f"{prefix}.passphrase", "testKEYS", "Password"),
        "passphrase",
    )
    yield Breakage(
        "the same on a disabled interface",
        rule,
        SNAPSHOT,
        setting(NETWORK, f"{prefix}.passphrase", "testKEYS", "Password"),
        "passphrase",
        gateway=SOUTH,
    )
    for value in ("SECURITY_NONE", "SECURITY_WEP", "SECURITY_WPA", "SECURITY_WPA_WPA2"):
        yield Breakage(
            f"{value} in the snapshot",
            rule,
            SNAPSHOT,
            setting(NETWORK, f"{prefix}.securityType", value),
            "securityType",
        )
    yield Breakage(
        "TKIP in the snapshot",
        rule,
        SNAPSHOT,
        setting(NETWORK, f"{prefix}.pairwiseCiphers", "CCMP_TKIP"),
        "pairwiseCiphers",
    )
    rule = "network.wifi_agreement"
    yield Breakage(
        "another passphrase in the snapshot",
        rule,
        SNAPSHOT,
        setting(NETWORK, f"{prefix}.passphrase", "another-Long_passphrase7", "Password"),
        "passphrase",
    )
    yield Breakage("another name in the file", rule, HOSTAPD, sub(HOSTAPD, r"^ssid=[^\n]*", "ssid=other"), "ssid=")
    yield Breakage("no file of the access point", rule, HOSTAPD, gone(HOSTAPD))
    rule = "network.wifi_client"
    yield Breakage(
        "a client of an open network",
        rule,
        STATION,
        put(STATION, 'network={\n    ssid="x"\n    key_mgmt=NONE\n}\n'),
        "key_mgmt",
    )
    yield Breakage(
        "a client that takes WPA 1",
        rule,
        STATION,
        put(STATION, 'network={\n    ssid="x"\n    key_mgmt=WPA-PSK\n    proto=WPA RSN\n}\n'),
        "proto",
    )
    for name, lines, line in (
        ("a client that says nothing of protocols", "    pairwise=CCMP\n", '    ssid="x"'),
        ("a client that says nothing of ciphers", "    proto=RSN\n", '    ssid="x"'),
        ("a client that takes TKIP", "    proto=RSN\n    pairwise=CCMP TKIP\n", "    pairwise"),
        ("a client with a comment behind its protocol", "    proto=WPA RSN # both\n    pairwise=CCMP\n", "    proto"),
    ):
        station = f'network={{\n    ssid="x"\n    psk="12345678"\n{lines}}}\n'
        yield Breakage(name, rule, STATION, put(STATION, station), line)
    rule = "network.wifi_off"
    yield Breakage(
        "hostapd without use",
        rule,
        "/etc/default/hostapd",
        put("/etc/default/hostapd", 'DAEMON_CONF="/etc/hostapd/hostapd.conf"\n'),
        "DAEMON_CONF",
        gateway=SOUTH,
    )
    yield Breakage("a client without use", rule, STATION, put(STATION, "network={\n}\n"), gateway=SOUTH)
    yield Breakage(
        "Wi-Fi started without use",
        rule,
        INTERFACES,
        add(INTERFACES, "auto wlan0\niface wlan0 inet dhcp\n"),
        "auto wlan0",
        gateway=SOUTH,
    )


BREAKAGES = (
    *_interfaces(),
    *_files(),
    *_wifi(),
)
