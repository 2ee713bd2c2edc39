"""Reader and writer of the iptables-save form (iptables-restore(8))."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, replace

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.network.iptables.rules import Chain, Clause, Rule, Ruleset, Table, parse_ports

_LONG = {
    "--protocol": "-p",
    "--source": "-s",
    "--src": "-s",
    "--destination": "-d",
    "--dst": "-d",
    "--in-interface": "-i",
    "--out-interface": "-o",
    "--jump": "-j",
    "--goto": "-g",
    "--match": "-m",
    "--destination-port": "--dport",
    "--source-port": "--sport",
    "--destination-ports": "--dports",
    "--source-ports": "--sports",
    "--fragment": "-f",
}
_BUILT_IN = frozenset({"INPUT", "FORWARD", "OUTPUT", "PREROUTING", "POSTROUTING"})
_PORTS = ("--dport", "--sport", "--dports", "--sports")
_NEEDS_ONE_VALUE = frozenset({"-p", "-s", "-d", "-i", "-o", "-j", "-g", "-m", *_PORTS})
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"(?=\s|$)|([^\s"]+)(?=\s|$)')
_REMEDY = "write the file as iptables-save does; `iptables-restore --test` names what the kernel's tools refuse"


@dataclass
class _Reading:
    """A table while it is read."""

    name: str
    line: int
    chains: dict[str, Chain] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)


def parse(text: str, where: str) -> Ruleset:
    """Read a file; ``-I`` lines are put where they take effect, so the rules stand in the order of the walk.

    Args:
        where: how the file is called in messages.

    Raises:
        PipelineError: every line that cannot be understood, rules in or jumps to chains nobody declared (the nft
            variant of iptables-restore lets them pass), chains that lead back to themselves, a table without COMMIT.
    """
    problems: list[Problem] = []
    tables: list[Table] = []
    current: _Reading | None = None
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        try:
            if line.startswith("*"):
                if current is not None:
                    raise ValueError(f"table {line[1:]!r} begins before {current.name!r} has its COMMIT")
                if any(table.name == line[1:] for table in tables):
                    raise ValueError(f"table {line[1:]!r} is there twice")
                current = _Reading(line[1:], number)
            elif current is None:
                raise ValueError("stands outside a table")
            elif line == "COMMIT":
                problems += _undeclared(current, where)
                tables.append(Table(current.name, tuple(current.chains.values()), tuple(current.rules)))
                current = None
            elif line.startswith(":"):
                chain = _chain(line)
                current.chains[chain.name] = chain
            else:
                _add(current, line, number)
        except ValueError as error:
            problems.append(Problem(f"{where}: line {number}: {error}", _REMEDY))
    if current is not None:
        problems.append(Problem(f"{where}: line {current.line}: table {current.name!r} has no COMMIT", _REMEDY))
    for table in tables:
        problems += [Problem(f"{where}: chain {name!r} leads back to itself", _REMEDY) for name in _loops(table)]
    raise_if_any(problems)
    return Ruleset(tuple(tables))


def render(ruleset: Ruleset) -> str:
    """Write a file; every table with its chains first, as iptables-save does."""
    lines: list[str] = []
    for table in ruleset.tables:
        lines.append(f"*{table.name}")
        lines += [f":{chain.name} {chain.policy} {chain.counters}" for chain in table.chains]
        lines += [rule.text for rule in table.rules]
        lines.append("COMMIT")
    return "".join(f"{line}\n" for line in lines)


def rule(text: str) -> Rule:
    """One ``-A`` line as a rule; `PipelineError` when it cannot be understood."""
    reading = _Reading("filter", 0)
    try:
        _add(reading, text, 0)
    except ValueError as error:
        raise PipelineError(f"firewall rule {text!r}: {error}", _REMEDY) from None
    return reading.rules[0]


def _chain(line: str) -> Chain:
    found = re.fullmatch(r":(\S+)\s+(\S+)(?:\s+(\[\d+:\d+\]))?", line, re.ASCII)
    if found is None:
        raise ValueError("a chain is declared as ':NAME POLICY [packets:bytes]'")
    name, policy, counters = found.groups()
    if policy not in ("-", "ACCEPT", "DROP") or (policy == "-") == (name in _BUILT_IN):
        raise ValueError(f"chain {name!r} cannot have the policy {policy!r}")
    return Chain(name, policy, counters or "[0:0]")


def _add(reading: _Reading, line: str, number: int) -> None:
    """Read a rule and put it where it takes effect; `ValueError` names what is wrong with it."""
    tokens = _tokens(line)
    counters = tokens.pop(0) if re.fullmatch(r"\[\d+:\d+\]", tokens[0], re.ASCII) else ""
    if len(tokens) < 2 or tokens[0] not in ("-A", "--append", "-I", "--insert"):
        raise ValueError(f"expected a rule, found {line!r}")
    command, chain, rest = tokens[0], tokens[1], tokens[2:]
    place = int(rest.pop(0)) if command in ("-I", "--insert") and rest and rest[0].isdecimal() else 1
    made = Rule(chain, _clauses(rest), counters, number)
    if command in ("-A", "--append"):
        reading.rules.append(made)
        return
    others = [index for index, known in enumerate(reading.rules) if known.chain == chain]
    if place - 1 > len(others):
        raise ValueError(f"place {place} is beyond the end of chain {chain!r}")
    reading.rules.insert(others[place - 1] if place - 1 < len(others) else len(reading.rules), made)


def _tokens(line: str) -> list[str]:
    tokens: list[str] = []
    end = 0
    for found in _TOKEN.finditer(line):
        if line[end : found.start()].strip():
            break
        quoted, bare = found.groups()
        tokens.append(re.sub(r"\\(.)", r"\1", quoted) if bare is None else bare)
        end = found.end()
    if line[end:].strip():
        raise ValueError("a quotation mark is not closed")
    return tokens


def _clauses(tokens: list[str]) -> tuple[Clause, ...]:
    clauses: list[Clause] = []
    negated = False
    for word in tokens:
        if word == "!":
            if negated:
                raise ValueError("'!' stands twice")
            negated = True
        elif _is_option(word):
            option, _, value = word.partition("=") if word.startswith("--") else (word[:2], "", word[2:])
            clauses.append(Clause(_LONG.get(option, option), (value,) if value else (), negated))
            negated = False
        elif negated or not clauses:
            raise ValueError(f"expected an option before {word!r}")
        else:
            clauses[-1] = replace(clauses[-1], values=(*clauses[-1].values, word))
    if negated:
        raise ValueError("'!' stands at the end")
    for clause in clauses:
        _check(clause)
    return tuple(clauses)


def _is_option(token: str) -> bool:
    """``-p``, ``-ptcp`` or ``--dport``; a lone dash or a negative number is a value."""
    return re.match(r"--[a-z]|-[A-Za-z]", token) is not None


def _check(clause: Clause) -> None:
    """`ValueError` for values no iptables would take, or that iptables-save never writes."""
    if clause.option in _NEEDS_ONE_VALUE and len(clause.values) != 1:
        raise ValueError(f"{clause.option} needs exactly one value, has {' '.join(clause.values) or 'none'}")
    if clause.option in ("-j", "-g", "-m") and clause.negated:
        raise ValueError(f"{clause.option} cannot be negated")
    if clause.option in ("-s", "-d"):
        try:
            ipaddress.IPv4Network(clause.values[0], strict=False)
        except ValueError:
            raise ValueError(f"{clause.option} {clause.values[0]}: not an IPv4 address or network") from None
    if clause.option in _PORTS:
        parse_ports(clause.values[0])


def _undeclared(reading: _Reading, where: str) -> list[Problem]:
    problems = []
    for made in reading.rules:
        if made.chain not in reading.chains and made.chain not in _BUILT_IN:
            problems.append(Problem(f"{where}: line {made.line}: chain {made.chain!r} is not declared", _REMEDY))
        jump = made.value("-g")
        # A target in capitals may be an extension; a chain named by goto, or one in small letters, must be declared.
        if (jump or (made.target and not made.target.isupper())) and made.target not in reading.chains:
            problems.append(Problem(f"{where}: line {made.line}: chain {made.target!r} is not declared", _REMEDY))
    return problems


def _loops(table: Table) -> list[str]:
    return [
        chain.name
        for chain in table.chains
        if any(chain.name in table.reachable(rule.target) for rule in table.of(chain.name) if table.chain(rule.target))
    ]
