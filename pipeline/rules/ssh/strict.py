"""The strict profile: what public benchmarks ask of sshd besides the documents."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.looking import harmless
from pipeline.rules.ssh import sshd

READS = sshd.READS

Check = Callable[[ImageView, Expected], Judgement]


@dataclass(frozen=True)
class _Keyword:
    """A keyword of sshd, a test of its value, and the default."""

    keyword: str
    default: str
    wanted: str
    fits: Callable[[str], bool]
    title: str
    why: str
    severity: Severity
    references: tuple[str, ...]


def _seconds(text: str) -> int:
    """A time as sshd writes it: 90, 2m, 1h30m (sshd_config(5), TIME FORMATS); 0 is without end."""
    units = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
    total = sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([smhdw]?)", text.lower()))
    return total or 1 << 30


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 1 << 30


_KEYWORDS = (
    _Keyword(
        "maxauthtries",
        "6",
        "at most 4",
        lambda value: _count(value) <= 4,
        "few authentication attempts per connection",
        (
            "The more tries a connection has, the faster keys and passwords can be guessed, and the fewer lines of the "
            "log show it."
        ),
        Severity.LOW,
        ("CIS 5.1.16", "CaC sshd_set_max_auth_tries"),
    ),
    _Keyword(
        "logingracetime",
        "120",
        "at most 60 seconds",
        lambda value: _seconds(value) <= 60,
        "connections that do not log in are closed soon",
        (
            "Connections that never log in use up the server's slots; with a long grace time a few of them keep "
            "everybody out."
        ),
        Severity.LOW,
        ("CIS 5.1.13", "CaC sshd_set_login_grace_time"),
    ),
    _Keyword(
        "x11forwarding",
        "no",
        "no",
        lambda value: value == "no",
        "X11 forwarding is off",
        ("Forwarded screens let a gateway that was taken over read keys and windows of the administrator who logs in."),
        Severity.LOW,
        ("CIS 5.1.8", "CaC sshd_disable_x11_forwarding"),
    ),
    _Keyword(
        "allowtcpforwarding",
        "yes",
        "no",
        lambda value: value == "no",
        "TCP forwarding (tunnels) is off",
        "A tunnel through SSH reaches the console and the plant's network behind the firewall, past all its rules.",
        Severity.MEDIUM,
        ("CIS 5.1.8", "CaC sshd_disable_tcp_forwarding"),
    ),
    _Keyword(
        "permituserenvironment",
        "no",
        "no",
        lambda value: value == "no",
        "users cannot set environment variables of their sessions",
        "Variables such as LD_PRELOAD let a user who is restricted to one command run others.",
        Severity.MEDIUM,
        ("CIS 5.1.21", "CaC sshd_do_not_permit_user_env"),
    ),
    _Keyword(
        "ignorerhosts",
        "yes",
        "yes",
        lambda value: value == "yes",
        "trust by host name (.rhosts) is ignored",
        "Files of users could let in whole machines by their name, without any key.",
        Severity.MEDIUM,
        ("CIS 5.1.11", "CaC sshd_disable_rhosts"),
    ),
    _Keyword(
        "strictmodes",
        "yes",
        "yes",
        lambda value: value == "yes",
        "keys in files that others may write are refused",
        "Where others may write a user's authorized_keys, any service that was taken over adds a key of its own.",
        Severity.MEDIUM,
        ("CaC sshd_enable_strictmodes", "ANSSI R50"),
    ),
    _Keyword(
        "loglevel",
        "info",
        "INFO or VERBOSE",
        lambda value: value in ("info", "verbose"),
        "logins are logged",
        "Without the key's fingerprint in the log, nobody can tell afterwards whose key was used.",
        Severity.LOW,
        ("CIS 5.1.14", "CRA I.1(2)(l)"),
    ),
)


def _sshd_keyword(wanted: _Keyword) -> Check:
    def check(view: ImageView, expected: Expected) -> Judgement:
        del expected
        server = sshd.daemon(view)
        if server is None:
            return Judgement.not_applicable("the image has no OpenSSH server")
        breaches = []
        if not wanted.fits(server.value(wanted.keyword, wanted.default)):
            said = server.effective.value(wanted.keyword)
            found = f"{wanted.keyword} {harmless(said)}" if said else f"nothing says {wanted.keyword}: {wanted.default}"
            breaches.append(Breach(*server.place(wanted.keyword), found, wanted.wanted))
        for statement in server.exceptions(wanted.keyword):
            if not wanted.fits(" ".join(statement.arguments).lower()):
                found = f"{wanted.keyword} {harmless(' '.join(statement.arguments))} in a Match block"
                breaches.append(Breach(statement.file, statement.line, found, wanted.wanted))
        return Judgement.of(breaches, f"{wanted.keyword} {wanted.wanted}")

    return check


RULES = tuple(
    Rule(
        id=f"ssh.{keyword.keyword}",
        title=keyword.title,
        why=keyword.why,
        severity=keyword.severity,
        documents=(),
        references=keyword.references,
        profile="strict",
        check=_sshd_keyword(keyword),
        remedy=f"{keyword.keyword} {keyword.wanted} in sshd_config, above every Match",
        enforced_by="ssh",
    )
    for keyword in _KEYWORDS
)
