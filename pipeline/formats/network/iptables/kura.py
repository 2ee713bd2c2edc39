"""What Kura makes of a line of the firewall file: it reads the file when it starts and writes all of it at each change.

Facts of Kura's own reader and writer, ``org.eclipse.kura.linux.net/.../iptables`` (docs/kura-facts.md):

- 3.0 to 4.1: ``IptablesConfig.restore`` takes every line that begins with ``-A INPUT`` for a port to open.
  ``LocalRule(String)`` (3.0.0 line 131, 4.1.2 line 129) looks for ``-i``, ``-s``, ``-p``, ``--dport``, ``--sport`` and
  ``--mac-source`` and for nothing else, and everything it has read is written with ``-j ACCEPT``.
- 5.0: the same with ``-A input-kura``; lines that speak of connlimit, conntrack or tcp-flags are passed over.
- A field that is not as expected (a network without ``/``, a port that is no number) is an exception: in INPUT the line
  is dropped or the component's configuration cannot be had any more, elsewhere the whole firewall is not read.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import replace

from pipeline.formats.network.iptables.rules import Clause, Rule, Table
from pipeline.formats.network.iptables.text import rule as parse_rule

FIXED = (
    "-i lo -j ACCEPT",
    "-m state --state RELATED,ESTABLISHED -j ACCEPT",
    "-p icmp -m icmp --icmp-type 8 -m state --state NEW,RELATED,ESTABLISHED -j ACCEPT",
    "-p icmp -m icmp --icmp-type 8 -m state --state NEW,RELATED,ESTABLISHED -j DROP",
)
"""Lines of INPUT that Kura knows by heart; it compares the text, so another spelling is a port to it."""

_READ = frozenset({"-i", "-s", "-p", "--dport", "--sport", "--mac-source"})
# Modules that choose nothing by themselves: Kura leaves them out, and iptables loads them again.
_IMPLIED = frozenset({"tcp", "udp", "mac", "comment"})
_PROTOCOLS = ("tcp", "udp")  # NetProtocol has these two values
_PASSED_OVER = ("connlimit", "tcp-flags", "conntrack")
_STATES = ("--state", "--ctstate")


def spelled(rule: Rule) -> tuple[Rule, ...]:
    """The same rule in the words Kura reads: one line for each range of ports, networks with their length.

    Nothing about what the rule does changes: a list of ports becomes a line for each, ``10.0.0.5`` becomes
    ``10.0.0.5/32``, ``:1023`` becomes ``0:1023``, and the answers that conntrack lets in are said with ``state``.
    """
    answers = [clause for clause in rule.clauses if clause.option in _STATES]
    alone = len(answers) == 1 and len(rule.clauses) == 3 and rule.target == "ACCEPT" and not answers[0].negated
    if alone and set(answers[0].values[0].split(",")) == {"RELATED", "ESTABLISHED"}:
        return (_fixed(rule, FIXED[1]),)
    rule = addressed(rule)
    if rule.destination_ports() is None or rule.get("--ports") or rule.get("--sports"):
        return (rule,)
    return tuple(rule.with_ports(low, high) for low, high in rule.destination_ports() or ())


def addressed(rule: Rule) -> Rule:
    """The same rule with networks as ``address/length``: at any other form Kura's reader throws.

    What is said of everybody goes; ``-m all``, which Kura 5.0 writes for an entry of all protocols, nobody can load.
    """
    clauses = [replace(c, values=(_network(c.values[0]),)) if c.option in ("-s", "-d") else c for c in rule.clauses]
    return replace(rule, clauses=tuple(clause for clause in clauses if not _is_all(clause)))


def loss(rule: Rule, generation: str) -> str:
    """What a rule of the chain Kura reads becomes when Kura saves the firewall; empty when it stays what it is.

    Args:
        generation: ``A`` or ``B`` for the chain INPUT of Kura 3 and 4, ``C`` for ``input-kura`` of Kura 5.
    """
    if any(rule.clauses == _fixed(rule, text).clauses for text in FIXED):
        return ""
    if generation == "C" and any(word in rule.text for word in _PASSED_OVER):
        return "it is gone: Kura passes over it and empties its chain"
    unread = [clause for clause in rule.clauses if not _is_read(clause)]
    if rule.get("--dport") is None:
        return "it has no port (--dport), so Kura reads port 0, and its console can no longer be asked for the firewall"
    if rule.value("-p") not in _PROTOCOLS:
        return f"its protocol is {rule.value('-p') or 'not said'}, and Kura knows tcp and udp"
    if rule.target != "ACCEPT":
        return f"-j {rule.target or '(none)'} becomes -j ACCEPT"
    if unread:
        return f"it loses {unread[0].text!r} and accepts more"
    return ""


def _is_read(clause: Clause) -> bool:
    if clause.negated:
        return clause.option == "-i"
    if clause.option == "--comment":  # Kura splits at blanks, in quotes too
        return not any(word.startswith("-") or word == "!" for word in clause.values[0].split(" "))
    return clause.option in _READ or clause.option == "-j" or (clause.option == "-m" and clause.values[0] in _IMPLIED)


def read_chains(table: Table, generation: str) -> tuple[str, ...]:
    """The chains whose lines Kura reads as ports: it looks at how a line begins, so INPUT_OWN is one too."""
    start = "input-kura" if generation == "C" else "INPUT"
    found = [rule.chain for rule in table.rules if rule.chain.startswith(start)]
    return tuple(dict.fromkeys(found))


def choking(table: Table, generation: str) -> Iterator[tuple[Rule, str]]:
    """Rules of the other chains at which Kura's reader throws: nothing of the firewall is known to it then."""
    names = ("prerouting-kura", "postrouting-kura", "forward-kura") if generation == "C" else _BUILT_IN
    for rule in table.rules:
        kind = next((name for name in names if rule.chain.startswith(name)), "")
        if not kind or (generation == "C" and "RETURN" in rule.text) or table.chain(rule.target) is not None:
            continue
        if "prerouting" in kind.lower():
            destination = rule.value("--to-destination")
            if destination and not destination.partition(":")[2].isdecimal():
                yield rule, "it leads to an address without a port"
            elif not destination:
                yield rule, "it has no --to-destination"
            if not rule.value("--dport").isdecimal() and rule.get("--dport"):
                yield rule, "it is for more than one port"
        elif "postrouting" in kind.lower() and not rule.value("-o"):
            yield rule, "it has no interface to leave by (-o)"


_BUILT_IN = ("PREROUTING", "POSTROUTING", "FORWARD")


def _fixed(rule: Rule, text: str) -> Rule:
    return replace(parse_rule(f"-A {rule.chain} {text}"), counters=rule.counters, line=rule.line)


def _network(text: str) -> str:
    try:
        return str(ipaddress.IPv4Network(text, strict=False))
    except ValueError:
        return text


def _is_all(clause: Clause) -> bool:
    value = clause.values[0] if clause.values and not clause.negated else ""
    return value.endswith("/0") if clause.option in ("-s", "-d") else clause.option in ("-p", "-m") and value == "all"
