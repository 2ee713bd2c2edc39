"""How the programs behind name service, leases, supervision, kernel parameters, units and dropbear are asked."""

from __future__ import annotations

import re
import shlex

from tests.readers import dropbear_keys
from tests.readers.root import Answer, Ask, Program, Root, answer, simple, write

_SYSCTL = re.compile(r"invalid syntax|not under /proc/sys|setting with empty name|malformed")
_UNIT = re.compile(r"/(?:file)\.[a-z]+:\d+: |^file\.[a-z]+: |Unit file\.[a-z]+ ", re.MULTILINE)


def _udhcpd(root: Root, data: bytes) -> Answer:
    """It complains about a line and takes the value it has built in; only a range the wrong way round ends it."""
    with root.folder() as (outside, inside):
        write(outside / "file", data, 0o644)
        ran = root.run("udhcpd", "-f", f"{inside}/file")
    bad = re.search(r"can't parse|bad line|bad start/end|unknown option|invalid|malformed|too many", ran.words)
    return answer(bad is None, ran.words.replace(inside, ""))


def _sysctl(root: Root, data: bytes) -> Answer:
    """``--dry-run``; what a key ends as is taken too, in the order in which it would be set."""
    with root.folder() as (outside, inside):
        write(outside / "file", data, 0o644)
        ran = root.run("sysctl", "--dry-run", "-p", f"{inside}/file")
    settled: dict[str, str] = {}
    for line in ran.words.splitlines():
        key, equals, value = line.partition(" = ")
        if equals and re.fullmatch(r"[a-z0-9_./-]+", key):
            settled[key] = value
    return answer(_SYSCTL.search(ran.words) is None, ran.words.replace(inside, ""), settled)


def _unit(root: Root, data: bytes) -> Answer:
    """``systemd-analyze verify``: whatever it says about this unit, errors and what it would pass over alike.

    The first line may name the kind of unit, as ``#socket``.
    """
    first = data.split(b"\n", 1)[0].decode("latin-1")
    kind = first[1:] if re.fullmatch("#(?:socket|timer|target|path|mount)", first) else "service"
    with root.folder() as (outside, inside):
        write(outside / f"file.{kind}", data, 0o644)
        if kind in ("socket", "timer", "path"):  # the unit it starts
            write(outside / "file.service", b"[Service]\nExecStart=/bin/true\n", 0o644)
        ran = root.run(
            "env", "SYSTEMD_COLORS=0", "systemd-analyze", "verify", "--man=no", "--generators=no",
            "--recursive-errors=no", f"{inside}/file.{kind}",
        )  # fmt: skip
    bad = [line for line in ran.words.splitlines() if _UNIT.search(line)]
    return answer(not bad, (" | ".join(bad) or ran.words).replace(inside, ""))


def _dropbear(root: Root, data: bytes) -> Answer:
    """The server with these options: it refuses them at once, or would go on to serve and is ended."""
    with root.folder() as (outside, inside):
        write(outside / "key", dropbear_keys.made(b"ed25519"), 0o600)
        write(outside / "banner", b"ours\n", 0o644)
        words = shlex.split(data.decode().replace("KEY", f"{inside}/key").replace("BANNER", f"{inside}/banner"))
        serve = 'ip link set lo up; exec timeout 1 dropbear -F -E -P "$@"'
        ran = root.run("sh", "-c", serve, "sh", f"{inside}/pid", *words)
    return answer(ran.status == 124, ran.words.replace(inside, ""))


def _dropbearkey(root: Root, data: bytes) -> Answer:
    """The public half of a host key: no key of ours lies in the project, an input says how one is made."""
    with root.folder() as (outside, inside):
        write(outside / "key", dropbear_keys.made(data.rstrip(b"\n")), 0o600)
        ran = root.run("dropbearkey", "-y", "-f", f"{inside}/key")
    return answer(ran.status == 0, ran.words.replace(inside, ""))


_NAMED: Ask = simple("named-checkconf", "FILE")
_DHCPD: Ask = simple("dhcpd", "-t", "-cf", "FILE", "-lf", "/dev/null")
_MONIT: Ask = simple("monit", "-t", "-c", "FILE", mode=0o600)

PROGRAMS: tuple[Program, ...] = (
    Program("named-checkconf", ("named-checkconf", "-v"), r"\d+\.\d+\.\d+\S*", _NAMED),
    Program("dhcpd", ("dhcpd", "--version"), r"isc-dhcpd-\S+", _DHCPD),
    Program("udhcpd", ("busybox",), r"BusyBox v\S+", _udhcpd),
    Program("monit", ("monit", "-V"), r"version \S+", _MONIT),
    Program("sysctl", ("sysctl", "--version"), r"procps-ng \S+", _sysctl),
    Program("systemd-analyze", ("systemd-analyze", "--version"), r"systemd \d+", _unit),
    Program("dropbear", ("dropbear", "-V"), r"Dropbear v\S+", _dropbear),
    Program("dropbearkey", ("dropbear", "-V"), r"Dropbear v\S+", _dropbearkey),
)
