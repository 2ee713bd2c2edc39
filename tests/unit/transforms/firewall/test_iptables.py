"""The iptables-save form: round trips, what is refused, and how a packet walks."""

from __future__ import annotations

import contextlib
import string
from ipaddress import IPv4Address
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.formats.network.iptables.rules import (
    ALL_PORTS,
    Chain,
    Clause,
    Rule,
    Ruleset,
    Table,
    parse_ports,
    subtract,
)
from pipeline.formats.network.iptables.text import parse, render, rule
from pipeline.formats.network.iptables.walk import Packet, Verdict, opening, refusal, walk
from tests.support.network import IPTABLES, committed

WORD = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=8).filter(lambda w: w[0] not in "-!")
VALUE = WORD | st.text([chr(code) for code in range(0x20, 0x7F)], max_size=8).filter(lambda v: v[:1] not in ("-", "!"))
CLAUSES = st.one_of(
    st.builds(Clause, st.just("--comment"), st.tuples(VALUE), st.booleans()),
    st.builds(Clause, st.just("-i"), st.tuples(WORD), st.booleans()),
    st.builds(Clause, st.just("-s"), st.just(("10.0.0.0/8",)), st.booleans()),
    st.builds(Clause, st.just("--dport"), st.sampled_from([("22",), ("1:65535",)]), st.booleans()),
    st.builds(Clause, st.just("-j"), st.just(("ACCEPT",))),
)


def in_order(clauses: list[Clause]) -> tuple[Clause, ...]:
    """Each option once, behind what brings it."""
    chosen = {clause.option: clause for clause in clauses}
    if "--comment" in chosen:
        chosen["--comment"] = Clause("--comment", chosen["--comment"].values)
    brought = {"--comment": Clause("-m", ("comment",)), "--dport": Clause("-p", ("tcp",))}
    return tuple(made for name, clause in sorted(chosen.items(), key=lambda item: item[0] == "-j")
                 for made in ((brought[name], clause) if name in brought else (clause,)))  # fmt: skip


RULES = st.builds(Rule, st.sampled_from(["INPUT", "FORWARD"]), st.lists(CLAUSES, max_size=4).map(in_order))


@given(st.lists(RULES, max_size=5))
def test_round_trip(rules: list[Rule]) -> None:
    ruleset = Ruleset((Table("filter", (Chain("INPUT", "DROP", "[1:2]"), Chain("mine")), tuple(rules)),))
    assert parse(render(ruleset), "f") == ruleset


@given(st.text(max_size=200) | st.text('*:-! \nABCINPUTadpsj0123456789"[]', max_size=80))
def test_arbitrary_text_is_read_or_refused_and_never_crashes(text: str) -> None:
    for wrapped in (text, f"*filter\n{text}\nCOMMIT\n", f"*filter\n-A INPUT {text}\nCOMMIT\n"):
        with contextlib.suppress(PipelineError):
            parse(wrapped, "f")


def test_the_committed_file_comes_out_as_it_went_in() -> None:
    text = committed(IPTABLES)
    body = [line for line in text.splitlines() if not line.startswith("#")]
    assert render(parse(text, "f")).splitlines() == body


@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(sorted), max_size=6), st.data())
def test_ports_without_ports(ranges: list[list[int]], data: st.DataObject) -> None:
    away = [(low, high) for low, high in ranges]
    left = subtract(ALL_PORTS, away)
    port = data.draw(st.integers(0, 65535))
    assert any(low <= port <= high for low, high in left) != any(low <= port <= high for low, high in away)
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(left))


