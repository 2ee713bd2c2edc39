"""systemd: ``systemd-analyze verify`` of the units in /etc, and ``systemctl is-enabled`` against what rules believe."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.reader import Ask, Command, Meaning, Reader, Reply
from pipeline.model.reader_answer import ReaderVerdict
from pipeline.readers.files_of import regular_files
from pipeline.readers.meaning import not_asked, refusal, said
from pipeline.rules.services import startup

_UNITS = tuple(f"/etc/systemd/system/*.{kind}" for kind in ("service", "socket", "timer", "target", "path", "mount"))
_WATCHED = (
    "avahi-daemon.service", "avahi-daemon.socket", "ssh.service", "sshd.service", "ssh.socket", "dropbear.service",
    "firewall.service", "kura.service", "monit.service", "nftables.service", "netfilter-persistent.service",
    "regenerate_ssh_host_keys.service", "telnet.socket", "rpcbind.service",
)  # fmt: skip
_BASES = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
_MOST = 24  # units in one question
_WRONG = re.compile(
    r"Unknown (?:key|section|lvalue)|Failed to parse|Invalid|is not executable|bad unit file setting|Missing '='"
    r"|not a valid|has no ExecStart|lacks|refusing|Assignment outside of section|Command .* is not|ignoring:"
)
_NOISE = re.compile(r"man page|SO_PASSCRED|RLIMIT|Cannot add dependency|not-found|Failed to (?:prepare|connect|open)")
_STATES = {"enabled": True, "enabled-runtime": True, "disabled": False, "masked": False, "masked-runtime": False}


def verify_asks(view: ImageView, program: str) -> Iterator[Ask]:
    """The units people put into /etc; what the distribution ships was judged by its makers."""
    if view.init != "systemd":
        return
    units = [file for file in regular_files(view, *_UNITS) if file.startswith("/etc/systemd/")]
    drops = regular_files(view, "/etc/systemd/system/*.d/*.conf")
    owners = {f"{drop.rpartition('/')[0].removesuffix('.d').rpartition('/')[2]}" for drop in drops}
    named = sorted({*units, *(owner for owner in owners if "." in owner)})[:_MOST]
    if named:
        command = Command((program, "verify", "--man=no", "--generators=no", "--recursive-errors=no", *named))
        yield Ask(named[0], (command,), tuple(sorted({*units, *drops})), expected=tuple(units), seconds=240)


def verify_meaning(ask: Ask, replies: Sequence[Reply]) -> Meaning:
    """Complaints about the units asked for; those about the rest of the system are not theirs."""
    failure = not_asked(replies)
    if failure is not None:
        return failure
    words = said(replies)
    if any("unrecognized option" in line for line in words):
        return Meaning(ReaderVerdict.NOT_ASKED, "this systemd-analyze is too old to look at units alone")
    names = [unit.rpartition("/")[2] for unit in ask.expected]
    wrong = [line for line in words if _WRONG.search(line) and not _NOISE.search(line)]
    own = [line for line in wrong if any(name in line for name in names) or "/etc/systemd/" in line]
    return refusal(own, re.compile(r":(\d+):")) if own else Meaning(ReaderVerdict.YES)


def enabled_asks(view: ImageView, program: str) -> Iterator[Ask]:
    """Units the rules care about, as far as they are there."""
    if view.init != "systemd":
        return
    there = [unit for unit in _WATCHED if any(view.tree.get(GuestPath(f"{base}/{unit}")) for base in _BASES)]
    if there:
        believed = tuple(f"{unit}={'on' if startup.enabled(view, unit) else 'off'}" for unit in there)
        read = [str(path) for base in _BASES[:1] for path in view.tree.below(GuestPath(base))]
        yield Ask("/etc/systemd/system", (Command((program, "is-enabled", *there)),), tuple(read), expected=believed)


def enabled_meaning(ask: Ask, replies: Sequence[Reply]) -> Meaning:
    """One word for each unit; a no where it is not what rules took it for."""
    failure = not_asked(replies)
    if failure is not None:
        return failure
    states = [line.split()[0] for line in replies[-1].out.splitlines() if line.strip()]
    if len(states) != len(ask.expected):
        return Meaning(ReaderVerdict.NOT_ASKED, (said(replies) or ["it says nothing"])[0])
    for state, believed in zip(states, ask.expected, strict=True):
        unit, _, taken_for = believed.rpartition("=")
        if state in _STATES and _STATES[state] is not (taken_for == "on"):
            return Meaning(ReaderVerdict.NO, f"{unit} is {state}; the rules take it to be {taken_for}")
    return Meaning(ReaderVerdict.YES)


READER = Reader(
    "systemd",
    "the image's own systemd takes the units in /etc",
    ("/usr/bin/systemd-analyze", "/bin/systemd-analyze"),
    verify_asks,
    verify_meaning,
    version=("--version",),
)
READER_ENABLED = Reader(
    "systemd_enabled",
    "the image's own systemctl enables the units the rules believe are enabled",
    ("/usr/bin/systemctl", "/bin/systemctl"),
    enabled_asks,
    enabled_meaning,
    version=("--version",),
    remedy="look at the links in /etc/systemd/system; where systemd is right, report the rule",
)
