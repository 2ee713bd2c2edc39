"""parse(render(x)) is x for every network format, and rendering what was read changes nothing ESF would notice."""

from __future__ import annotations

import contextlib
import string
from ipaddress import IPv4Network

from hypothesis import given
from hypothesis import strategies as st

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

WORD = st.text(string.ascii_letters + string.digits + "._-/", min_size=1, max_size=12)
PRINTABLE = st.text([chr(code) for code in range(0x20, 0x7F)], max_size=20)
PARSERS = (
    chap_secrets.parse,
    chat_script.parse,
    dhcpd_conf.parse,
    hostapd_conf.parse,
    interfaces.parse,
    kuranet.parse,
    named_conf.parse,
    ppp_peer.parse,
    udhcpd_conf.parse,
    wpa_supplicant_conf.parse,
)

NAME = st.text(string.ascii_lowercase, min_size=1, max_size=8)
OPTIONS = st.builds(
    interfaces.Option,
    NAME.filter(lambda name: name not in ("iface", "auto", "mapping", "source", "template", "rename")),
    st.lists(WORD, min_size=1, max_size=3).map(" ".join),
    st.sampled_from(["", interfaces.KURA_MARK]),
)
STANZAS = st.builds(
    interfaces.Stanza,
    st.just("iface"),
    st.tuples(WORD, st.just("inet"), st.sampled_from(["manual", "dhcp"])),
    st.lists(OPTIONS, max_size=4, unique_by=lambda option: option.name).map(tuple),
    st.booleans(),
)


@given(st.lists(STANZAS | st.builds(interfaces.Stanza, st.just("auto"), st.tuples(WORD)), max_size=5))
def test_interfaces(stanzas: list[interfaces.Stanza]) -> None:
    file = interfaces.Interfaces(tuple(stanzas))
    assert interfaces.parse(interfaces.render(file), "f") == file


@given(st.dictionaries(st.text(min_size=1, max_size=15), st.text(max_size=20), max_size=6))
def test_kuranet(values: dict[str, str]) -> None:
    file = kuranet.Kuranet(tuple(kuranet.Entry(key, value) for key, value in values.items()))
    assert kuranet.parse(kuranet.render(file), "f").values == values


@given(st.integers(8, 28), st.booleans(), st.booleans(), st.integers(60, 99999))
def test_dhcpd(prefix: int, enabled: bool, with_dns: bool, lease: int) -> None:
    net = IPv4Network(f"10.0.0.0/{prefix}")
    own, first, last = net[1], net[3], net[-2]
    dns = (own,) if with_dns else ()
    server = dhcpd_conf.DhcpServer(enabled, "eth0", net, (own,), dns, lease, lease, first, last, ("authoritative",))
    assert dhcpd_conf.parse(dhcpd_conf.render(server), "f") == server


@given(st.dictionaries(WORD.filter(lambda key: key != "bss"), PRINTABLE, max_size=6))
def test_hostapd(values: dict[str, str]) -> None:
    file = hostapd_conf.HostapdConf(tuple(hostapd_conf.Line(key, value) for key, value in values.items()))
    assert hostapd_conf.parse(hostapd_conf.render(file), "f") == file


@given(st.dictionaries(WORD, WORD, max_size=4), st.dictionaries(WORD, WORD, max_size=4))
def test_wpa_supplicant(outside: dict[str, str], inside: dict[str, str]) -> None:
    line = wpa_supplicant_conf.Line
    block = wpa_supplicant_conf.Block("network", tuple(line(key, value) for key, value in inside.items()))
    file = wpa_supplicant_conf.WpaSupplicantConf((*(line(key, value) for key, value in outside.items()), block))
    assert wpa_supplicant_conf.parse(wpa_supplicant_conf.render(file), "f") == file


@given(st.lists(st.tuples(PRINTABLE.filter(bool), PRINTABLE, PRINTABLE), max_size=4))
def test_secrets(rows: list[tuple[str, str, str]]) -> None:
    secrets = tuple(chap_secrets.Secret(client, server, secret, ("*",)) for client, server, secret in rows)
    assert chap_secrets.parse(chap_secrets.render(secrets), "f") == secrets


CHAT_WORD = WORD.filter(lambda word: word[0] not in "\"'#") | st.sampled_from(
    ['"NO CARRIER"', "'a \"b\"'", '"\\"x"', "''"]
)


@given(st.lists(st.tuples(CHAT_WORD, CHAT_WORD), max_size=4))
def test_chat(rows: list[tuple[str, str]]) -> None:
    script = chat_script.ChatScript(tuple(chat_script.Pair(expect, send) for expect, send in rows))
    assert chat_script.parse(chat_script.render(script), "f") == script


@given(st.dictionaries(NAME.filter(lambda name: name not in ("opt", "option", "start", "end")), WORD, max_size=5))
def test_udhcpd(values: dict[str, str]) -> None:
    file = udhcpd_conf.UdhcpdConf(tuple(udhcpd_conf.Line(key, value) for key, value in values.items()))
    assert udhcpd_conf.parse(udhcpd_conf.render(file), "f") == file


FIELD = st.text(string.ascii_letters + string.digits + ":./", max_size=10)


@given(st.lists(st.builds(firewall_ports.OpenPort, *[FIELD] * 7), max_size=4))
def test_firewall_ports(entries: list[firewall_ports.OpenPort]) -> None:
    assert firewall_ports.parse_open_ports(firewall_ports.render(entries), "f") == tuple(entries)


@given(st.lists(st.builds(firewall_ports.Nat, *[FIELD] * 6), max_size=4))
def test_firewall_nat(entries: list[firewall_ports.Nat]) -> None:
    assert firewall_ports.parse_nat(firewall_ports.render(entries), "f") == tuple(entries)


@given(st.lists(st.builds(firewall_ports.PortForward, *[FIELD] * 10), max_size=4))
def test_firewall_forwarding(entries: list[firewall_ports.PortForward]) -> None:
    assert firewall_ports.parse_port_forwarding(firewall_ports.render(entries), "f") == tuple(entries)


@given(st.text(max_size=200) | st.text("{}=\"'\\#;! \n\tabz,", max_size=80))
def test_arbitrary_text_is_read_or_refused_and_never_crashes(text: str) -> None:
    for parse in PARSERS:
        with contextlib.suppress(PipelineError):
            parse(text, "f")


def test_the_committed_files_come_out_as_they_went_in() -> None:
    same = {
        demo.INTERFACES: lambda text: interfaces.render(interfaces.parse(text, "f")),
        demo.HOSTAPD: lambda text: hostapd_conf.render(hostapd_conf.parse(text, "f")),
        demo.STATION: lambda text: wpa_supplicant_conf.render(wpa_supplicant_conf.parse(text, "f")),
        demo.DHCPD: lambda text: dhcpd_conf.render(dhcpd_conf.parse(text, "f")),
        demo.PEER: lambda text: ppp_peer.render(ppp_peer.parse(text, "f")),
        demo.CHAT: lambda text: chat_script.render(chat_script.parse(text, "f")),
        "/etc/ppp/chap-secrets": lambda text: chap_secrets.render(chap_secrets.parse(text, "f")),
        demo.KURANET: lambda text: kuranet.render(kuranet.parse(text, "f")),
    }
    for path, rewritten in same.items():
        assert rewritten(demo.committed(path)) == demo.committed(path), path
