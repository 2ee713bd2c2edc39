"""What cannot be read is named with file and line, all of it at once, and without a secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.esf import firewall_ports, kuranet
from pipeline.formats.network import (
    chap_secrets,
    chat_script,
    dhcpd_conf,
    hostapd_conf,
    interfaces,
    named_conf,
    ppp_peer,
    udhcpd_conf,
    wpa_supplicant_conf,
)
from tests.support import network as demo

DHCPD = demo.committed(demo.DHCPD)

BROKEN: list[tuple[Callable[[str, str], Any], str, str]] = [
    (interfaces.parse, "\taddress 1.2.3.4\n", "line 1: option 'address' outside a stanza"),
    (interfaces.parse, "auto eth0\niface eth0 inet\n", "line 2: 'iface' needs"),
    (interfaces.parse, "iface e inet dchp\n", "line 1: no method of inet: 'dchp', as bootp, dhcp"),
    (interfaces.parse, "iface e ipv4 dhcp\n", "line 1: no address family: 'ipv4', as inet or inet6"),
    (interfaces.parse, "iface e inet static\n netmask 24\n", "line 1: method static of inet needs 'address'"),
    (interfaces.parse, "iface e can static\n", "line 1: method static of can needs 'bitrate'"),
    (interfaces.parse, "iface e inherits f\n", "line 1: inherits from 'f', which is not there"),
    (interfaces.parse, "mapping e\n script a\n script b\n", "line 3: a second script"),
    (interfaces.parse, "mapping e\n address 1\n", "line 2: option 'address' is none of a mapping"),
    (interfaces.parse, "rename a b\n", "line 1: 'rename' needs OLD=NEW, has 'a'"),
    (interfaces.parse, "iface e inet static\n address\n", "line 2: option 'address' without a value"),
    (interfaces.parse, "iface e inet static\n address 1\n address 2\n", "line 3: option 'address' is given twice"),
    (interfaces.parse, "auto a\n mtu 9\n", "line 2: option 'mtu' outside"),
    (kuranet.parse, "novalue\n", "line 1: expected 'key=value'"),
    (kuranet.parse, "a=1\na=2\n", "line 2: a is given twice"),
    (kuranet.parse, "a=\\u12\n", "line 1: \\u needs four"),
    (kuranet.parse, "a=1\\\n2\n", "line 1: a value continued"),
    (dhcpd_conf.parse, "", "no complete subnet block"),
    (dhcpd_conf.parse, DHCPD.replace("range", "ranges"), "'ranges"),
    (dhcpd_conf.parse, DHCPD.replace("netmask 255.255.255.0", "netmask 255.0.255.0"), "line 5"),
    (dhcpd_conf.parse, DHCPD.replace("7200;", "soon;"), "soon"),
    (dhcpd_conf.parse, DHCPD.replace("    pool {", "    host a {"), "block 'host a' is not what ESF writes"),
    (dhcpd_conf.parse, DHCPD[:-2], "no complete subnet block"),
    (dhcpd_conf.parse, DHCPD + DHCPD, "line 20"),
    (named_conf.parse, "options { directory x; ", "'{' is not closed"),
    (named_conf.parse, "options { directory x }\n;", "'directory x' without ';'"),
    (named_conf.parse, "a;\n};\n", "line 2: '}' without a block"),
    (named_conf.parse, 'a "b;\n', "line 1: a quotation mark"),
    (named_conf.parse, "a; /* b", "line 1: a quotation mark or a comment is not closed"),
    (hostapd_conf.parse, "ssid\n", "line 1: expected 'key=value'"),
    (hostapd_conf.parse, "ssid = x\n", "line 1: expected"),
    (hostapd_conf.parse, "ssid=a\nbss=wlan1\n", "line 2: a second network"),
    (wpa_supplicant_conf.parse, "network={\nssid=1\n", "block 'network' is not closed"),
    (wpa_supplicant_conf.parse, "}\n", "line 1: '}' without a block"),
    (wpa_supplicant_conf.parse, "network={\nnetwork={\n}\n", "line 2: a block inside a block"),
    (wpa_supplicant_conf.parse, "psk\n", "line 1: expected"),
    (udhcpd_conf.parse, "start\n", "line 1: 'start' has no value"),
    (udhcpd_conf.parse, "opt router\n", "line 1"),
    (udhcpd_conf.parse, "start 1.2.3\n", "line 1: Expected 4 octets"),
    (ppp_peer.parse, "connect 'chat\n", "line 1: a quotation mark is not closed"),
    (chap_secrets.parse, "user *\n", "line 1: fewer than three"),
    (chap_secrets.parse, 'u * "pw\n', "line 1: a quotation mark"),
    (chat_script.parse, "ABORT BUSY\n'' \"AT\n", "line 2: a quotation mark is not closed"),
    (firewall_ports.parse_open_ports, "22,tcp,#", "does not have 7 fields"),
    (firewall_ports.parse_open_ports, "22,tcp,,,,,,", "does not have 7 fields"),
]


@pytest.mark.parametrize(("parse", "text", "told"), BROKEN)
def test_broken_files_are_named_by_line(parse: Callable[[str, str], Any], text: str, told: str) -> None:
    with pytest.raises(PipelineError) as caught:
        parse(text, "golden: FILE")
    assert told in str(caught.value)
    assert all(problem.what.startswith("golden: FILE: ") for problem in caught.value.problems)


def test_all_problems_of_a_file_at_once() -> None:
    with pytest.raises(PipelineError) as caught:
        interfaces.parse("mtu 1\niface\nauto\nrename a\n", "f")
    assert [problem.what.split(":")[1] for problem in caught.value.problems] == [" line 1", " line 2", " line 4"]


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (hostapd_conf.parse, "wpa_passphrase OpenSesame\n"),
        (wpa_supplicant_conf.parse, "network={\npsk OpenSesame\n}\n"),
        (chap_secrets.parse, "OpenSesame *\n"),
    ],
)
def test_messages_never_quote_a_secret(parse: Callable[[str, str], Any], text: str) -> None:
    with pytest.raises(PipelineError) as caught:
        parse(text, "f")
    assert "OpenSesame" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        hostapd_conf.parse("wpa_passphrase=OpenSesame\n", "f"),
        wpa_supplicant_conf.parse('network={\npsk="OpenSesame"\n}\n', "f"),
        chap_secrets.parse("user * OpenSesame *\n", "f"),
    ],
)
def test_values_do_not_print_secrets(value: object) -> None:
    assert "OpenSesame" not in repr(value)
