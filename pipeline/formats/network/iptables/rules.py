"""Tables, chains and rules as ``iptables-save`` writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

Ports = tuple[tuple[int, int], ...]
"""Ranges of ports, both ends included, ascending and apart from each other."""

ALL_PORTS: Ports = ((0, 65535),)

# Options that choose packets even when they stand behind the target.
_ALWAYS_MATCHES = ("-p", "-s", "-d", "-i", "-o", "-m", "--dport", "--sport", "--dports", "--sports")


@dataclass(frozen=True)
class Clause:
    """One option of a rule with its values, such as ``! -i eth0`` or ``--dport 7000:9000``."""

    option: str
    values: tuple[str, ...] = ()
    negated: bool = False

    @property
    def text(self) -> str:
        """As the file has it."""
        return " ".join((*(("!",) if self.negated else ()), self.option, *(_quoted(value) for value in self.values)))


@dataclass(frozen=True)
class Rule:
    """One ``-A`` line.

    Attributes:
        counters: ``[packets:bytes]`` before the rule, or empty.
        line: where it stood, for messages; 0 for a rule made by us.
    """

    chain: str
    clauses: tuple[Clause, ...]
    counters: str = ""
    line: int = field(default=0, compare=False)

    def get(self, option: str) -> Clause | None:
        """The first clause of an option."""
        return next((clause for clause in self.clauses if clause.option == option), None)

    def value(self, option: str) -> str:
        """First value of an option that is not negated; empty when there is none."""
        clause = self.get(option)
        return clause.values[0] if clause and clause.values and not clause.negated else ""

    @cached_property
    def target(self) -> str:
        """Where a matching packet goes; empty for a rule that only counts."""
        return self.value("-j") or self.value("-g")

    @cached_property
    def matches(self) -> tuple[Clause, ...]:
        """The clauses that choose packets, without the target and its own options."""
        names = [clause.option for clause in self.clauses]
        cut = min((names.index(jump) for jump in ("-j", "-g") if jump in names), default=len(names))
        return self.clauses[:cut] + tuple(c for c in self.clauses[cut:] if c.option in _ALWAYS_MATCHES)

    def interfaces(self) -> tuple[str, ...]:
        """Interfaces the rule is for, incoming and outgoing; negated ones are not among them."""
        return tuple(name for name in (self.value("-i"), self.value("-o")) if name)

    def destination_ports(self) -> Ports | None:
        """The ports the rule is for, negation and lists resolved; None when it does not look at them."""
        for option in ("--dport", "--dports"):
            clause = self.get(option)
            if clause is not None:
                ports = parse_ports(clause.values[0])
                return subtract(ALL_PORTS, ports) if clause.negated else ports
        return None

    def with_ports(self, first: int, last: int) -> Rule:
        """The same rule for one range of destination ports; multiport lists become a plain ``--dport``."""
        text = str(first) if first == last else f"{first}:{last}"
        clauses: list[Clause] = []
        for clause in self.clauses:
            if clause.option in ("--dport", "--dports"):
                clauses.append(Clause("--dport", (text,)))
            elif clause == Clause("-m", ("multiport",)):
                module = Clause("-m", (self.value("-p"),))
                if module not in self.clauses:
                    clauses.append(module)
            else:
                clauses.append(clause)
        return replace(self, clauses=tuple(clauses))

    def with_value(self, option: str, value: str) -> Rule:
        """The same rule with another value of an option it has."""
        return replace(
            self, clauses=tuple(replace(c, values=(value,)) if c.option == option else c for c in self.clauses)
        )

    @property
    def text(self) -> str:
        """As the file has it."""
        head = f"{self.counters} " if self.counters else ""
        return head + " ".join(("-A", self.chain, *(clause.text for clause in self.clauses)))


@dataclass(frozen=True)
class Chain:
    """A declared chain; ``-`` is the policy of a user's chain."""

    name: str
    policy: str = "-"
    counters: str = "[0:0]"


