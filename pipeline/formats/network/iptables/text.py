"""Reader and writer of the iptables-save form (iptables-restore(8)): what is read here, 1.8 takes, and only that."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field, replace

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.network.iptables import addresses, line, standing
from pipeline.formats.network.iptables.extensions import BUILT_IN, KNOWN_TARGETS
from pipeline.formats.network.iptables.rules import Chain, Clause, Rule, Ruleset, Table

_POLICIES = frozenset({"ACCEPT", "DROP", "-"})
_LONGEST_CHAIN = 28
_REMEDY = "write the file as iptables-save does; `iptables-restore --test` names what the kernel's tools refuse"


@dataclass
class _Reading:
    """A table while it is read."""

    name: str
    line: int
    six: bool = False
    chains: dict[str, Chain] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)


def parse(text: str, where: str, *, six: bool = False) -> Ruleset:
    """Read a file; ``-I`` lines are put where they take effect, so the rules stand in the order of the walk.

    A table that stands there twice is loaded twice, and the second one is what stays.

    Args:
        where: how the file is called in messages.
        six: for ip6tables-restore.

    Raises:
        PipelineError: every line at which iptables-restore gives up the whole file: options, values and places it does
            not know, chains nobody declared before, blanks around ``COMMIT``, carriage returns, a table without COMMIT.
    """
    problems: list[Problem] = []
    tables: list[Table] = []
    current: _Reading | None = None
    for number, whole in enumerate(text.split("\n"), 1):
        row = whole.partition("\0")[0]
        if not row or row.startswith("#"):
            continue
        try:
            if current is None:
                current = _Reading(_table(row), number, six)
            elif row == "COMMIT":
                made = Table(current.name, tuple(current.chains.values()), tuple(current.rules))
                problems += [
                    Problem(f"{where}: {f'line {at}: ' if at else ''}{what}", _REMEDY)
                    for at, what in standing.problems(made)
                ]
                tables = [*(table for table in tables if table.name != made.name), made]
                current = None
            elif row.startswith(":"):
                chain = _chain(row, current)
                current.chains[chain.name] = chain
            else:
                _command(current, row, number)
        except ValueError as error:
            problems.append(Problem(f"{where}: line {number}: {error}", _REMEDY))
    if current is not None:
        problems.append(Problem(f"{where}: line {current.line}: table {current.name!r} has no COMMIT", _REMEDY))
    raise_if_any(problems)
    return Ruleset(tuple(tables))


def _table(row: str) -> str:
    """The table a line begins."""
    if not row.startswith("*"):
        raise ValueError("stands outside a table")
    words = row[1:].split(" ")[0].split("\t")[0] or (row[1:].split() or [""])[0]
    if words.endswith("\r"):
        raise ValueError("a carriage return: lines end in a line feed alone")
    if words not in BUILT_IN:
        raise ValueError(f"there is no table {words!r}")
    return words


def render(ruleset: Ruleset) -> str:
    """Write a file; every table with its chains first, as iptables-save does."""
    lines: list[str] = []
    for table in ruleset.tables:
        lines.append(f"*{table.name}")
        lines += [f":{chain.name} {chain.policy} {chain.counters}" for chain in table.chains]
        lines += [rule.text for rule in table.rules]
        lines.append("COMMIT")
    return "".join(f"{line}\n" for line in lines)


def rule(text: str, *, six: bool = False) -> Rule:
    """One ``-A`` line as a rule; `PipelineError` when it cannot be understood."""
    reading = _Reading("filter", 0, six)
    try:
        _add(reading, line.tokens(text), 0, known=False)
        [made] = reading.rules
    except ValueError as error:
        raise PipelineError(f"firewall rule {text!r}: {error}", _REMEDY) from None
    return made


def _chain(row: str, reading: _Reading) -> Chain:
    words = row[1:].split()
    if len(words) < 2:
        raise ValueError("a chain is declared as ':NAME POLICY [packets:bytes]'")
    name, policy, counters = words[0], words[1], "".join(words[2:3])
    if name in BUILT_IN[reading.name]:
        if policy not in _POLICIES:
            raise ValueError(f"chain {name!r} cannot have the policy {policy!r}")
        if counters and not re.fullmatch(r"\[\d+:\d+\]?", counters, re.ASCII):
            raise ValueError("counters are written as [packets:bytes]")
        policy = "ACCEPT" if policy == "-" else policy
    else:
        _check_name(name)
        policy = "-"
    return Chain(name, policy, counters if counters.endswith("]") else "[0:0]")


def _check_name(name: str) -> None:
    if len(name) > _LONGEST_CHAIN:
        raise ValueError(f"chain {name!r}: a name has up to {_LONGEST_CHAIN} characters")
    if name[0] in "-!" or name in KNOWN_TARGETS:
        raise ValueError(f"{name!r} cannot be a chain's name")


def _command(reading: _Reading, row: str, number: int) -> None:
    """A line within a table; `ValueError` names what is wrong with it."""
    words = line.tokens(row)
    command = words[0] if words else ""
    if command.startswith(("[", "-A", "-I")) or command in ("--append", "--insert"):
        _add(reading, words, number, known=True)
    elif command in ("-N", "--new-chain") and len(words) == 2:
        _check_name(words[1])
        reading.chains.setdefault(words[1], Chain(words[1]))
    elif command in ("-P", "--policy") and len(words) == 3 and words[1] in BUILT_IN[reading.name]:
        if words[2] not in ("ACCEPT", "DROP"):
            raise ValueError(f"no policy: {words[2]!r}")
        reading.chains[words[1]] = Chain(words[1], words[2])
    elif command in ("-F", "--flush", "-X", "--delete-chain", "-Z", "--zero", "-L", "--list") and len(words) < 3:
        _clear(reading, command.lstrip("-")[0].lower(), *words[1:])
    elif command.rstrip("\r") == "COMMIT" or row.strip() == "COMMIT":
        raise ValueError("blanks or a carriage return around COMMIT: iptables-restore does not take it for the end")
    else:
        raise ValueError(f"expected a rule, found {row!r}")


def _clear(reading: _Reading, command: str, name: str = "") -> None:
    if name and name not in reading.chains and name not in BUILT_IN[reading.name]:
        raise ValueError(f"chain {name!r} is not declared")
    if command == "f":
        reading.rules = [made for made in reading.rules if name and made.chain != name]
    elif command in ("x", "d"):
        for chain in [known for known in reading.chains if known not in BUILT_IN[reading.name]]:
            if name in ("", chain):
                del reading.chains[chain]


def _add(reading: _Reading, words: list[str], number: int, *, known: bool) -> None:
    """Read a rule and put it where it takes effect.

    Args:
        known: chains must have been declared before.
    """
    counters = ""
    found = re.match(r"\[(?:(\d+:\d+)|[^\]]*:[^\]]*)\]", words[0], re.ASCII) if words else None
    if found:
        counters = f"[{found[1] or '0:0'}]"
        words = [words[0][found.end() :], *words[1:]] if words[0][found.end() :] else words[1:]
    if words and words[0][:2] in ("-A", "-I") and len(words[0]) > 2:
        words = [words[0][:2], words[0][2:], *words[1:]]
    if len(words) < 2 or words[0] not in ("-A", "--append", "-I", "--insert"):
        raise ValueError(f"expected a rule, found {' '.join(words)!r}")
    command, chain, rest = words[0], words[1], words[2:]
    place = 1
    if command in ("-I", "--insert") and rest and not rest[0].startswith(("-", "!")):
        if not rest[0].isdecimal() or int(rest[0]) < 1:
            raise ValueError(f"{rest[0]!r}: no place in a chain")
        place = int(rest.pop(0))
    clauses = line.clauses(rest, six=reading.six)
    if known and chain not in reading.chains and chain not in BUILT_IN[reading.name]:
        raise ValueError(f"chain {chain!r} is not declared")
    for made in _expanded(Rule(chain, clauses, counters, number), six=reading.six):
        if known:
            _check_target(made, reading)
        if any(clause.option in ("-6", "-4") for clause in made.clauses):
            continue  # for the other family
        if command in ("-A", "--append"):
            reading.rules.append(made)
            continue
        others = [index for index, rule in enumerate(reading.rules) if rule.chain == chain]
        if place - 1 > len(others):
            raise ValueError(f"place {place} is beyond the end of chain {chain!r}")
        reading.rules.insert(others[place - 1] if place - 1 < len(others) else len(reading.rules), made)


def _expanded(made: Rule, *, six: bool) -> list[Rule]:
    """A rule for each address of its lists."""
    choices: list[list[Clause]] = [
        [replace(clause, values=(one,)) for one in addresses.networks(clause.values[0], six=six)]
        if clause.option in ("-s", "-d")
        else [clause]
        for clause in made.clauses
    ]
    return [replace(made, clauses=chosen) for chosen in itertools.product(*choices)]


def _check_target(made: Rule, reading: _Reading) -> None:
    target = made.target
    if not target or (target in reading.chains and target not in BUILT_IN[reading.name]):
        return
    if target in BUILT_IN[reading.name]:
        raise ValueError(f"nobody can jump to the chain {target!r}")
    if made.value("-g") or target not in KNOWN_TARGETS:
        raise ValueError(f"chain {target!r} is not declared")
