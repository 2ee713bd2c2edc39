"""What Kura makes of the golden sample's rules when somebody saves its firewall: nothing may open by that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.formats.network.iptables import kura as kura_firewall
from pipeline.formats.network.iptables import text as iptables
from pipeline.formats.network.iptables.flat import flat, innermost
from pipeline.model.layout import Layout
from pipeline.transforms.firewall.saving import unkept
from pipeline.transforms.firewall.settings import forwards, open_ports, translations
from tests.support.vanilla import LAYOUT

KURA_3 = LAYOUT
KURA_4 = replace(LAYOUT, name="kura-4", generation="B")
KURA_5_0 = replace(LAYOUT, name="kura-5-0", generation="C")

# In the words of Kura 5.0: INPUT and its like hold one jump each, all rules stand in chains of Kura's own.
FIVE = """\
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:prerouting-kura - [0:0]
:prerouting-kura-pf - [0:0]
:postrouting-kura - [0:0]
:postrouting-kura-pf - [0:0]
:postrouting-kura-ipf - [0:0]
-A PREROUTING -j prerouting-kura
-A POSTROUTING -j postrouting-kura
-A prerouting-kura -j prerouting-kura-pf
-A prerouting-kura -j RETURN
-A prerouting-kura-pf -s 10.0.0.0/8 -i eth0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.168.1.5:80
-A prerouting-kura-pf -j RETURN
-A postrouting-kura -j postrouting-kura-ipf
-A postrouting-kura -j postrouting-kura-pf
-A postrouting-kura -j RETURN
-A postrouting-kura-pf -s 10.0.0.0/8 -d 192.168.1.5/32 -o eth1 -p tcp -j MASQUERADE
-A postrouting-kura-pf -j RETURN
-A postrouting-kura-ipf -d 198.51.100.8/32 -o eth0 -p tcp -j MASQUERADE
-A postrouting-kura-ipf -j RETURN
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:input-kura - [0:0]
:forward-kura - [0:0]
:forward-kura-ipf - [0:0]
:forward-kura-pf - [0:0]
-A INPUT -p tcp -m tcp --dport 9000 -j DROP
-A INPUT -j input-kura
-A FORWARD -j forward-kura
-A input-kura -i lo -j ACCEPT
-A input-kura -m state --state RELATED,ESTABLISHED -j ACCEPT
-A input-kura -p tcp -m tcp --dport 22 -j ACCEPT
-A input-kura -p tcp -m tcp --dport 7000 -m connlimit --connlimit-above 9 -j DROP
-A input-kura -j RETURN
-A forward-kura -j forward-kura-ipf
-A forward-kura -j forward-kura-pf
-A forward-kura -j RETURN
-A forward-kura-pf -s 10.0.0.0/8 -d 192.168.1.5/32 -i eth0 -o eth1 -p tcp -m tcp -j ACCEPT
-A forward-kura-pf -j RETURN
-A forward-kura-ipf -d 198.51.100.8/32 -i eth1 -o eth0 -p tcp -m tcp -j ACCEPT
-A forward-kura-ipf -j RETURN
COMMIT
"""


def told(rules: str, layout: Layout = KURA_3, *, table: str = "filter") -> list[str]:
    text = f"*{table}\n:INPUT DROP [0:0]\n:PREROUTING ACCEPT [0:0]\n:OWN - [0:0]\n:INPUT_OWN - [0:0]\n{rules}\nCOMMIT\n"
    if layout.generation == "C":
        text = text.replace(":OWN", ":input-kura - [0:0]\n:OWN")
    return [problem.what for problem in unkept(iptables.parse(text, "f"), layout, "f")]


@pytest.mark.parametrize("layout", [KURA_3, KURA_4], ids=["3", "4"])
@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("-p tcp -m tcp --dport 9000 -j DROP", "-j DROP becomes -j ACCEPT"),
        ("-p tcp -m tcp --dport 9000 -j REJECT --reject-with tcp-reset", "-j REJECT becomes -j ACCEPT"),
        ("-p tcp -m tcp --dport 9000 -j LOG --log-prefix x", "-j LOG becomes -j ACCEPT"),
        ("-p tcp -m tcp --dport 9000 -j OWN", "-j OWN becomes -j ACCEPT"),
        ("-p tcp -m tcp --dport 9000", "-j (none) becomes -j ACCEPT"),
        ("-p tcp -m tcp --dport 9000 -m limit --limit 5/sec -j ACCEPT", "it loses '-m limit' and accepts more"),
        ("-p tcp -m tcp --dport 9000 -m iprange --src-range 10.0.0.1-10.0.0.9 -j ACCEPT", "loses '-m iprange'"),
        ("-d 192.168.1.1/32 -p tcp -m tcp --dport 9000 -j ACCEPT", "it loses '-d 192.168.1.1/32'"),
        ("! -s 10.0.0.0/8 -p tcp -m tcp --dport 9000 -j ACCEPT", "it loses '! -s 10.0.0.0/8'"),
        ("-p tcp -m state --state NEW -m tcp --dport 9000 -j ACCEPT", "it loses '-m state'"),
        ("-p tcp -m tcp ! --sport 1000:2000 --dport 9000 -j ACCEPT", "it loses '! --sport"),
        ("-p tcp -m mac ! --mac-source 02:00:00:00:00:01 -m tcp --dport 9000 -j ACCEPT", "it loses '! --mac-source"),
        ("-p tcp -m tcp --dport 9000 --tcp-flags SYN,ACK SYN -j ACCEPT", "it loses '--tcp-flags"),
        ('-p tcp -m tcp --dport 9000 -m comment --comment "not -s 10.0.0.0/8" -j ACCEPT', "it loses '--comment"),
        ("-p sctp -m sctp --dport 9000 -j ACCEPT", "its protocol is sctp"),
        ("-p tcp -m multiport --ports 9000 -j ACCEPT", "it has no port (--dport)"),
        ("-p icmp -j ACCEPT", "it has no port (--dport)"),
        ("-m conntrack --ctstate INVALID -j DROP", "it has no port (--dport)"),
        ("-i tun0 -j ACCEPT", "it has no port (--dport)"),
        ("-j OWN", "it has no port (--dport)"),
        ("-p tcp -m connlimit --connlimit-above 20 -j DROP", "it has no port (--dport)"),
    ],
)
def test_what_kura_has_no_words_for_is_named(rule: str, why: str, layout: Layout) -> None:
    (found,) = told(f"-A INPUT {rule}", layout)
    assert found.startswith("f: line 6: -A INPUT ")
    assert why in found


def test_a_chain_that_only_begins_like_input_is_read_too() -> None:
    (found,) = told("-A INPUT_OWN -p tcp -m tcp --dport 9000 -j DROP")
    assert "becomes -j ACCEPT" in found


@pytest.mark.parametrize(
    "rule",
    [
        *kura_firewall.FIXED,
        "-s 10.0.0.0/8 -i eth0 -p udp -m udp --sport 1000:2000 --dport 53 -j ACCEPT",
        "! -i eth1 -p tcp -m mac --mac-source 02:00:00:00:00:01 -m tcp --dport 700:800 -j ACCEPT",
        '-p tcp -m tcp --dport 9000 -m comment --comment "the plant" -j ACCEPT',
    ],
)
def test_what_kura_writes_itself_is_kept(rule: str) -> None:
    assert told(f"-A INPUT {rule}") == []
    assert told(f"-A INPUT {rule}", KURA_4) == []
    assert told(f"-A input-kura {rule}", KURA_5_0) == []


@pytest.mark.parametrize(
    ("rule", "spelled"),
    [
        ("-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", [kura_firewall.FIXED[1]]),
        ("-s 10.0.0.5 -p tcp --dport :1023 -j ACCEPT", ["-s 10.0.0.5/32 -p tcp --dport 0:1023 -j ACCEPT"]),
        ("-s 10.0.0.5/255.0.0.0 -p tcp --dport 9 -j ACCEPT", ["-s 10.0.0.0/8 -p tcp --dport 9 -j ACCEPT"]),
        ("-s 0.0.0.0/0 -p tcp --dport 9 -j ACCEPT", ["-p tcp --dport 9 -j ACCEPT"]),
        (
            "-p tcp -m multiport --dports 80,90:91 -j ACCEPT",
            ["-p tcp -m tcp --dport 80 -j ACCEPT", "-p tcp -m tcp --dport 90:91 -j ACCEPT"],
        ),
        ("-p tcp -m tcp ! --dport 1:65535 -j ACCEPT", ["-p tcp -m tcp --dport 0 -j ACCEPT"]),
    ],
)
def test_the_same_in_the_words_kura_reads(rule: str, spelled: list[str]) -> None:
    found = kura_firewall.spelled(iptables.rule(f"-A INPUT {rule}"))
    assert [one.text for one in found] == [f"-A INPUT {text}" for text in spelled]
    assert told(f"-A INPUT {rule}") == []


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("-A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 10.0.0.9", "leads to an address without a port"),
        ("-A PREROUTING -p tcp --dport 80:90 -j DNAT --to-destination 10.0.0.9:80", "it is for more than one port"),
        ("-A PREROUTING -p tcp --dport 81 -j REDIRECT --to-ports 80", "it has no --to-destination"),
        ("-A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE", "it has no interface to leave by"),
    ],
)
def test_what_kura_s_reader_throws_at_is_named(rule: str, why: str) -> None:
    (found,) = told(rule, table="nat")
    assert why in found
    assert "Kura cannot read the firewall at all" in found


def test_kura_5_reads_its_own_chain_only() -> None:
    found = [problem.what for problem in unkept(iptables.parse(FIVE, "f"), KURA_5_0, "f")]
    (flood,) = found
    assert "--dport 7000 -m connlimit" in flood
    assert "it is gone" in flood


def test_rules_in_kura_s_chains_are_read_where_they_take_effect() -> None:
    rules = iptables.parse(FIVE, "f")
    nat, filtering = rules.table("nat"), rules.table("filter")
    assert filtering is not None
    assert [rule.target for rule in flat(filtering, "INPUT")] == ["DROP", "ACCEPT", "ACCEPT", "ACCEPT", "DROP"]
    assert innermost(filtering, "INPUT") == "input-kura"
    assert [entry.ports for _, entry in open_ports(filtering)] == ["22"]
    (forward,) = (entry for _, entry in forwards(nat, filtering))
    assert list(vars(forward).values()) == [
        "eth0", "eth1", "192.168.1.5", "tcp", "8080", "80", "true", "10.0.0.0/8", "", "",
    ]  # fmt: skip
    (nat_entry,) = (entry for _, entry in translations(nat, filtering))
    assert list(vars(nat_entry).values()) == ["eth1", "eth0", "tcp", "", "198.51.100.8/32", "true"]


def test_a_chain_that_some_packets_walk_is_no_part_of_another() -> None:
    text = "*filter\n:INPUT DROP [0:0]\n:own - [0:0]\n-A INPUT -p tcp -j own\n-A own -j ACCEPT\nCOMMIT\n"
    table = iptables.parse(text, "f").table("filter")
    assert table is not None
    assert [rule.target for rule in flat(table, "INPUT")] == ["own"]
    assert innermost(table, "INPUT") == "INPUT"
