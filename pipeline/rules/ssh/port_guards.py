"""What guards the SSH port: rate limits and jails that still look at the port SSH has left."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator

from pipeline.errors import PipelineError
from pipeline.formats.network.iptables import text as iptables
from pipeline.formats.network.iptables.rules import Ruleset
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.looking import files, first_program, harmless, lines
from pipeline.rules.ssh import port

_RULES = ("/etc/sysconfig/iptables", "/etc/iptables/rules.v4", "/etc/sysconfig/ip6tables", "/etc/iptables/rules.v6")
# In fail2ban's order: a later file's word counts (jail.conf(5)).
_JAILS = ("/etc/fail2ban/jail.conf", "/etc/fail2ban/jail.d/*.conf", "/etc/fail2ban/jail.local",
          "/etc/fail2ban/jail.d/*.local")  # fmt: skip
READS = (*port.READS, *_RULES, *_JAILS)

_SSH_JAILS = ("sshd", "ssh", "ssh-ddos", "sshd-ddos", "dropbear", "dropbear-ddos")
_LIMITS = frozenset({"recent", "limit", "hashlimit", "connlimit"})


def _guards(view: ImageView, expected: Expected) -> Judgement:
    """A guard of port 22 guards nothing once SSH listens elsewhere."""
    del expected
    listening = {number for number, _, _ in port.ssh_ports(view)[0]}
    if not listening:
        return Judgement.not_applicable("nothing of SSH listens")
    limits = [*_limits(view, listening)]
    jails = [*_fail2ban(view, listening)] if first_program(view, "/usr/bin/fail2ban-server") else []
    return Judgement.of([*limits, *jails], "no rate limit and no jail is left behind on another port")


def _limits(view: ImageView, listening: set[int]) -> Iterator[Breach]:
    """Rules that count new connections to port 22, where SSH is no more."""
    if 22 in listening:
        return
    for path, data in files(view, *_RULES):
        try:
            read: Ruleset = iptables.parse(data.decode("utf-8", "surrogateescape"), path, six="6" in path)
        except PipelineError:
            continue  # firewall.readable says so
        for rule in (rule for table in read.tables for rule in table.rules):
            counts = _LIMITS & {clause.values[0] for clause in rule.clauses if clause.option == "-m"}
            ports = rule.destination_ports()
            if counts and ports == ((22, 22),):
                wanted = f"the same for port {', '.join(map(str, sorted(listening)))}"
                yield Breach(path, rule.line, f"a rate limit ({min(counts)}) of port 22", wanted)


def _fail2ban(view: ImageView, listening: set[int]) -> Iterator[Breach]:
    merged = configparser.RawConfigParser(strict=False, allow_no_value=True, interpolation=None)
    places: dict[tuple[str, str], tuple[str, int]] = {}
    for path, data in files(view, *_JAILS):
        section = ""
        for number, line in lines(data):
            head = re.match(r"\[([^\]]+)\]", line)
            section = head[1] if head else section
            key = re.match(r"(\w+)\s*[=:]", line)
            if key:
                places[section, key[1]] = (path, number)
        try:
            merged.read_string(data.decode("utf-8", "replace"), path)
        except configparser.Error as error:
            yield Breach(path, 0, f"fail2ban cannot read it: {harmless(str(error))}", "a file fail2ban reads")
    for jail in _SSH_JAILS:
        if not merged.has_section(jail) or not _on(merged.get(jail, "enabled", fallback="false")):
            continue
        if "allports" in merged.get(jail, "banaction", fallback=""):
            continue
        said = merged.get(jail, "port", fallback="0:65535") or ""
        if not all(_covers(said, number) for number in listening):
            told = places.get((jail, "port")) or places.get((jail, "enabled")) or ("/etc/fail2ban/jail.conf", 0)
            wanted = f"port = {','.join(map(str, sorted(listening)))}"
            yield Breach(*told, f"jail {jail} bans from port {harmless(said)}, where SSH is not", wanted)


def _on(text: str | None) -> bool:
    return (text or "").strip().lower() in ("true", "yes", "on", "1")


def _covers(said: str, number: int) -> bool:
    for part in re.split(r"[\s,]+", said.strip()):
        low, _, high = (22 if end == "ssh" else end for end in part.partition(":"))
        first = low if isinstance(low, int) else int(low) if low.isdigit() else -1
        last = high if isinstance(high, int) else int(high) if high.isdigit() else first
        if first <= number <= last:
            return True
    return False


RULES = (
    Rule(
        id="ssh.port_guards",
        title="rate limits and fail2ban look at the port SSH listens on",
        why=(
            "A rate limit for port 22 protects nothing when SSH listens elsewhere: guesses are neither slowed down nor "
            "banned."
        ),
        severity=Severity.MEDIUM,
        documents=("A:76", "A:84"),
        references=("CIS 4.4.2.4", "62443 CR 1.11", "ETSI 5.1-5"),
        profile="documents",
        check=_guards,
        remedy="give the rule or the jail the new port, or take it out",
    ),
)
