"""``/etc/init.d/firewall_cust``: run as root after every change of the firewall, so it must not open anything again.

Kura 3 and 4 run it between writing their rules and saving what is in force (LinuxFirewall.applyRules, 3.0.0 line 433).
So it is the place for the policies, which 3.0 to 4.1.0 leave out: with the nft variant of iptables-restore they fall to
ACCEPT. And whatever it adds to INPUT is in the saved file, which Kura reads as ports to open when it starts again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.errors import Problem
from pipeline.formats.esf.custom_script import Addition, additions, commands
from pipeline.model.layer import LineOrigin, Origin
from pipeline.model.line_origins import kept, stretches

_SUSPICIOUS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?:-j|--jump|-g|--goto)[\s=]*['\"]?(?:ACCEPT\b|\$)"), "accepts packets, or whatever a variable says"),
    (re.compile(r"(?:-P|--policy)\s+\S+\s+(?:ACCEPT\b|['\"]?\$)"), "changes a policy"),
    (re.compile(r"\s(?:-F|--flush)\b"), "deletes rules"),
    (re.compile(r"\s(?:-D|--delete|-R|--replace|-X|--delete-chain|-E|--rename-chain)\b"), "deletes or replaces rules"),
)
# Commands that can do anything to the firewall without saying so on their line.
_OPAQUE = re.compile(r"(?:^|[\s;&|(`])(?:ip6?tables-(?:legacy-|nft-)?restore|nft|eval|source|\.)(?=\s)|\bbase64\b")
_FIREWALL = re.compile(r"tables\b|\$\{?\w+\}?")
_REMEDY = (
    "take the line out of the golden sample's script; ports are opened in its console, and closed again from there"
)


_SHEBANG = b"#!/bin/sh\n"
POLICIES = (
    b"# Kura writes its rules without policies; without these two, what no rule names could come in.\n"
    b"iptables -P INPUT DROP\n"
    b"iptables -P FORWARD DROP\n"
)
_INTO_MANGLE = (
    "add it to the mangle table, which Kura neither reads nor empties: "
    "iptables -t mangle -C INPUT ... -j DROP || iptables -t mangle -A INPUT ... -j DROP"
)


def openings(text: str, where: str, *, reread: bool = False) -> Iterator[Problem]:
    """Every command of the script that opens something, or could; by its first line.

    Args:
        reread: the framework saves what the script adds, and reads it when it starts again (Kura 3 and 4).
    """
    for number, command in commands(text):
        if _OPAQUE.search(command):
            yield Problem(f"{where}: line {number}: runs what cannot be judged here: {command}", _REMEDY)
        if not _FIREWALL.search(command):
            continue
        for pattern, what in _SUSPICIOUS:
            if pattern.search(command):
                yield Problem(f"{where}: line {number}: {what}: {command}", _REMEDY)
                break
        if reread and any(is_reread(added) for added in additions(command)):
            told = "adds to INPUT what Kura reads as an open port when it starts again"
            yield Problem(f"{where}: line {number}: {told}: {command}", _INTO_MANGLE)


def is_reread(added: Addition) -> bool:
    """Whether a rule would be in a chain whose lines Kura takes for ports."""
    return added.table == "filter" and (added.chain.startswith("INPUT") or "$" in added.chain)


def with_policies(script: bytes | None, where: str) -> tuple[bytes, tuple[LineOrigin, ...]]:
    """The script with both policies first, and who is responsible for which line.

    Args:
        script: the golden sample's; None without one.
        where: how origins call it.
    """
    given = _SHEBANG if script is None else script
    text = given.decode("utf-8", "replace")
    told = {command for _, command in commands(text)}
    if all(any(command.endswith(f"-P {chain} DROP") for command in told) for chain in ("INPUT", "FORWARD")):
        return given, ()
    head = given.index(b"\n") + 1 if given.startswith(b"#!") and b"\n" in given else 0
    ours = Origin("firewall.stays_closed", "Kura writes its rules without policies", "A:113")
    same = kept(where) if script is not None else ours
    size = [given[:head].count(b"\n"), POLICIES.count(b"\n"), len(given[head:].splitlines())]
    owners = [*[same] * size[0], *[ours] * size[1], *[same] * size[2]]
    return given[:head] + POLICIES + given[head:], stretches(owners)