def table(*rules: str, declared: str = "") -> Table:
    text = f"*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n{declared}" + "".join(f"{line}\n" for line in rules)
    found = parse(text + "COMMIT\n", "f").table("filter")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("-A INPUT -p", "-p needs 1 value"),
        ("-A INPUT -s 10.0.0.0.0 -j ACCEPT", "10.0.0.0.0: not an IPv4"),
        ("-A INPUT -s host.example -j ACCEPT", "host.example: not an IPv4"),
        ("-A INPUT -p tcp --dport shh -j ACCEPT", "'shh'"),
        ("-A INPUT -p tcp --dport 70000 -j ACCEPT", "'70000'"),
        ("-A INPUT -p tcp --dport 90:80 -j ACCEPT", "'90:80'"),
        ("-A INPUT -p tcp --dport ! 22 -j ACCEPT", "--dport does not take '!'"),
        ("-A INPUT ! ! -i eth0 -j DROP", "'!' stands twice"),
        ("-A INPUT -j DROP !", "'!' stands at the end"),
        ("-A INPUT ! -j DROP", "-j cannot be negated"),
        ("-A INPUT -m comment --comment 'x y' -j DROP", "only double quotation marks"),
        ("-A INPUT -p tcp --dport 53,67 -j ACCEPT", "'53,67'"),
        ("-A INPUT -p tcp --dports 53,67 -j ACCEPT", "needs -m multiport"),
        ("-A INPUT --dport 53 -j ACCEPT", "needs -p tcp or udp"),
        ("-A INPUT -j MASQUERADE", "cannot stand in table filter"),
        ("-A INPUT -j ACCEPT\r", "'ACCEPT\\r' is not declared"),
        ("-A INPUT -ieth0 -j ACCEPT", "in one word"),
        ("-A INPUT -o eth0 -j ACCEPT", "-o cannot stand in INPUT"),
        ("-A INPUT -m state --state NEWS -j ACCEPT", "'NEWS'"),
        ("-A INPUT -m nosuch -j ACCEPT", "no such match"),
        ("COMMIT ", "around COMMIT"),
        ("COMMIT\r", "around COMMIT"),
        ("-A INPUT eth0", "expected an option before 'eth0'"),
        ("-D INPUT -j DROP", "expected a rule"),
        ("-A other -j DROP", "chain 'other' is not declared"),
        ("-A INPUT -j nowhere", "chain 'nowhere' is not declared"),
        ("-A INPUT -g NOWHERE", "chain 'NOWHERE' is not declared"),
        ("-I INPUT 5 -j DROP", "place 5 is beyond"),
        (":INPUT MAYBE [0:0]", "cannot have the policy"),
        (":-mine - [0:0]", "cannot be a chain's name"),
        (":INPUT", "a chain is declared as"),
        ("*nat", "expected a rule"),
        ("-A INPUT -p tcp --dport", "--dport needs 1 value"),
    ],
)
def test_what_cannot_be_understood_is_named_by_line(line: str, told: str) -> None:
    with pytest.raises(PipelineError) as caught:
        parse(f"*filter\n:INPUT DROP [0:0]\n{line}\nCOMMIT\n", "f")
    assert caught.value.problems[0].what.startswith("f: line ")
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("*filter\n", "line 1: table 'filter' has no COMMIT"),
        ("-A INPUT -j DROP\n", "line 1: stands outside a table"),
        (
            "*filter\n:a - [0:0]\n:b - [0:0]\n-A INPUT -j a\n-A a -j b\n-A b -j a\nCOMMIT\n",
            "chain 'a' leads back to itself",
        ),
    ],
)
def test_what_no_kernel_takes(text: str, told: str) -> None:
    with pytest.raises(PipelineError, match="f: ") as caught:
        parse(text, "f")
    assert told in str(caught.value)


def test_insertions_stand_where_they_take_effect() -> None:
    found = table("-A INPUT -j DROP", "-I INPUT -i lo -j ACCEPT", "-I INPUT 2 -i eth0 -j ACCEPT")
    assert [made.text for made in found.rules] == [
        "-A INPUT -i lo -j ACCEPT",
        "-A INPUT -i eth0 -j ACCEPT",
        "-A INPUT -j DROP",
    ]


def test_long_options_and_glued_values() -> None:
    long = rule("-A INPUT --protocol tcp --source 10.0.0.1 --match tcp --destination-port=22 --jump ACCEPT")
    assert long.text == "-A INPUT -p tcp -s 10.0.0.1 -m tcp --dport 22 -j ACCEPT"
    assert rule("-A INPUT -p tcp -jDROP").text == "-A INPUT -p tcp -j DROP"


def test_what_we_write_needs_no_shell() -> None:
    made = rule('-A INPUT -m comment --comment "it\'s \\"ours\\", a\\\\b" -j DROP')
    assert made.value("--comment") == 'it\'s "ours", a\\b'
    assert made.text == '-A INPUT -m comment --comment "it\'s \\"ours\\", a\\\\b" -j DROP'
    assert rule(made.text) == made


def test_lists_of_addresses_are_rules_of_their_own() -> None:
    found = table("-A INPUT -s 192.0.2.1,198.51.100.0/24 -d 10,10.1 -j DROP")
    assert [(made.value("-s"), made.value("-d")) for made in found.rules] == [
        ("192.0.2.1", "10.0.0.0"), ("192.0.2.1", "10.1.0.0"), ("198.51.100.0/24", "10.0.0.0"),
        ("198.51.100.0/24", "10.1.0.0"),
    ]  # fmt: skip


def test_a_table_that_is_there_twice_is_loaded_twice() -> None:
    found = parse("*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n*filter\n:INPUT DROP [0:0]\nCOMMIT\n", "f").table("filter")
    assert found is not None
    assert found.chains == (Chain("INPUT", "DROP"),)


STRANGER = IPv4Address("192.0.2.1")


