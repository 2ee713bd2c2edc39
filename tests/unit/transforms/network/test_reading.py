"""Peculiarities of the formats that ESF relies on."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.formats.esf import kuranet
from pipeline.formats.network import chat_script, dhcpd_conf, hostapd_conf, interfaces, named_conf, ppp_peer
from pipeline.formats.network.iptables import text as iptables
from tests.support import network as demo

DATA = Path(__file__).resolve().parents[4] / "../shared/data/kura"

RASPBIAN = """\
auto lo eth0
iface lo inet loopback
source /etc/network/interfaces.d/*
#!kura!auto wlan0
# Commented out to prevent the system from starting it
#!kura!iface wlan0 inet static
#!kura!\taddress 172.16.1.1
\tmtu 1400
iface eth0 inet dhcp
\tpost-up route add \\
\t\t-net 10.0.0.0/8

\tpost-up second
\t#dns-nameservers 8.8.8.8 8.8.4.4\x20
"""


def test_interfaces_marks_sources_and_continued_lines() -> None:
    file = interfaces.parse(RASPBIAN, "f")
    wlan0, eth0 = file.iface("wlan0"), file.iface("eth0")
    assert wlan0 is not None
    assert eth0 is not None
    assert (wlan0.kura, wlan0.get("address"), wlan0.get("mtu")) == (True, "172.16.1.1", "1400")
    assert [" ".join(option.value.split()) for option in eth0.body if isinstance(option, interfaces.Option)] == [
        "route add -net 10.0.0.0/8",
        "second",
        "8.8.8.8 8.8.4.4",
    ]
    assert file.automatic == ("lo", "eth0", "wlan0")
    assert next(file.stanzas("source")).words == ("/etc/network/interfaces.d/*",)
    assert file.without_start("eth0").automatic == ("lo", "wlan0")


def test_kuranet_escapes_and_interfaces_with_dots() -> None:
    file = kuranet.parse("net.interface.eth0.100.config.ip4.status=a\\u0041\\:\nx\\ y : z\n", "f")
    assert file.values == {"net.interface.eth0.100.config.ip4.status": "aA:", "x y": "z"}
    assert file.get("eth0.100", "config.ip4.status") == "aA:"
    assert "eth0.100" in file.interfaces


def test_named_changes_one_list_and_nothing_else() -> None:
    text = 'options { # }\n allow-query {172.16.1.1/24;};\n forwarders{}; x "};"; }; // end {\n'
    conf = named_conf.parse(text, "f")
    options = conf.find("options")
    asked = options.find("allow-query") if options else None
    assert asked is not None
    assert asked.line == 2
    assert [statement.words for statement in asked.block or ()] == [("172.16.1.1/24",)]
    assert conf.with_list(asked, ["a", "b"]) == text.replace("172.16.1.1/24;", " a; b; ")


def test_hostapd_takes_the_last_of_a_key_and_keeps_one() -> None:
    file = hostapd_conf.parse("ssid=a\n#x\nssid= b=c\n", "f")
    assert file.get("ssid") == " b=c"
    assert hostapd_conf.render(file.changed({"ssid": "n", "bssid": None, "channel": "6"})) == "ssid=n\n#x\nchannel=6\n"


def test_ppp_scripts_and_apn() -> None:
    peer = ppp_peer.parse(demo.committed(demo.PEER), "f")
    assert peer.scripts == (demo.CHAT, "/etc/ppp/scripts/disconnect_LE910_2-1")
    assert (peer.get("user"), peer.get("nodeflate"), peer.get("x")) == (("plant@web.example",), (), None)
    script = chat_script.parse(demo.committed(demo.CHAT), "f")
    assert script.apn == "web.example"
    assert script.with_apn(r"\1.example").apn == r"\1.example"


@pytest.mark.skipif(not DATA.is_dir(), reason="the collection of real Kura files is not beside this checkout")
def test_real_files_of_kura() -> None:
    common = DATA / "kura-3.0.0/distrib/common"
    for name in ("network.interfaces", "network.interfaces.raspbian", "network.interfaces.intel.edison"):
        file = interfaces.parse((common / name).read_text(), name)
        assert interfaces.parse(interfaces.render(file), name) == file
    for name in ("dhcpd-eth0.conf", "dhcpd-wlan0.conf"):
        text = (common / name).read_text()
        assert dhcpd_conf.render(dhcpd_conf.parse(text, name)) == text
    hostapd = (common / "hostapd.conf").read_text()
    assert hostapd_conf.render(hostapd_conf.parse(hostapd, "f")) == hostapd
    assert named_conf.parse((common / "named/named.conf").read_text(), "f").find("options", "x") is None
    for path in sorted(DATA.glob("*/distrib/*/kuranet.conf")):
        assert "eth0" in kuranet.parse(path.read_text(), path.name).interfaces or "enp" in path.read_text()
    for path in sorted(DATA.glob("*/distrib/*/iptables.init")):
        rules = iptables.parse(path.read_text(), path.name)
        assert iptables.parse(iptables.render(rules), path.name) == rules
        body = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
        assert iptables.render(rules).splitlines() == body


def test_a_tab_in_a_value_is_the_values_own() -> None:
    text = "iface eth0 inet static\n\taddress 10.0.0.1\n\tnetmask 255.255.255.0\n\tup echo a\tb\n"
    read = interfaces.parse(text, "interfaces")
    assert interfaces.parse(interfaces.render(read), "interfaces") == read
    assert "up echo a\tb" in interfaces.render(read)
