"""What a user who may log in can see of the running gateway: the questions as one script, and the answers read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_MARK = "=== "
_SERVICE = re.compile(r"[A-Za-z0-9@_.:-]+")
_LISTENING, _UNCONNECTED = "0A", "07"  # of TCP and UDP in /proc/net

# Nothing but a shell and /proc is needed; what is missing on a small system leaves its answer empty.
_SCRIPT = """
section() { echo "=== $1"; }
section host; cat /proc/sys/kernel/hostname
section user; id -un
section init; cat /proc/1/comm
section machine; cat /etc/machine-id
section sysrq; cat /proc/sys/kernel/sysrq
section accounts; cat /etc/passwd
section processes; cat /proc/[0-9]*/comm
section tcp; cat /proc/net/tcp /proc/net/tcp6
section udp; cat /proc/net/udp /proc/net/udp6
section units; for unit in %s; do echo "$unit $(systemctl is-enabled $unit) $(systemctl is-active $unit)"; done
section root; sudo -n id -un </dev/null
section firewall; sudo -n iptables-save </dev/null
"""


@dataclass(frozen=True)
class Inside:
    """The answers; empty where the gateway has none.

    Attributes:
        init: name of the first process.
        accounts: uid and login shell by name.
        tcp / udp: ports that something listens on.
        units: state of each service as systemd has it: enabled?, active?
        root: sudo makes this user root without a password.
        firewall: the running rules as iptables-save writes them, None when they may not be read.
    """

    host_name: str
    user: str
    init: str
    machine_id: str = field(repr=False)
    sysrq: str
    accounts: Mapping[str, tuple[int, str]]
    processes: frozenset[str]
    tcp: frozenset[int]
    udp: frozenset[int]
    units: Mapping[str, tuple[str, str]]
    root: bool
    firewall: str | None = field(repr=False)


def script(services: Sequence[str]) -> str:
    """The shell script to run; only names of services that are such are asked for."""
    names = " ".join(shlex.quote(name) for name in services if _SERVICE.fullmatch(name))
    return _SCRIPT % names


def read_answers(text: str) -> Inside:
    """The values of what the script printed."""
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if line.startswith(_MARK):
            current = sections.setdefault(line.removeprefix(_MARK), [])
        else:
            current.append(line)
    units = [line.split() for line in sections.get("units", [])]
    firewall = "".join(f"{line}\n" for line in sections.get("firewall", []))
    return Inside(
        host_name=_one(sections, "host"),
        user=_one(sections, "user"),
        init=_one(sections, "init"),
        machine_id=_one(sections, "machine"),
        sysrq=_one(sections, "sysrq"),
        accounts=dict(_accounts(sections.get("accounts", []))),
        processes=frozenset(sections.get("processes", [])),
        tcp=_ports(sections.get("tcp", []), _LISTENING),
        udp=_ports(sections.get("udp", []), _UNCONNECTED),
        units={words[0]: (words[1], words[2]) for words in units if len(words) == 3},
        root=_one(sections, "root") == "root",
        firewall=firewall or None,
    )


def _one(sections: Mapping[str, list[str]], name: str) -> str:
    return next(iter(sections.get(name, [])), "").strip()


def _accounts(lines: Sequence[str]) -> list[tuple[str, tuple[int, str]]]:
    rows = [line.split(":") for line in lines]
    return [(row[0], (int(row[2]), row[6])) for row in rows if len(row) == 7 and row[2].isdecimal()]


def _ports(lines: Sequence[str], state: str) -> frozenset[int]:
    """Local ports of the sockets in one state: ``sl local remote st …``, addresses and ports in hex (proc(5))."""
    rows = [line.split() for line in lines]
    return frozenset(
        int(row[1].rpartition(":")[2], 16) for row in rows if len(row) > 3 and row[3] == state and ":" in row[1]
    )