def ends(found: Table, port: int = 80, interface: str = "eth0", source: IPv4Address = STRANGER) -> list[str]:
    return [
        end.target + ("" if end.certain else "?")
        for end in walk(found, "INPUT", Packet(source, interface, "tcp", port))
    ]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ((), ["DROP"]),
        (("-A INPUT -p tcp --dport 80 -j ACCEPT",), ["ACCEPT"]),
        (("-A INPUT -p tcp --dport 7:9000 -j ACCEPT",), ["ACCEPT"]),
        (("-A INPUT -p tcp -m multiport --dports 22,80 -j ACCEPT",), ["ACCEPT"]),
        (("-A INPUT -p tcp ! --dport 80 -j ACCEPT",), ["DROP"]),
        (("-A INPUT -p udp --dport 80 -j ACCEPT",), ["DROP"]),
        (("-A INPUT -p 6 --dport 80 -j ACCEPT",), ["ACCEPT"]),
        (("-A INPUT -i eth+ -j ACCEPT",), ["ACCEPT"]),
        (("-A INPUT ! -i eth0 -j ACCEPT",), ["DROP"]),
        (("-A INPUT -s 192.0.2.0/24 -j ACCEPT",), ["ACCEPT"]),
        (("-A INPUT ! -s 10.234.0.0/16 -j ACCEPT",), ["ACCEPT"]),
        (("-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT",), ["DROP"]),
        (("-A INPUT -m conntrack --ctstate NEW -j ACCEPT",), ["ACCEPT"]),
        (("-A INPUT -p tcp --syn -j REJECT",), ["REJECT"]),
        (("-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT",), ["ACCEPT"]),
        (("-A INPUT -p icmp --icmp-type 8 -j ACCEPT",), ["DROP"]),
        (("-A INPUT -j LOG --log-prefix in", "-A INPUT -j ACCEPT"), ["ACCEPT"]),
        (("-A INPUT -m limit --limit 1/s -j ACCEPT",), ["ACCEPT?", "DROP?"]),
        (("-A INPUT -m limit --limit 1/s -j DROP", "-A INPUT -j ACCEPT"), ["DROP?", "ACCEPT?"]),
        (("-A INPUT -m mac --mac-source 02:00:00:00:00:01 -j ACCEPT",), ["ACCEPT?", "DROP?"]),
        (("-A INPUT -p tcp --sport 1024: -j ACCEPT",), ["ACCEPT?", "DROP?"]),
        (("-A INPUT -d 224.0.0.251 -j ACCEPT",), ["ACCEPT?", "DROP?"]),
        # Not knowing whether it matches is not knowing whether it does not.
        (("-A INPUT ! -d 224.0.0.251 -j ACCEPT",), ["ACCEPT?", "DROP?"]),
        (("-A INPUT -p tcp ! --sport 1024: -j DROP", "-A INPUT -j ACCEPT"), ["DROP?", "ACCEPT?"]),
        (("-A INPUT -m mac ! --mac-source 02:00:00:00:00:01 -j ACCEPT",), ["ACCEPT?", "DROP?"]),
        (("-A INPUT -m addrtype ! --dst-type LOCAL -j DROP", "-A INPUT -j ACCEPT"), ["DROP?", "ACCEPT?"]),
        (("-A INPUT -j NFQUEUE",), ["NFQUEUE?", "DROP?"]),
        (("-A INPUT -j mine", "-A mine -p tcp -j ACCEPT"), ["ACCEPT"]),
        (("-A INPUT -j mine", "-A mine -j RETURN", "-A mine -j ACCEPT"), ["DROP"]),
        (
            ("-A INPUT -j mine", "-A INPUT -j ACCEPT", "-A mine -m limit -j RETURN", "-A mine -j DROP"),
            ["DROP", "ACCEPT?"],
        ),
        (("-A INPUT -g mine", "-A INPUT -j ACCEPT"), ["DROP"]),
        (("-A INPUT -m limit -g mine", "-A INPUT -j ACCEPT", "-A mine -j REJECT"), ["REJECT?", "ACCEPT?", "DROP?"]),
        (("-A INPUT -i eth1 -j mine", "-A mine -j ACCEPT"), ["DROP"]),
    ],
)  # fmt: skip
def test_the_walk(rules: tuple[str, ...], expected: list[str]) -> None:
    assert ends(table(*rules, declared=":mine - [0:0]\n")) == expected


def test_doubts_count_against_the_one_who_needs_certainty() -> None:
    limited = table("-A INPUT -m limit --limit 1/s -j ACCEPT")
    packet = Packet(STRANGER, "eth0", "tcp", 80)
    may_open, may_refuse = opening(limited, "INPUT", packet), refusal(limited, "INPUT", packet)
    assert isinstance(may_open, Verdict)
    assert not may_open.certain
    assert may_refuse is not None
    assert may_refuse.reason == "policy of the chain"


def test_port_lists() -> None:
    assert parse_ports("80,22,23:25,:7,60000:") == ((0, 7), (22, 25), (80, 80), (60000, 65535))
