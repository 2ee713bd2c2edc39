"""One rule's words, read in their order as iptables-restore 1.8 reads them: options belong to what stands before."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from pipeline.formats.network.iptables import addresses
from pipeline.formats.network.iptables.extensions import (
    IMPLICIT,
    KNOWN_MATCHES,
    MATCHES,
    ONLY_V4,
    ONLY_V6,
    PROTOCOLS,
    TARGETS,
    Extension,
    Option,
)
from pipeline.formats.network.iptables.rules import Clause
from pipeline.formats.network.iptables.values import KINDS

_LONG = {
    "--protocol": "-p", "--proto": "-p", "--source": "-s", "--src": "-s", "--destination": "-d", "--dst": "-d",
    "--in-interface": "-i", "--out-interface": "-o", "--jump": "-j", "--goto": "-g", "--match": "-m",
    "--fragment": "-f", "--set-counters": "-c", "--ipv4": "-4", "--ipv6": "-6", "--verbose": "-v",
}  # fmt: skip
# Of matches and targets, by their other names.
_ALIASES = {
    "--destination-port": "--dport", "--source-port": "--sport", "--destination-ports": "--dports",
    "--source-ports": "--sports", "--mss": "--set-mss",
}  # fmt: skip
_TARGET_ALIASES = {
    ("SNAT", "--to"): "--to-source", ("DNAT", "--to"): "--to-destination", ("REDIRECT", "--to-port"): "--to-ports",
    ("MASQUERADE", "--to-port"): "--to-ports", ("REDIRECT", "--to"): "--to-ports",
}  # fmt: skip
_CORE = {
    "-p": 1, "-s": 1, "-d": 1, "-i": 1, "-o": 1, "-j": 1, "-g": 1, "-m": 1, "-f": 0, "-c": 2, "-4": 0, "-6": 0, "-v": 0,
}  # fmt: skip
_ONCE = frozenset({"-p", "-s", "-d", "-i", "-o", "-j", "-g"})
_NOT_NEGATED = frozenset({"-j", "-g", "-m", "-c", "-4", "-6", "-v"})
_LONGEST_NAME = 15  # IFNAMSIZ


@dataclass
class _Loaded:
    """A match or target that has been named, and its options so far."""

    name: str
    extension: Extension | None
    given: list[str] = field(default_factory=list)


def tokens(line: str) -> list[str]:
    """Words of a line: only double quotation marks hold words together, and only inside them a backslash counts.

    One that is not closed makes the rest of the line one word.
    """
    found: list[str] = []
    word = ""
    started = quoted = escaped = False
    for letter in line:
        if quoted:
            if escaped:
                word, escaped = word + letter, False
            elif letter == "\\":
                escaped = True
            elif letter == '"':
                found.append(word)
                word, quoted, started = "", False, False
            else:
                word += letter
        elif letter == '"':
            quoted = True
        elif letter in " \t\n":
            if started:
                found.append(word)
            word, started = "", False
        else:
            word, started = word + letter, True
    return [*found, word] if started or quoted else found


def clauses(words: list[str], *, six: bool = False) -> tuple[Clause, ...]:
    """The options of a rule.

    Raises:
        ValueError: what iptables-restore would refuse: names it, and what is wanted.
    """
    made: list[Clause] = []
    loaded: list[_Loaded] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        negated = word == "!"
        if negated:
            word = rest.pop(0) if rest else ""
            if word == "!":
                raise ValueError("'!' stands twice")
            if not _is_option(word):
                raise ValueError("'!' stands at the end" if not word else f"expected an option before {word!r}")
        if not _is_option(word):
            raise ValueError(f"expected an option before {word!r}" if not made else _stray(word))
        clause = _clause(word, rest, made, loaded, negated=negated, six=six)
        _core(clause, made, loaded, six=six)
        made.append(clause)
    _complete(made, loaded)
    return tuple(clause for clause in made if clause.option not in ("-4", "-v"))


def _stray(word: str) -> str:
    hint = ": only double quotation marks hold words together" if word.strip("'") != word else ""
    return f"{word!r} belongs to no option{hint}"


def _is_option(token: str) -> bool:
    """``-p``, ``-ptcp`` or ``--dport``; a lone dash or a negative number is a value."""
    return re.match(r"--[a-z0-9]|-[A-Za-z46]", token) is not None


def _clause(
    word: str, rest: list[str], made: list[Clause], loaded: list[_Loaded], *, negated: bool, six: bool
) -> Clause:
    """One option with its values, taken from the words that are left."""
    name, _, value = word.partition("=") if word.startswith("--") else (word[:2], "", word[2:])
    name = _full(name)
    values = [value] if value else []
    core = _CORE.get(name)
    if core is None:
        name, option = _option(name, made, loaded, six=six)
        if option is None:  # of an extension nobody judges: as many values as there are words
            while rest and not _is_option(rest[0]) and rest[0] != "!":
                values.append(rest.pop(0))
            return Clause(name, tuple(values), negated)
        count = len(option.kinds)
        if negated and not option.negated:
            raise ValueError(f"{name} cannot be negated")
    else:
        option, count = None, core
        if negated and name in _NOT_NEGATED:
            raise ValueError(f"{name} cannot be negated")
        if name in ("-p", "-i", "-o") and value:
            # 1.8.9 takes the whole word for the value: -ieth0 is a rule for an interface called "-ieth0".
            raise ValueError(f"{word!r}: versions of iptables differ over the two in one word")
    while len(values) < count and rest:
        values.append(rest.pop(0))
    if len(values) != count:
        raise ValueError(f"{name} needs {count or 'no'} value{'s' if count != 1 else ''}")
    for kind, given in zip(option.kinds if option else (), values, strict=False):
        if not KINDS[kind](given) or (kind == "addresses" and six != (":" in given)):
            raise ValueError(f"{name} does not take {given!r}")
    return Clause(name, tuple(values), negated)


def _full(name: str) -> str:
    """A long option of the program itself, which may be shortened."""
    if name in _LONG or not name.startswith("--"):
        return _LONG.get(name, name)
    meant = {short for long, short in _LONG.items() if len(name) > 4 and long.startswith(name) and short != "-c"}
    return meant.pop() if len(meant) == 1 else name


def _option(name: str, made: list[Clause], loaded: list[_Loaded], *, six: bool) -> tuple[str, Option | None]:
    """The option of what has been named, or of what the protocol brings; None for one nobody judges."""
    for item in reversed(loaded):
        known = item.extension
        if known is None:
            continue
        meant = _TARGET_ALIASES.get((item.name, name), _ALIASES.get(name, name))
        if meant in known.options:
            if meant in item.given:
                raise ValueError(f"{meant} stands twice")
            item.given.append(meant)
            return meant, known.options[meant]
    protocol = next((clause.values[0].lower() for clause in made if clause.option == "-p"), "")
    implied = IMPLICIT.get(protocol)
    if implied in (ONLY_V4 if six else ONLY_V6):
        implied = None
    meant = _ALIASES.get(name, name)
    if implied and implied not in {item.name for item in loaded} and meant in MATCHES[implied].options:
        loaded.append(_Loaded(implied, MATCHES[implied], [meant]))
        return meant, MATCHES[implied].options[meant]
    if any(item.extension is None for item in loaded):
        return meant, None
    raise ValueError(f"{name} is no option of what stands before it{_needs(meant)}")


def _needs(option: str) -> str:
    if option in ("--dports", "--sports", "--ports"):
        return ": it needs -m multiport"
    if option in ("--dport", "--sport"):
        return ": it needs -p tcp or udp before it"
    return ""


def _core(clause: Clause, made: list[Clause], loaded: list[_Loaded], *, six: bool) -> None:
    option, value = clause.option, clause.values[0] if clause.values else ""
    if option in _ONCE and any(known.option == option for known in made):
        raise ValueError(f"{option} stands twice")
    if option == "-m":
        if value not in KNOWN_MATCHES or value in (ONLY_V4 if six else ONLY_V6):
            raise ValueError(f"-m {value}: there is no such match")
        loaded.append(_Loaded(value, MATCHES.get(value)))
    elif option in ("-j", "-g"):
        # What is a chain, and whether there is such a target, shows when the table is known.
        known = TARGETS.get(value) if option == "-j" else Extension({})
        if six and value == "REJECT":
            known = replace(TARGETS["REJECT"], options={"--reject-with": Option(("reject6",), negated=False)})
        loaded.append(_Loaded(value, known if known or value.isupper() else Extension({})))
    elif option in ("-s", "-d"):
        found = addresses.networks(value, six=six)
        if clause.negated and len(found) > 1:
            raise ValueError(f"! {option} takes one address only")
    elif option == "-p":
        number = value.isascii() and value.isdigit() and int(value) < 256
        if not number and value.lower() not in PROTOCOLS:
            raise ValueError(f"-p {value}: no protocol")
    elif option in ("-i", "-o") and not 0 < len(value) <= _LONGEST_NAME:
        raise ValueError(f"{option} {value}: a name of up to {_LONGEST_NAME} characters is wanted")
    elif option == "-f" and six:
        raise ValueError("-f: IPv6 has no such option")


def _complete(made: list[Clause], loaded: list[_Loaded]) -> None:
    protocol = next((clause for clause in made if clause.option == "-p"), None)
    name = protocol.values[0].lower() if protocol else ""
    if {"-j", "-g"} <= {clause.option for clause in made}:
        raise ValueError("-j and -g stand beside each other")
    for item in loaded:
        known = item.extension
        if known is None:
            continue
        if not known.needs <= {*item.given}:
            raise ValueError(f"{item.name} needs {' and '.join(sorted(known.needs))}")
        if known.one_of and not known.one_of & {*item.given}:
            raise ValueError(f"{item.name} needs {' or '.join(sorted(known.one_of))}")
        if len(known.apart & {*item.given}) > 1:
            raise ValueError(f"{item.name}: {' and '.join(sorted(known.apart & {*item.given}))} exclude each other")
        if known.protocols and name not in known.protocols:
            raise ValueError(f"{item.name} needs -p {' or '.join(sorted(p for p in known.protocols if p.isalpha()))}")
        with_ports = [
            clause
            for clause in made
            if (item.name in ("MASQUERADE", "REDIRECT") and clause.option == "--to-ports")
            or (item.name in ("SNAT", "DNAT") and clause.option.startswith("--to-") and _has_port(clause.values[0]))
        ]
        if with_ports and name not in MATCHES["multiport"].protocols:
            raise ValueError(f"{item.name} with a port needs -p tcp or udp")
        if item.name == "REJECT" and name not in ("tcp", "6") and _rejects_by_reset(made):
            raise ValueError("--reject-with tcp-reset needs -p tcp")
        if item.name == "multiport" and protocol and protocol.negated:
            raise ValueError("multiport needs a protocol that is not negated")


def _has_port(text: str) -> bool:
    return "]:" in text or (":" in text and text.count(":") == 1)


def _rejects_by_reset(made: list[Clause]) -> bool:
    return any(clause.option == "--reject-with" and clause.values[0].startswith("tcp-r") for clause in made)