@dataclass(frozen=True)
class Table:
    """One table: its chains and its rules in the order the kernel walks them."""

    name: str
    chains: tuple[Chain, ...]
    rules: tuple[Rule, ...]

    def chain(self, name: str) -> Chain | None:
        """A declared chain."""
        return next((chain for chain in self.chains if chain.name == name), None)

    def of(self, chain: str) -> tuple[Rule, ...]:
        """The rules of one chain."""
        return self._by_chain.get(chain, ())

    @cached_property
    def _by_chain(self) -> Mapping[str, tuple[Rule, ...]]:
        found: dict[str, list[Rule]] = {}
        for rule in self.rules:
            found.setdefault(rule.chain, []).append(rule)
        return {chain: tuple(rules) for chain, rules in found.items()}

    @cached_property
    def walked(self) -> dict[object, Any]:
        """Answers about packets that were walked through it, kept by who walks: many ask about the same ones."""
        return {}

    def reachable(self, chain: str) -> tuple[str, ...]:
        """A chain and every user's chain it leads to."""
        seen = [chain]
        for name in seen:
            for rule in self.of(name):
                if self.chain(rule.target) is not None and rule.target not in seen:
                    seen.append(rule.target)
        return tuple(seen)


@dataclass(frozen=True)
class Ruleset:
    """A whole file."""

    tables: tuple[Table, ...]

    def table(self, name: str) -> Table | None:
        """A table by name."""
        return next((table for table in self.tables if table.name == name), None)


# Names of /etc/services that stand in firewall files.
_SERVICES = {
    "ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "time": 37, "domain": 53, "bootps": 67,
    "bootpc": 68, "tftp": 69, "http": 80, "www": 80, "kerberos": 88, "pop3": 110, "sunrpc": 111, "ntp": 123,
    "netbios-ns": 137,
    "netbios-dgm": 138, "netbios-ssn": 139, "imap2": 143, "snmp": 161, "snmp-trap": 162, "ldap": 389, "https": 443,
    "microsoft-ds": 445, "syslog": 514, "ipp": 631, "ldaps": 636, "imaps": 993, "mqtt": 1883, "nfs": 2049,
    "mysql": 3306, "postgresql": 5432, "mdns": 5353, "http-alt": 8080, "secure-mqtt": 8883,
}  # fmt: skip


@lru_cache(maxsize=1024)
def parse_ports(text: str) -> Ports:
    """Read ``22``, ``ssh``, ``7000:9000``, ``:1023`` or a list of them; `ValueError` for anything else."""
    ranges: list[tuple[int, int]] = []
    for part in text.split(","):
        low, colon, high = part.partition(":")
        if not part or part == ":":
            raise ValueError(f"not a port or a range of ports: {part!r}")
        first = _port(low) if low else 0
        last = (_port(high) if high else 65535) if colon else first
        if first is None or last is None:
            raise ValueError(f"not a port or a range of ports: {part!r}")
        if first > last or last > 65535:
            raise ValueError(f"not a range of ports: {part!r}")
        ranges.append((first, last))
    return _merged(ranges)


def _port(text: str) -> int | None:
    """A number as C reads it (022 is 18, 0x16 is 22), or the name of a service."""
    if re.fullmatch(r"0[xX][0-9a-fA-F]{1,8}", text):
        return int(text, 16)
    if re.fullmatch(r"0[0-7]{1,8}", text):
        return int(text, 8)
    if re.fullmatch(r"0|[1-9]\d{0,5}", text, re.ASCII):
        return int(text)
    return _SERVICES.get(text)


def subtract(ports: Ports, away: Iterable[tuple[int, int]]) -> Ports:
    """Ports without some ranges."""
    left = list(ports)
    for low, high in away:
        left = [
            piece
            for first, last in left
            for piece in ((first, min(last, low - 1)), (max(first, high + 1), last))
            if piece[0] <= piece[1]
        ]
    return _merged(left)


def _merged(ranges: Iterable[tuple[int, int]]) -> Ports:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def _quoted(value: str) -> str:
    """Double quotation marks, the only ones iptables-restore knows; inside them a backslash frees the next letter."""
    if value and not re.search(r"[\s\"\\]", value):
        return value
    return '"' + re.sub(r"([\"\\])", r"\\\1", value) + '"'
